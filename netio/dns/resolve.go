package dns

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// maxTargets bounds the targets of one service that are looked up.
const maxTargets = 64

// resolve finds the answer to q and keeps it. When the servers fail and an old
// answer may serve, that is the result.
func (r *Resolver) resolve(ctx context.Context, q Query) Result {
	var found finding
	order := r.order()
	switch q.Type {
	case SRV:
		found = r.targets(ctx, q, order)
	case PTR:
		found = r.chain(ctx, reverseName(q.Addr), []dnsmessage.Type{dnsmessage.TypePTR}, order)
	default:
		found = r.chain(ctx, q.Name, r.families(q.Type), order)
	}
	now := time.Now()
	if found.err != nil && !found.err.final() {
		if e := r.cache.find(q); e != nil {
			if old, ok := e.old(now); ok {
				e.hold.Store(now.Add(staleHold).UnixNano())
				return old
			}
		}
		return Result{Err: found.err, Expires: now.Add(cmp.Or(r.cfg.Valid, 10*time.Second))}
	}
	return r.keep(q, found, now)
}

// finding is what the servers say about one question, all aliases followed.
type finding struct {
	answer
	targets []Target
	err     *Error
}

// keep puts a finding into the cache for as long as it may stay there.
func (r *Resolver) keep(q Query, f finding, now time.Time) Result {
	ttl := time.Duration(f.ttl) * time.Second
	res := Result{Addrs: f.addrs, Targets: f.targets, Name: f.name, Err: f.err}
	stale := time.Duration(0)
	if f.err == nil {
		if r.cfg.Valid > 0 {
			ttl = r.cfg.Valid
		}
		stale = r.cfg.Stale
	} else {
		ttl = min(ttl, maxAbsent)
		if r.cfg.Valid > 0 {
			ttl = min(ttl, r.cfg.Valid)
		}
		if !f.answer.keep {
			ttl = 0
		}
	}
	res.Expires = now.Add(ttl)
	if f.err != nil && ttl == 0 {
		// When the one who re-resolves on expiry should ask again, as nginx.
		res.Expires = now.Add(cmp.Or(r.cfg.Valid, 10*time.Second))
		return res
	}
	return r.cache.put(q, res, now.Add(ttl), now.Add(ttl+stale))
}

// families returns the record types that an address query asks for.
func (r *Resolver) families(t Type) []dnsmessage.Type {
	switch {
	case t == A:
		return []dnsmessage.Type{dnsmessage.TypeA}
	case t == AAAA:
		return []dnsmessage.Type{dnsmessage.TypeAAAA}
	case !r.cfg.IPv6:
		return []dnsmessage.Type{dnsmessage.TypeA}
	case !r.cfg.IPv4:
		return []dnsmessage.Type{dnsmessage.TypeAAAA}
	}
	return []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA}
}

// chain asks for name, and for what it is an alias of, until there is an
// answer. Its TTL is the least of the chain's.
func (r *Resolver) chain(ctx context.Context, name string, types []dnsmessage.Type, order []*server) finding {
	ttl := ^uint32(0)
	seen := []string{name}
	for range maxAliases {
		f := r.both(ctx, name, types, order)
		f.ttl = min(f.ttl, ttl)
		if f.err != nil || !f.empty() {
			return f
		}
		if f.alias == "" {
			f.err = newError(CodeNotFound)
			return f
		}
		if slices.Contains(seen, f.alias) || !valid(f.alias) {
			break
		}
		name, ttl = f.alias, f.ttl
		seen = append(seen, name)
	}
	return finding{err: newError(CodeNotFound)}
}

// both asks one question per type side by side and puts the answers together.
// As in nginx an error for one type is the error for the name, and the alias
// that one answer consists of is followed only when the other has no record
// either; of two different aliases the later type's is followed, and none when
// the later type has neither alias nor record.
func (r *Resolver) both(ctx context.Context, name string, types []dnsmessage.Type, order []*server) finding {
	found := make([]finding, len(types))
	var wg sync.WaitGroup
	for i, t := range types[1:] {
		wg.Go(func() { found[i+1] = r.one(ctx, question{name, t}, order) })
	}
	found[0] = r.one(ctx, question{name, types[0]}, order)
	wg.Wait()

	sum := found[0]
	for _, f := range found[1:] {
		sum = sum.plus(f)
	}
	return sum
}

// plus puts the answers for two types of one name together.
func (f finding) plus(g finding) finding {
	switch {
	case f.err != nil && (g.err == nil || g.err.final()):
		return f
	case g.err != nil:
		return g
	case f.empty() && f.alias == "" && (!g.empty() || g.alias != ""):
		return g // the other type's absence does not bound its TTL
	case g.empty() && g.alias == "":
		if f.empty() {
			return g // an alias that the later type does not know leads nowhere
		}
		return f
	case f.empty() != g.empty():
		if f.empty() {
			return g
		}
		return f
	}
	g.addrs = slices.Concat(f.addrs, g.addrs)
	g.ttl = min(f.ttl, g.ttl)
	g.answer.keep = f.answer.keep && g.answer.keep
	return g
}

// one asks one question and turns absence of the name into its error.
func (r *Resolver) one(ctx context.Context, q question, order []*server) finding {
	a, err := r.ask(ctx, q, order)
	if err == nil && a.code == CodeNotFound {
		err = newError(CodeNotFound)
	}
	return finding{answer: a, err: err}
}

// targets asks for a service and then for the addresses of its targets. One
// target without addresses does not fail the service; none with any does.
func (r *Resolver) targets(ctx context.Context, q Query, order []*server) finding {
	f := r.chain(ctx, q.serviceName(), []dnsmessage.Type{dnsmessage.TypeSRV}, order)
	if f.err != nil {
		return f
	}
	slices.SortStableFunc(f.services, func(a, b service) int { return cmp.Compare(a.priority, b.priority) })
	f.services = f.services[:min(len(f.services), maxTargets)]
	f.targets = make([]Target, len(f.services))
	expires := make([]time.Time, len(f.services))
	var wg sync.WaitGroup
	for i, s := range f.services {
		t := &f.targets[i]
		*t = Target{Name: s.target, Port: s.port, Priority: s.priority, Weight: s.weight}
		wg.Go(func() {
			res := r.wait(ctx, Query{Name: s.target})
			t.Addrs, t.Err, expires[i] = res.Addrs, res.Err, res.Expires
		})
	}
	wg.Wait()

	good := 0
	for i, t := range f.targets {
		left := max(time.Until(expires[i]), 0)
		f.ttl = min(f.ttl, uint32(min(left/time.Second, 1<<31)))
		if t.Err == nil {
			good++
		}
	}
	if good == 0 {
		f.err = f.targets[0].Err
		f.answer.keep = false
	}
	return f
}

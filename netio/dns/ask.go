package dns

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// firstWait is how long the first attempt waits for a server; each round
	// over all of them doubles it up to lastWait.
	firstWait = time.Second
	lastWait  = 5 * time.Second
	// holdBack is for how long a server that did not answer is asked last.
	holdBack = 10 * time.Second
	// maxUDP is the longest answer read from a datagram. No EDNS option asks
	// for more than 512 bytes (RFC 1035), yet servers that send more are read.
	maxUDP = 4096
)

// server is one name server of a resolver.
type server struct {
	addr netip.AddrPort
	held atomic.Int64 // Unix nanoseconds until which others are asked first
}

// ask puts q to the servers in turn until one answers or ctx ends. An answer
// is either success or the name's absence; what a server fails with is an
// error, returned at once unless Config.RetryFailures lets the next one try.
func (r *Resolver) ask(ctx context.Context, q question, order []*server) (answer, *Error) {
	t, err := r.open(q)
	if err != nil {
		return answer{}, newError(CodeNotFound)
	}
	defer t.close()
	for wait := r.cfg.firstWait; ; wait = min(2*wait, lastWait) {
		again := time.Now().Add(wait)
		silent := false // one of them gave no answer at all: asking again makes sense
		for _, s := range order {
			v := t.put(ctx, s, wait)
			if v.decided {
				return v.answer, v.err
			}
			if ctx.Err() != nil {
				return answer{}, newError(CodeTimeout)
			}
			if !v.replied {
				silent = true
				s.held.Store(time.Now().Add(holdBack).UnixNano())
			}
		}
		if !silent {
			return answer{}, t.failure
		}
		// A refusal by the network comes at once: do not spin on it.
		if v := t.hear(ctx, nil, again, wait); v.decided {
			return v.answer, v.err
		}
		if ctx.Err() != nil {
			return answer{}, newError(CodeTimeout)
		}
	}
}

// lost tells whoever is concerned that s cannot be reached.
func (r *Resolver) lost(s *server, op string, err error) {
	if f := r.cfg.OnError; f != nil {
		f(s.addr, op, err)
	}
}

// order returns the servers in the order to ask them: each lookup begins with
// the next one, and those that lately gave no answer come last.
func (r *Resolver) order() []*server {
	n := len(r.servers)
	now := time.Now().UnixNano()
	start := int(r.turn.Add(1)-1) % n
	order := make([]*server, 0, n)
	for _, held := range [...]bool{false, true} {
		for i := range n {
			if s := r.servers[(start+i)%n]; (s.held.Load() > now) == held {
				order = append(order, s)
			}
		}
	}
	return order
}

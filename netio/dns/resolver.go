package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a `resolver` directive says.
type Config struct {
	Servers    []string      // "address", "address:port", "[v6]:port"; a host name is looked up by New
	Valid      time.Duration // keep what was found for this long; 0: for its TTL
	IPv4, IPv6 bool          // the families that Host queries ask for; not both false
	Timeout    time.Duration // of a Lookup that names none; 0: 30 s

	// Stale is for how long after its end a good answer may be served while
	// the servers fail; 0: never, as nginx.
	Stale time.Duration
	// RetryFailures has the next server asked when one says that it failed
	// (SERVFAIL, REFUSED, NOTIMP); false: that is the answer, as nginx. A
	// server that does not answer is always followed by the next.
	RetryFailures bool

	MaxEntries  int // results kept; 0: 4096
	MaxInFlight int // questions asked at one time; 0: 1024

	// OnError, if set, is told, by goroutines of the resolver, when a server
	// cannot be asked, or heard: op is "send()" or "recv()".
	OnError func(server netip.AddrPort, op string, err error)

	firstWait time.Duration // tests: how long the first attempt waits
}

const (
	defaultTimeout  = 30 * time.Second
	defaultEntries  = 4096
	defaultInFlight = 1024
	// staleAfter is how long a lookup waits before an old answer is served
	// (RFC 8767 section 5, client response timer).
	staleAfter = 1800 * time.Millisecond
	// staleHold is for how long after a failure an old answer is served
	// without asking again (the same section's failure recheck timer).
	staleHold = 5 * time.Second
	// maxAbsent bounds for how long a name's absence is kept.
	maxAbsent = 5 * time.Minute
)

// Resolver asks the name servers of one Config.
type Resolver struct {
	// Immutable.
	cfg     Config
	servers []*server
	ctx     context.Context // ends at Close
	stop    context.CancelFunc

	// Shared by callers and flights.
	cache *cache
	turn  atomic.Uint32  // which server begins
	work  sync.WaitGroup // goroutines started

	mu      sync.Mutex
	flights map[Query]*flight // guarded by mu
	closed  bool              // guarded by mu
}

// New returns a resolver for cfg. It blocks only to look up a server given by
// name, which is why it belongs to configuration time.
func New(cfg Config) (*Resolver, error) {
	if len(cfg.Servers) == 0 {
		return nil, errors.New("no name servers defined")
	}
	if !cfg.IPv4 && !cfg.IPv6 {
		return nil, errors.New(`"ipv4" and "ipv6" cannot both be "off"`)
	}
	setDefault(&cfg.Timeout, defaultTimeout)
	setDefault(&cfg.MaxEntries, defaultEntries)
	setDefault(&cfg.MaxInFlight, defaultInFlight)
	setDefault(&cfg.firstWait, firstWait)
	r := &Resolver{cfg: cfg, cache: newCache(cfg.MaxEntries), flights: map[Query]*flight{}}
	for _, s := range cfg.Servers {
		addrs, err := serverAddrs(s)
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			r.servers = append(r.servers, &server{addr: a})
		}
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r, nil
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// serverAddrs reads one server of the directive.
func serverAddrs(s string) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a, 53)}, nil
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return []netip.AddrPort{a}, nil
	}
	host, port := s, "53"
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	}
	n, err := net.LookupPort("udp", port)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("%s: invalid port", s)
	}
	ips, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
	if err != nil || len(ips) == 0 {
		return nil, fmt.Errorf("%s: host not found", s)
	}
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip.Unmap(), uint16(n))
	}
	return addrs, nil
}

// Cached returns the result for q if it is there without asking anyone. It
// allocates only for names with capital letters and for addresses in text form.
// now is the caller's clock.
func (r *Resolver) Cached(q Query, now time.Time) (Result, bool) {
	q = q.normal()
	if res, ok := r.cache.find(q).fresh(now); ok {
		return res, true
	}
	return literal(q)
}

// CachedHost is Cached for the Host query of a name in lower case without a
// final dot; any other form, or an address in text form, is simply not found.
// It never allocates.
func (r *Resolver) CachedHost(name []byte, now time.Time) (Result, bool) {
	return r.cache.findHost(name).fresh(now)
}

// Lookup finds the answer to q and gives it to deliver exactly once, from
// another goroutine: deliver must not block, and on an event loop's behalf it
// posts to the loop's mailbox. After Config.Timeout the result is CodeTimeout.
// When cancel returns, deliver will not begin any more; it may have.
func (r *Resolver) Lookup(q Query, deliver func(Result)) (cancel func()) {
	return r.LookupTimeout(q, r.cfg.Timeout, deliver)
}

// LookupTimeout is Lookup with a time limit of its own (resolver_timeout).
func (r *Resolver) LookupTimeout(q Query, timeout time.Duration, deliver func(Result)) (cancel func()) {
	q = q.normal()
	w := &waiter{deliver: deliver}
	now := time.Now()
	e := r.cache.find(q)
	if res, ok := e.fresh(now); ok {
		go w.finish(res) // ends with deliver, which does not block
		return w.cancel
	}
	if res, ok := r.immediate(q, now); ok {
		go w.finish(res)
		return w.cancel
	}
	if err := r.join(q, w, timeout, e); err != nil {
		res := Result{Err: err, Expires: now}
		if old, ok := e.old(now); ok {
			res = old
		}
		go w.finish(res)
	}
	return w.cancel
}

// immediate answers what no server needs to be asked for.
func (r *Resolver) immediate(q Query, now time.Time) (Result, bool) {
	if res, ok := literal(q); ok {
		return res, true
	}
	name := q.Name
	switch q.Type {
	case SRV:
		name = q.serviceName()
	case PTR:
		if q.Addr.IsValid() {
			return Result{}, false
		}
		name = ""
	}
	if valid(name) {
		return Result{}, false
	}
	return Result{Err: newError(CodeNotFound), Expires: now}, true
}

// literal answers an address query whose name is an address.
func literal(q Query) (Result, bool) {
	if q.Type > AAAA || q.Name == "" || q.Name[len(q.Name)-1] > '9' && !strings.Contains(q.Name, ":") {
		return Result{}, false // no address ends in a letter unless it has colons
	}
	addr, err := netip.ParseAddr(q.Name)
	if err != nil || q.Type == A && !addr.Is4() || q.Type == AAAA && !addr.Is6() {
		return Result{}, false
	}
	return Result{Addrs: []netip.Addr{addr}, Expires: forever}, true
}

// forever is when an address in text form has to be asked for again.
var forever = time.Unix(1<<40, 0)

// Close ends all lookups, which deliver an error, and waits for the resolver's
// goroutines. A later Lookup delivers that error too.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.work.Wait()
}

package dns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const servfail = dnsmessage.RCodeServerFailure

func ips(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// TestHostAnswers looks at which answers make a name's addresses, with both
// families asked for. The cases with two answers are nginx's rules.
func TestHostAnswers(t *testing.T) {
	z := zone{
		"A both.test":       {records: []dnsmessage.Resource{addr("both.test", "192.0.2.1", 60), addr("both.test", "192.0.2.2", 60)}},
		"AAAA both.test":    {records: []dnsmessage.Resource{addr("both.test", "2001:db8::1", 60)}},
		"A four.test":       {records: []dnsmessage.Resource{addr("four.test", "192.0.2.1", 60)}},
		"AAAA four.test":    {},
		"A none.test":       {},
		"AAAA none.test":    {},
		"A fail.test":       {records: []dnsmessage.Resource{addr("fail.test", "192.0.2.1", 60)}},
		"AAAA fail.test":    {code: servfail},
		"A refuse.test":     {code: dnsmessage.RCodeRefused},
		"AAAA refuse.test":  {code: dnsmessage.RCodeRefused},
		"A format.test":     {code: dnsmessage.RCodeFormatError},
		"AAAA format.test":  {code: dnsmessage.RCodeFormatError},
		"A alias.test":      {records: []dnsmessage.Resource{alias("alias.test", "both.test", 60)}},
		"AAAA alias.test":   {records: []dnsmessage.Resource{alias("alias.test", "both.test", 60)}},
		"A inline.test":     {records: []dnsmessage.Resource{addr("end.test", "192.0.2.7", 60), alias("mid.test", "end.test", 60), alias("inline.test", "mid.test", 60)}},
		"AAAA inline.test":  {records: []dnsmessage.Resource{alias("inline.test", "four.test", 60)}},
		"A two.test":        {records: []dnsmessage.Resource{alias("two.test", "none.test", 60)}},
		"AAAA two.test":     {records: []dnsmessage.Resource{alias("two.test", "four.test", 60)}},
		"A half.test":       {records: []dnsmessage.Resource{alias("half.test", "both.test", 60)}},
		"AAAA half.test":    {},
		"A half6.test":      {},
		"AAAA half6.test":   {records: []dnsmessage.Resource{alias("half6.test", "four.test", 60)}},
		"A loop.test":       {records: []dnsmessage.Resource{alias("loop.test", "pool.test", 60)}},
		"AAAA loop.test":    {records: []dnsmessage.Resource{alias("loop.test", "pool.test", 60)}},
		"A pool.test":       {records: []dnsmessage.Resource{alias("pool.test", "loop.test", 60)}},
		"AAAA pool.test":    {records: []dnsmessage.Resource{alias("pool.test", "loop.test", 60)}},
		"A nowhere.test":    {records: []dnsmessage.Resource{alias("nowhere.test", "nx.test", 60)}},
		"AAAA nowhere.test": {records: []dnsmessage.Resource{alias("nowhere.test", "nx.test", 60)}},
		"A stray.test":      {records: []dnsmessage.Resource{addr("other.test", "192.0.2.9", 60)}},
		"AAAA stray.test":   {},
	}
	s := serve(t, z.answer)
	for _, c := range []struct {
		about, name string
		want        []netip.Addr
		code        int
	}{
		{"addresses of both families, IPv4 first", "both.test", ips("192.0.2.1", "192.0.2.2", "2001:db8::1"), 0},
		{"capital letters and a final dot", "BOTH.Test.", ips("192.0.2.1", "192.0.2.2", "2001:db8::1"), 0},
		{"one family without records", "four.test", ips("192.0.2.1"), 0},
		{"no records at all is not found", "none.test", nil, CodeNotFound},
		{"a name that is not there", "nx.test", nil, CodeNotFound},
		{"one family's failure is the name's", "fail.test", nil, CodeServer},
		{"a refusal", "refuse.test", nil, CodeRefused},
		{"a format error", "format.test", nil, CodeFormat},
		{"an alias to ask for", "alias.test", ips("192.0.2.1", "192.0.2.2", "2001:db8::1"), 0},
		{"aliases inside one answer in any order", "inline.test", ips("192.0.2.7"), 0},
		{"two aliases: the AAAA answer's is followed", "two.test", ips("192.0.2.1"), 0},
		{"an alias for A and nothing for AAAA", "half.test", nil, CodeNotFound},
		{"nothing for A and an alias for AAAA", "half6.test", ips("192.0.2.1"), 0},
		{"aliases in a loop", "loop.test", nil, CodeNotFound},
		{"an alias to nothing", "nowhere.test", nil, CodeNotFound},
		{"a record of a name that was not asked for", "stray.test", nil, CodeNotFound},
		{"an address in text form", "192.0.2.33", ips("192.0.2.33"), 0},
		{"an IPv6 address in text form", "2001:db8::a", ips("2001:db8::a"), 0},
		{"an empty label", "a..b", nil, CodeNotFound},
		{"an empty name", "", nil, CodeNotFound},
		{"a label of 64 bytes", strings.Repeat("a", 64) + ".test", nil, CodeNotFound},
	} {
		r := resolver(t, Config{IPv4: true, IPv6: true}, s)
		got := look(t, r, Query{Name: c.name})
		code := 0
		if got.Err != nil {
			code = got.Err.Code
		}
		if !slices.Equal(got.Addrs, c.want) || code != c.code {
			t.Errorf("%s (%s): got %v, error %d (%v); want %v, error %d", c.about, c.name, got.Addrs, code, got.Err, c.want, c.code)
		}
	}
}

func TestFamiliesAskedFor(t *testing.T) {
	s := serve(t, zone{
		"A h.test":    {records: []dnsmessage.Resource{addr("h.test", "192.0.2.1", 60)}},
		"AAAA h.test": {records: []dnsmessage.Resource{addr("h.test", "2001:db8::1", 60)}},
	}.answer)
	four := resolver(t, Config{IPv4: true, firstWait: noSecond}, s)
	six := resolver(t, Config{IPv6: true, firstWait: noSecond}, s)
	for _, c := range []struct {
		r     *Resolver
		typ   Type
		asked string
		want  string
	}{
		{four, Host, "A h.test", "192.0.2.1"},
		{six, Host, "AAAA h.test", "2001:db8::1"},
		{four, AAAA, "AAAA h.test", "2001:db8::1"},
		{six, A, "A h.test", "192.0.2.1"},
	} {
		before := len(s.queries())
		got := look(t, c.r, Query{Name: "h.test", Type: c.typ})
		asked := s.queries()[before:]
		if !slices.Equal(asked, []string{c.asked}) || !slices.Equal(got.Addrs, ips(c.want)) {
			t.Errorf("asked %v and got %v (%v), want %s and %s", asked, got.Addrs, got.Err, c.asked, c.want)
		}
	}
}

func TestCacheKeepsForTTLAndValid(t *testing.T) {
	s := serve(t, zone{
		"A ttl.test":  {records: []dnsmessage.Resource{alias("ttl.test", "end.test", 30), addr("end.test", "192.0.2.1", 3600)}},
		"A zero.test": {records: []dnsmessage.Resource{addr("zero.test", "192.0.2.1", 0)}},
		"A huge.test": {records: []dnsmessage.Resource{addr("huge.test", "192.0.2.1", 1<<31)}},
	}.answer)
	for _, c := range []struct {
		about, name string
		valid       time.Duration
		keeps       time.Duration
	}{
		{"the least TTL of an alias chain", "ttl.test", 0, 30 * time.Second},
		{"valid= overrides the TTL", "ttl.test", time.Hour, time.Hour},
		{"a TTL of zero keeps nothing", "zero.test", 0, 0},
		{"a TTL above 2^31-1 is zero", "huge.test", 0, 0},
	} {
		r := resolver(t, Config{Valid: c.valid}, s)
		look(t, r, Query{Name: c.name})
		now := time.Now()
		for _, at := range []struct {
			after time.Duration
			want  bool
		}{{c.keeps / 2, c.keeps > 0}, {c.keeps + time.Second, false}} {
			got, ok := r.Cached(Query{Name: c.name}, now.Add(at.after))
			if ok != at.want || ok && !slices.Equal(got.Addrs, ips("192.0.2.1")) {
				t.Errorf("%s: after %v cached is %v with %v, want %v", c.about, at.after, ok, got.Addrs, at.want)
			}
			if _, ok := r.CachedHost([]byte(c.name), now.Add(at.after)); ok != at.want {
				t.Errorf("%s: after %v CachedHost is %v, want %v", c.about, at.after, ok, at.want)
			}
		}
	}
}

func TestAbsenceIsKeptForTheZonesTime(t *testing.T) {
	auth := []dnsmessage.Resource{soa("test", 900, 20)}
	s := serve(t, zone{
		"A nx.test":   {code: dnsmessage.RCodeNameError, authority: auth},
		"A nxa.test":  {code: dnsmessage.RCodeNameError, authority: auth, records: []dnsmessage.Resource{alias("nxa.test", "gone.test", 10)}},
		"A no.test":   {authority: auth},
		"A bare.test": {code: dnsmessage.RCodeNameError},
		"A fail.test": {code: servfail, authority: auth},
	}.answer)
	for _, c := range []struct {
		name  string
		keeps time.Duration
	}{{"nx.test", 20 * time.Second}, {"nxa.test", 10 * time.Second}, {"no.test", 20 * time.Second}, {"bare.test", 0}, {"fail.test", 0}} {
		r := resolver(t, Config{}, s)
		if got := look(t, r, Query{Name: c.name}); got.Err == nil {
			t.Errorf("%s: got %v, want an error", c.name, got.Addrs)
		}
		now := time.Now()
		if got, ok := r.Cached(Query{Name: c.name}, now.Add(c.keeps/2)); ok != (c.keeps > 0) || ok && got.Err.Code != CodeNotFound {
			t.Errorf("%s: cached is %v with %v, want %v", c.name, ok, got.Err, c.keeps > 0)
		}
		if _, ok := r.Cached(Query{Name: c.name}, now.Add(c.keeps+time.Second)); ok {
			t.Errorf("%s is still cached after %v", c.name, c.keeps+time.Second)
		}
	}
}

func TestLookupsOfOneNameShareAFlight(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		<-release
		return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 60)}}
	})
	r := resolver(t, Config{firstWait: noSecond}, s)
	var delivered atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Add(1)
		r.Lookup(Query{Name: "one.test"}, func(res Result) {
			if res.Err == nil {
				delivered.Add(1)
			}
			wg.Done()
		})
	}
	cancel := r.Lookup(Query{Name: "ONE.test"}, func(Result) { t.Error("delivered after cancel") })
	cancel()
	close(release)
	wg.Wait()
	if got := delivered.Load(); got != 50 {
		t.Errorf("delivered %d, want 50", got)
	}
	if got := s.queries(); len(got) != 1 {
		t.Errorf("asked %v, want one query", got)
	}
}

func TestServersTakeTurns(t *testing.T) {
	z := zone{}
	for _, n := range []string{"a.test", "b.test", "c.test", "d.test"} {
		z["A "+n] = reply{records: []dnsmessage.Resource{addr(n, "192.0.2.1", 60)}}
	}
	one, two := serve(t, z.answer), serve(t, z.answer)
	r := resolver(t, Config{firstWait: noSecond}, one, two)
	for _, n := range []string{"a.test", "b.test", "c.test", "d.test"} {
		look(t, r, Query{Name: n})
	}
	if a, b := one.queries(), two.queries(); len(a) != 2 || len(b) != 2 {
		t.Errorf("the servers were asked %v and %v, want two each", a, b)
	}
}

func TestTheNextServerIsAskedAfterFailure(t *testing.T) {
	good := func(q dnsmessage.Question, _ string) reply {
		return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 60)}}
	}
	for _, c := range []struct {
		about string
		bad   reply
		cfg   Config
		code  int
	}{
		{"silence", reply{drop: true}, Config{}, 0},
		{"a format error", reply{code: dnsmessage.RCodeFormatError}, Config{}, 0},
		{"a failure, as nginx", reply{code: servfail}, Config{}, CodeServer},
		{"a failure, when asked to retry", reply{code: servfail}, Config{RetryFailures: true}, 0},
		{"a broken message", reply{raw: func(m []byte) []byte { return m[:20] }}, Config{}, 0},
		{"a record of the wrong size", reply{raw: func(m []byte) []byte {
			return append(binary.BigEndian.AppendUint16(append(m[:6:6], 0, 1), 0), append(m[10:], 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0)...)
		}}, Config{}, 0},
	} {
		t.Run(c.about, func(t *testing.T) {
			bad := serve(t, func(dnsmessage.Question, string) reply { return c.bad })
			r := resolver(t, c.cfg, bad, serve(t, good))
			got := look(t, r, Query{Name: "h.test"})
			code := 0
			if got.Err != nil {
				code = got.Err.Code
			}
			if code != c.code || code == 0 && len(got.Addrs) != 1 {
				t.Errorf("got %v, error %v; want error %d", got.Addrs, got.Err, c.code)
			}
			if len(bad.queries()) == 0 {
				t.Error("the bad server was not asked first")
			}
		})
	}
}

func TestAClosedPortIsPassedOverAtOnce(t *testing.T) {
	// A connected socket keeps the port and takes nothing from others: for these the port is closed.
	c, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	closed := c.LocalAddr().String()
	s := serve(t, zone{"A h.test": {records: []dnsmessage.Resource{addr("h.test", "192.0.2.1", 60)}}}.answer)
	r := resolver(t, Config{Servers: []string{closed}, firstWait: noSecond}, s)
	start := time.Now()
	if got := look(t, r, Query{Name: "h.test"}); got.Err != nil || time.Since(start) > noSecond/2 {
		t.Errorf("got error %v after %v, want an address at once", got.Err, time.Since(start))
	}
	for range 2 {
		if first := r.order()[0].addr.String(); first != s.addr {
			t.Errorf("%s is asked first, want the server that answers", first)
		}
	}
}

func TestSilenceTimesOut(t *testing.T) {
	s := serve(t, func(dnsmessage.Question, string) reply { return reply{drop: true} })
	r := resolver(t, Config{Timeout: 500 * time.Millisecond, firstWait: 5 * time.Millisecond}, s)
	got := look(t, r, Query{Name: "h.test"})
	if got.Err == nil || got.Err.Code != CodeTimeout || got.Err.Text != "Operation timed out" {
		t.Errorf("got %v, want the time limit's error", got.Err)
	}
	if n := len(s.queries()); n < 2 {
		t.Errorf("asked %d times, want another attempt", n)
	}
}

// TestLateAnswersCount has the answer to the first query come only once the
// next one has been sent, which is never answered.
func TestLateAnswersCount(t *testing.T) {
	for _, n := range []int{1, 2} { // the next query goes to the same server, or to another
		var queries atomic.Int32
		second := make(chan struct{})
		answer := func(q dnsmessage.Question, _ string) reply {
			switch queries.Add(1) {
			case 1:
				<-second
				return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 60)}}
			case 2:
				close(second)
			}
			return reply{drop: true}
		}
		var servers []*nameServer
		for range n {
			servers = append(servers, serve(t, answer))
		}
		r := resolver(t, Config{}, servers...)
		if got := look(t, r, Query{Name: "h.test"}); got.Err != nil || !slices.Equal(got.Addrs, ips("192.0.2.1")) {
			t.Errorf("%d servers: got %v, want the answer to the first query", n, got)
		}
	}
}

func TestTruncatedAnswersAreAskedForByTCP(t *testing.T) {
	s := serve(t, func(q dnsmessage.Question, network string) reply {
		if network == "udp" {
			return reply{truncated: true}
		}
		re := reply{}
		for i := range 100 {
			re.records = append(re.records, addr(trim(q.Name), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String(), 60))
		}
		return re
	})
	r := resolver(t, Config{firstWait: noSecond}, s)
	if got := look(t, r, Query{Name: "big.test"}); len(got.Addrs) != 100 {
		t.Errorf("got %d addresses (%v), want 100", len(got.Addrs), got.Err)
	}
	if got := s.queries(); !slices.Equal(got, []string{"A big.test", "tcp A big.test"}) {
		t.Errorf("asked %v, want UDP and then TCP", got)
	}
}

func TestForgedAnswersAreIgnored(t *testing.T) {
	question := func(name string) dnsmessage.Question {
		return dnsmessage.Question{Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	}
	evil := reply{records: []dnsmessage.Resource{addr("h.test", "198.51.100.66", 60)}}
	forge := func(id uint16) (out [][]byte) {
		for i := range uint16(150) {
			out = append(out, pack(t, id+1+i, question("h.test"), evil))
		}
		return out
	}
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		return reply{forged: forge, records: []dnsmessage.Resource{addr("h.test", "192.0.2.1", 60)}}
	})
	// An answer with the right id to another question must not count either.
	other := serve(t, func(dnsmessage.Question, string) reply {
		return reply{raw: func(m []byte) []byte {
			return pack(t, binary.BigEndian.Uint16(m), question("x.test"), evil)
		}}
	})
	r := resolver(t, Config{}, other, s)
	got := look(t, r, Query{Name: "h.test"})
	if got.Err != nil || !slices.Equal(got.Addrs, ips("192.0.2.1")) {
		t.Errorf("got %v (%v), want the real server's address", got.Addrs, got.Err)
	}
}

func TestIdsAndPortsVary(t *testing.T) {
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 60)}}
	})
	r := resolver(t, Config{}, s)
	for i := range 32 {
		look(t, r, Query{Name: "h" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".test"})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) < 30 || len(s.ports) < 16 {
		t.Errorf("32 queries had %d ids from %d ports, want them spread", len(s.ids), len(s.ports))
	}
}

func TestOldAnswersServeWhileServersFail(t *testing.T) {
	var failing atomic.Bool
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		if failing.Load() {
			return reply{code: servfail}
		}
		return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 0)}}
	})
	for _, stale := range []time.Duration{0, time.Hour} {
		failing.Store(false)
		r := resolver(t, Config{Stale: stale}, s)
		look(t, r, Query{Name: "h.test"})
		failing.Store(true)
		got := look(t, r, Query{Name: "h.test"})
		if stale == 0 {
			if got.Err == nil || got.Stale {
				t.Errorf("without Stale: got %v, want the failure", got)
			}
			continue
		}
		if got.Err != nil || !got.Stale || !slices.Equal(got.Addrs, ips("192.0.2.1")) {
			t.Errorf("got %v, want the old answer", got)
		}
		before := len(s.queries())
		if held, ok := r.Cached(Query{Name: "h.test"}, time.Now()); !ok || !held.Stale {
			t.Error("the old answer is not held for a while")
		}
		if after := len(s.queries()); after != before {
			t.Errorf("asked %d times while the old answer is held", after-before)
		}
		failing.Store(false)
		if _, ok := r.Cached(Query{Name: "h.test"}, time.Now().Add(2*staleHold)); ok {
			t.Error("the old answer is held for ever")
		}
	}
}

func TestOldAnswersServeEarlyWhileServersAreSilent(t *testing.T) {
	var silent atomic.Bool
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		return reply{drop: silent.Load(), records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 0)}}
	})
	r := resolver(t, Config{Stale: time.Hour, Timeout: time.Minute}, s)
	look(t, r, Query{Name: "h.test"})
	silent.Store(true)
	start := time.Now()
	if got := look(t, r, Query{Name: "h.test"}); !got.Stale || time.Since(start) > 30*time.Second {
		t.Errorf("got %v after %v, want the old answer before the limit", got, time.Since(start))
	}
}

func TestServices(t *testing.T) {
	z := zone{
		"SRV _http._tcp.svc.test": {records: []dnsmessage.Resource{
			srv("_http._tcp.svc.test", "b.test", 8002, 20, 5), srv("_http._tcp.svc.test", "a.test", 8001, 10, 1), srv("_http._tcp.svc.test", "gone.test", 8003, 30, 1)}},
		"SRV _h._udp.svc.test": {records: []dnsmessage.Resource{srv("_h._udp.svc.test", "a.test", 1, 1, 1)}},
		"SRV plain.test":       {records: []dnsmessage.Resource{srv("plain.test", "a.test", 2, 1, 1)}},
		"SRV dead.test":        {records: []dnsmessage.Resource{srv("dead.test", "gone.test", 2, 1, 1)}},
		"A a.test":             {records: []dnsmessage.Resource{addr("a.test", "192.0.2.1", 7)}},
		"A b.test":             {records: []dnsmessage.Resource{addr("b.test", "192.0.2.2", 60), addr("b.test", "192.0.2.3", 60)}},
	}
	r := resolver(t, Config{}, serve(t, z.answer))
	got := look(t, r, Query{Name: "svc.test", Type: SRV, Service: "http"})
	if got.Err != nil || len(got.Targets) != 3 {
		t.Fatalf("got %v (%v), want three targets", got.Targets, got.Err)
	}
	for i, want := range []Target{
		{Name: "a.test", Port: 8001, Priority: 10, Weight: 1, Addrs: ips("192.0.2.1")},
		{Name: "b.test", Port: 8002, Priority: 20, Weight: 5, Addrs: ips("192.0.2.2", "192.0.2.3")},
		{Name: "gone.test", Port: 8003, Priority: 30, Weight: 1},
	} {
		g := got.Targets[i]
		if g.Name != want.Name || g.Port != want.Port || g.Priority != want.Priority || g.Weight != want.Weight || !slices.Equal(g.Addrs, want.Addrs) {
			t.Errorf("target %d: got %+v, want %+v", i, g, want)
		}
		if (g.Err != nil) != (want.Addrs == nil) {
			t.Errorf("target %d: error %v", i, g.Err)
		}
	}
	if left := time.Until(got.Expires); left > 10*time.Second {
		t.Errorf("kept for %v, want no longer than the first to expire", left)
	}
	for _, c := range []struct {
		q    Query
		port uint16
	}{
		{Query{Name: "svc.test", Type: SRV, Service: "_h._udp"}, 1},
		{Query{Name: "plain.test", Type: SRV}, 2},
		{Query{Name: "dead.test", Type: SRV}, 0},
		{Query{Name: "nx.test", Type: SRV, Service: "http"}, 0},
	} {
		got := look(t, r, c.q)
		if c.port == 0 {
			if got.Err == nil || got.Err.Code != CodeNotFound {
				t.Errorf("%v: got %v, want not found", c.q, got)
			}
		} else if got.Err != nil || got.Targets[0].Port != c.port {
			t.Errorf("%v: got %v (%v), want port %d", c.q, got.Targets, got.Err, c.port)
		}
	}
}

func TestNamesOfAddresses(t *testing.T) {
	ptr := func(owner, name string) reply {
		return reply{records: []dnsmessage.Resource{{Header: header(owner, dnsmessage.TypePTR, 60),
			Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name + ".")}}}}
	}
	const six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
	r := resolver(t, Config{}, serve(t, zone{
		"PTR 1.2.0.192.in-addr.arpa": ptr("1.2.0.192.in-addr.arpa", "Host.Test"),
		"PTR " + six:                 ptr(six, "six.test"),
	}.answer))
	for _, c := range []struct{ addr, want string }{
		{"192.0.2.1", "Host.Test"}, {"::ffff:192.0.2.1", "Host.Test"}, {"2001:db8::1", "six.test"}, {"192.0.2.2", ""},
	} {
		got := look(t, r, Query{Type: PTR, Addr: netip.MustParseAddr(c.addr)})
		if got.Name != c.want || (got.Err == nil) != (c.want != "") {
			t.Errorf("%s: got %q (%v), want %q", c.addr, got.Name, got.Err, c.want)
		}
	}
}

func TestLimitsAndClose(t *testing.T) {
	s := serve(t, func(dnsmessage.Question, string) reply { return reply{drop: true} })
	r := resolver(t, Config{MaxInFlight: 2, firstWait: noSecond}, s)
	done := make(chan Result, 3)
	deliver := func(res Result) { done <- res }
	r.Lookup(Query{Name: "a.test"}, deliver)
	r.Lookup(Query{Name: "b.test"}, deliver)
	r.Lookup(Query{Name: "c.test"}, deliver)
	if res := <-done; res.Err == nil || res.Err.Code != CodeServer {
		t.Errorf("the third lookup got %v, want it refused", res)
	}
	r.Close()
	for range 2 {
		if res := <-done; res.Err == nil {
			t.Errorf("got %v at Close, want an error", res)
		}
	}
	if res := look(t, r, Query{Name: "d.test"}); res.Err == nil {
		t.Errorf("got %v after Close, want an error", res)
	}
}

func TestCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	s := serve(t, func(q dnsmessage.Question, _ string) reply {
		return reply{records: []dnsmessage.Resource{addr(trim(q.Name), "192.0.2.1", 600)}}
	})
	r := resolver(t, Config{MaxEntries: 8}, s)
	look(t, r, Query{Name: "hot.test"})
	for i := range 40 {
		if _, ok := r.Cached(Query{Name: "hot.test"}, time.Now()); !ok {
			t.Fatalf("the name in use was dropped after %d others", i)
		}
		look(t, r, Query{Name: "cold" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".test"})
	}
	if n := r.cache.len(); n != 8 {
		t.Errorf("the cache holds %d entries, want 8", n)
	}
}

func TestCachedDoesNotAllocate(t *testing.T) {
	s := serve(t, zone{"A h.test": {records: []dnsmessage.Resource{addr("h.test", "192.0.2.1", 600)}}}.answer)
	r := resolver(t, Config{}, s)
	look(t, r, Query{Name: "h.test"})
	now, name := time.Now(), []byte("h.test")
	var sum uint32
	if n := testing.AllocsPerRun(100, func() {
		a, _ := r.Cached(Query{Name: "h.test"}, now)
		b, ok := r.CachedHost(name, now)
		if !ok || len(a.Addrs) != 1 {
			t.Fatal("not cached")
		}
		sum += b.Turn - a.Turn
	}); n != 0 {
		t.Errorf("a cached lookup allocates %v times, want 0", n)
	}
	if sum == 0 {
		t.Error("Turn does not grow")
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{IPv4: true}, "no name servers defined"},
		{Config{Servers: []string{"127.0.0.1"}}, `"ipv4" and "ipv6" cannot both be "off"`},
		{Config{Servers: []string{"127.0.0.1:nope"}, IPv4: true}, "127.0.0.1:nope: invalid port"},
	} {
		_, err := New(c.cfg)
		if err == nil || err.Error() != c.want {
			t.Errorf("New(%v): got %v, want %q", c.cfg, err, c.want)
		}
	}
	for in, want := range map[string]string{
		"127.0.0.1": "127.0.0.1:53", "127.0.0.1:5353": "127.0.0.1:5353", "::1": "[::1]:53", "[::1]": "[::1]:53", "[::1]:5353": "[::1]:5353",
	} {
		if got, err := serverAddrs(in); err != nil || got[0].String() != want {
			t.Errorf("server %q: got %v (%v), want %s", in, got, err, want)
		}
	}
}

package main

import (
	"fmt"
	"os"
)

// kind is how a scenario loads a server.
type kind int

const (
	keepalive  kind = iota // wrk, connections kept
	oneShot                // wrk, a connection per request
	fixedRate              // openloop at a share of nginx's saturation
	idleConns              // connections that do nothing
	slowReader             // one client that takes a large body slowly
	handshakes             // a TLS connection per request
	resumed                // the same, with the session of the connection before
)

// scenario is one table of the report.
type scenario struct {
	name   string
	about  string
	kind   kind
	on     *flavour // of the servers; nil: plain
	path   string   // what is asked for; see the servers' configurations
	header string   // of the requests besides Host; keepalive only
	conns  int      // 0: as the flag says
	share  float64  // fixedRate: of nginx's requests per second on path
	bytes  bool     // report bytes per CPU second
	calls  bool     // count system calls in a pass of its own
	skip   string   // a server this cannot be asked of
}

// flavour is of which servers the scenario is.
func (sc scenario) flavour() *flavour {
	if sc.on == nil {
		return &plain
	}
	return sc.on
}

// url is what wrk is given.
func (sc scenario) url(s *server) string {
	if sc.flavour().tls {
		return "https://" + s.addr + sc.path
	}
	return "http://" + s.addr + sc.path
}

var scenarios = []scenario{
	{name: "static", about: "`return 200`, keepalive, access_log off", path: "/", calls: true},
	{name: "logged", about: "the same with access_log in the combined format", path: "/logged", skip: "haproxy"},
	{name: "proxied", about: "proxied to one backend, keepalive on both sides", path: "/proxied", calls: true},
	{name: "one-shot", about: "`return 200`, a connection per request", path: "/", kind: oneShot},
	{name: "large", about: "bodies of 1 MB proxied", path: "/large", conns: 16, bytes: true},
	{name: "static-p99", about: "`return 200` at 60 % of nginx's saturation", path: "/", kind: fixedRate, share: 0.6},
	{name: "proxied-p99", about: "proxied at 60 % of nginx's saturation", path: "/proxied", kind: fixedRate, share: 0.6},
	{name: "idle", about: "memory of idle keepalive connections", path: "/", kind: idleConns},
	{name: "slow-reader", about: "most memory while a body of 1 GB is proxied to a slow reader", path: "/huge", kind: slowReader},
	{name: "tls", about: "`return 200` over TLS 1.3, keepalive", on: &secure, path: "/", calls: true},
	{name: "tls-handshake", about: "a full TLS 1.3 handshake (P-256, X25519), one GET and a close", on: &secure, path: "/", kind: handshakes},
	{name: "tls-resumed", about: "the same with a resumed session", on: &secure, path: "/", kind: resumed},
	{name: "tls-large", about: "files of 1 MB over TLS 1.3 with AES-128-GCM, without kTLS", on: &secure, path: "/large", conns: 16, bytes: true, skip: "haproxy"},
	{name: "tls-idle", about: "memory of idle keepalive connections with TLS", on: &secure, path: "/", kind: idleConns},
	{name: "lua-hello", about: "`content_by_lua` with one ngx.say", on: &scripted, path: "/hello"},
	{name: "lua-phases", about: "Lua in four phases: headers, arguments, a shared counter, patterns, JSON", on: &scripted, path: "/edge/42?u=bob",
		header: "Authorization: Bearer abc.def.ghi"},
}

// sample is one server's part of one round. Times are in microseconds.
type sample struct {
	cpu      float64 // per request
	rate     float64 // requests per second
	p50, p99 float64
	perCPU   float64 // megabytes per CPU second
	memory   float64 // MB while loaded; idle: KB per connection; slow-reader: MB at most
	waited   float64 // time the server was kept from its processor, as a share of its CPU time
	bad      int     // failed requests
}

// result is what a scenario brought for one server.
type result struct {
	samples []sample
	calls   *callCounts // nil when not counted
}

// measure runs one scenario: the servers take turns in each round, so that a
// disturbance of the machine hits all of them.
func (l *lab) measure(sc scenario, saturation map[string]float64) (map[string]*result, error) {
	res := map[string]*result{}
	var servers []*server
	all, err := l.serversOf(sc.flavour())
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.name != sc.skip {
			servers = append(servers, s)
			res[s.name] = &result{}
		}
	}
	rate := 0.0
	if sc.kind == fixedRate {
		var err error
		if rate, err = l.targetRate(sc, saturation); err != nil {
			return nil, err
		}
	}
	for round := range l.o.rounds {
		for i := range servers {
			s := servers[(i+round)%len(servers)] // nobody always comes behind the same one
			got, err := l.sample(sc, s, rate)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			res[s.name].samples = append(res[s.name].samples, got)
			fmt.Fprintf(os.Stderr, "  round %d %-8s %s\n", round+1, s.name, got)
		}
	}
	for _, s := range servers {
		if sc.kind == keepalive && s.name == "nginx" {
			saturation[sc.path] = median(res[s.name].samples, func(x sample) float64 { return x.rate })
		}
		if sc.calls {
			var err error
			if res[s.name].calls, err = l.countCalls(sc, s); err != nil {
				fmt.Fprintf(os.Stderr, "  calls of %s: %v\n", s.name, err)
			}
		}
	}
	return res, nil
}

func (s sample) String() string {
	return fmt.Sprintf("%.2f us/req %.0f req/s p50 %.0f p99 %.0f us %.1f MB/cpu-s mem %.2f waited %.0f%% bad %d",
		s.cpu, s.rate, s.p50, s.p99, s.perCPU, s.memory, 100*s.waited, s.bad)
}

// sample measures one server once, after a short warm-up.
func (l *lab) sample(sc scenario, s *server, rate float64) (sample, error) {
	switch sc.kind {
	case idleConns:
		return l.idle(s, sc)
	case slowReader:
		return l.slow(s, sc)
	}
	load := func(quick bool) (loadResult, error) {
		d := l.o.duration
		if quick {
			d = d / 6
		}
		switch sc.kind {
		case fixedRate:
			return openLoop(s.addr+sc.path, rate, d, l.conns(sc))
		case handshakes, resumed:
			return shakeHands(s.addr+sc.path, d, handshakers, sc.kind == resumed)
		case oneShot:
			return wrk(sc.url(s), d, l.conns(sc), "Connection: close")
		}
		return wrk(sc.url(s), d, l.conns(sc), sc.header)
	}
	if _, err := load(true); err != nil {
		return sample{}, err
	}
	ran, waited, err := cpuTime(s.pid())
	if err != nil {
		return sample{}, err
	}
	got, err := load(false)
	if err != nil {
		return sample{}, err
	}
	ranAfter, waitedAfter, err := cpuTime(s.pid())
	if err != nil {
		return sample{}, err
	}
	mem, err := memory(s.pid())
	if err != nil {
		return sample{}, err
	}
	cpu := (ranAfter - ran).Seconds()
	return sample{
		cpu:    cpu * 1e6 / float64(got.requests),
		rate:   got.rate,
		p50:    got.p50,
		p99:    got.p99,
		perCPU: float64(got.bytes) / 1e6 / cpu,
		memory: float64(mem) / 1e6,
		waited: (waitedAfter - waited).Seconds() / cpu,
		bad:    got.bad,
	}, nil
}

func (l *lab) conns(sc scenario) int {
	if sc.conns > 0 {
		return sc.conns
	}
	return l.o.connections
}

// targetRate is the rate for a fixedRate scenario: nginx's saturation as
// measured before in this run, or now.
func (l *lab) targetRate(sc scenario, saturation map[string]float64) (float64, error) {
	if saturation[sc.path] == 0 {
		i := l.index("nginx")
		if i < 0 {
			return 0, fmt.Errorf("needs nginx, whose saturation is the measure")
		}
		got, err := wrk(sc.url(l.servers[i]), l.o.duration, l.conns(sc), sc.header)
		if err != nil {
			return 0, err
		}
		saturation[sc.path] = got.rate
	}
	return saturation[sc.path] * sc.share, nil
}

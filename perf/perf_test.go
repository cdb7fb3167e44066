package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestParseWrk(t *testing.T) {
	const out = `Running 3s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   401.11us  100.00us   5.00ms   90.00%
    Req/Sec   158.00k     2.00k  160.00k    70.00%
  Latency Distribution
     50%  390.00us
     75%  410.00us
     90%  500.00us
     99%    1.20ms
  480000 requests in 3.10s, 90.50MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 4
Requests/sec: 154838.71
Transfer/sec:     29.19MB
`
	got, err := parseWrk(out)
	want := loadResult{requests: 480000, bytes: 94896128, rate: 480000 / 3.1, p50: 390, p99: 1200, bad: 10}
	if err != nil || math.Abs(got.rate-want.rate) > 1 {
		t.Fatalf("got %+v (%v), want %+v", got, err, want)
	}
	got.rate = want.rate
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "  0 requests in 3.00s, 0.00B read\n"} {
		if _, err := parseWrk(bad); err == nil {
			t.Errorf("parseWrk(%q) succeeds", bad)
		}
	}
}

func TestParseCalls(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.060000           3      2000           sendto
 30.00    0.030000           1      2500       500 recvfrom
  5.00    0.005000           2       100           epoll_pwait
  5.00    0.005000           2        50           getsockopt
  0.00    0.000000           0        90         9 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.100000           2      4740       509 total
`
	got, err := parseCalls(table, 1000)
	if err != nil || *got != (callCounts{recv: 2.5, send: 2, epoll: 0.1, other: 0.05}) {
		t.Errorf("got %+v (%v)", got, err)
	}
	if _, err := parseCalls("nothing", 1); err == nil {
		t.Error("a table without calls succeeds")
	}
}

func TestMedianAndRatio(t *testing.T) {
	of := func(s sample) float64 { return s.cpu }
	a := &result{samples: []sample{{cpu: 4}, {cpu: 9}, {cpu: 5}}}
	b := &result{samples: []sample{{cpu: 5}, {cpu: 10}, {cpu: 10}}}
	if got := median(a.samples, of); got != 5 {
		t.Errorf("median %v, want 5", got)
	}
	if got := median(a.samples[:2], of); got != 6.5 {
		t.Errorf("median of two %v, want 6.5", got)
	}
	if got := ratio(of, a, b); got != "0.80" {
		t.Errorf("ratio %s, want 0.80: the median of 0.8, 0.9 and 0.5", got)
	}
	if got := ratio(of, a, a) + ratio(of, a, nil); got != "" {
		t.Errorf("ratio to itself or to nobody is %q", got)
	}
}

func TestHistogram(t *testing.T) {
	h := &histogram{}
	for i := range 100000 {
		h.add(int64(i+1) * 1000)
	}
	for _, q := range []float64{0.01, 0.5, 0.99} {
		want := q * 1e8
		if got := h.quantile(q); math.Abs(got-want) > want*0.017 {
			t.Errorf("quantile %v is %v, want %v within 1.7 %%", q, got, want)
		}
	}
	last := -1
	for v := uint64(1); v < 1<<62; v += v/8 + 1 {
		b := bucket(v)
		if b < last || edge(b) < v || b > 0 && edge(b-1) >= v {
			t.Fatalf("%d is in bucket %d with edges %d and %d", v, b, edge(b-1), edge(b))
		}
		last = b
	}
}

// TestOpenLoopCountsFromWhenARequestWasDue loads a server that stalls once: the
// requests due meanwhile must show the stall although none was sent then. A
// machine that stalls, too, spoils a try, not all of them.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	const tries = 5
	for range tries {
		got, size := loadStalling(t)
		if got.Bad != 0 || got.Requests < 400 || got.Requests > 600 || got.Bytes != int64(got.Requests*size) {
			t.Logf("got %+v, want about 500 good requests", *got)
			continue
		}
		if got.P99 < 100e3 || got.P50 > 50e3 {
			t.Logf("p50 %v, p99 %v us: want the stall of 150 ms in the p99 alone", got.P50, got.P99)
			continue
		}
		return
	}
	t.Errorf("none of %d tries is as it should be", tries)
}

// loadStalling loads a server that stalls for 150 ms once, and returns the size
// of its answers, too.
func loadStalling(t *testing.T) (got *ownReport, size int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for i := 0; ; i++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					if n == 0 && i == 50 {
						time.Sleep(150 * time.Millisecond)
					}
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	g, err := newGenerator(netip.MustParseAddrPort(ln.Addr().String()), "/", 500, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = g.run(time.Second); err != nil {
		t.Fatal(err)
	}
	return got, g.size
}

// TestHandshakesAreFullOrResumed loads a server that counts what connections
// were.
func TestHandshakesAreFullOrResumed(t *testing.T) {
	dir := t.TempDir()
	if err := writeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(dir+"/server.crt", dir+"/server.key")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	var full, resumed atomic.Int64
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		} else {
			full.Add(1)
		}
		fmt.Fprint(w, "ok")
	})}
	go srv.Serve(ln)
	defer srv.Close()
	for _, resume := range []bool{false, true} {
		full.Store(0)
		resumed.Store(0)
		got := handshakeLoad(ln.Addr().String(), "/", 200*time.Millisecond, 2, resume)
		if got.Bad != 0 || got.Requests == 0 || got.Bytes == 0 {
			t.Errorf("resume %v: got %+v, want good requests", resume, *got)
		}
		wantFull, wantResumed := int64(got.Requests), int64(0)
		if resume {
			wantFull, wantResumed = 2, int64(got.Requests) // the first of each client is not counted
		}
		if full.Load() != wantFull || resumed.Load() != wantResumed {
			t.Errorf("resume %v: the server saw %d full and %d resumed handshakes, want %d and %d", resume, full.Load(), resumed.Load(), wantFull, wantResumed)
		}
	}
}

func TestOwnProcessIsMeasured(t *testing.T) {
	before, _, err := cpuTime(os.Getpid())
	if err != nil {
		t.Skip(err)
	}
	sum := 0
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		sum++
	}
	after, _, err := cpuTime(os.Getpid())
	if err != nil || after-before < 10*time.Millisecond {
		t.Errorf("50 ms of work cost %v (%v, %d)", after-before, err, sum)
	}
	if mem, err := memory(os.Getpid()); err != nil || mem < 1<<20 {
		t.Errorf("memory %d (%v)", mem, err)
	}
}

func TestReportHasARowPerServer(t *testing.T) {
	l := &lab{o: &options{rounds: 1, duration: time.Second}, servers: []*server{{name: "weir", version: "w"}, {name: "nginx", version: "n"}}, absent: []string{"haproxy (absent)"}}
	rep := newReport(l.o, l)
	rep.add(scenario{name: "static", about: "about", calls: true}, map[string]*result{
		"weir":  {samples: []sample{{cpu: 4, rate: 100}}, calls: &callCounts{recv: 1, send: 1}},
		"nginx": {samples: []sample{{cpu: 5, rate: 90}}},
	})
	text := rep.markdown()
	for _, want := range []string{"## static: about", "| weir | 4.00 | 0.80 |", "1.00 + 1.00", "| nginx | 5.00 |", "not counted", "not measured: haproxy (absent)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

package metrics

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/appliance/certs/certstest"
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/ssl"
	"weir/appliance/http/upstream"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
)

var modules = http.Modules{&http.Core, &ssl.Module, &upstream.Module, &Module, &counting, &http.Postpone}

// counting is a module that counts for itself.
var counting = http.Module{Name: "http_counting", Metrics: &http.Metrics{
	Families: []http.MetricFamily{
		{Name: "weir_test_things_total", Kind: counter, Help: "Things.", Labels: []string{"kind", "of"}},
		{Name: "weir_test_things", Kind: gauge, Help: "Things now."},
	},
	Measure: func(w *http.Worker, add func(int, float64, ...string)) {
		add(0, 2, "x", "\xff")
		add(0, 1, "x", "\xff")
		add(1, 5)
	},
}}

// load reads the inside of an http block.
func load(t *testing.T, text string) *http.Generation {
	t.Helper()
	modules.Register()
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte("events {} http {"+text+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := new(conf.Table)
	cycle.AddTo(table)
	table.Add(nil, []conf.Directive{http.HTTPBlock(modules, table)})
	for _, m := range modules {
		table.Add(m, m.Directives)
	}
	c, err := cycle.Load(table, cycle.LoadOptions{Prefix: dir + "/", ConfFile: file, Count: 7})
	if err != nil {
		t.Fatal(err)
	}
	return c.HTTP.(*http.Generation)
}

// startWorker runs a loop with a worker that has no listener.
func startWorker(t *testing.T, id int, p *http.Process) *http.Worker {
	t.Helper()
	ready, done := make(chan *http.Worker), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		loop, err := poll.New(poll.Config{})
		if err != nil {
			t.Error(err)
			close(ready)
			return
		}
		ready <- http.NewWorker(conn.NewDriver(loop, buf.NewPool(0)), id, p)
		loop.Run()
		loop.Close()
	}()
	w := <-ready
	if w == nil {
		t.FailNow()
	}
	t.Cleanup(func() {
		w.Loop.Stop()
		<-done
	})
	return w
}

type task func()

func (f task) Run() { f() }

func TestAWorkerThatIsStuckIsReportedNotWaitedFor(t *testing.T) {
	p := &http.Process{Version: "test"}
	quick, stuck := startWorker(t, 0, p), startWorker(t, 1, p)
	workers := []*http.Worker{quick, stuck}
	h := newHub()
	for i, r := range h.ask(workers, time.Minute) {
		if !r.up || r.w != workers[i] {
			t.Errorf("worker %d: got %+v", i, r)
		}
	}
	h.last[stuck] = sample{active: 42}

	release := make(chan struct{})
	stuck.Loop.Post(task(func() { <-release }))
	var got []report
	for limit := 50 * time.Millisecond; limit < time.Minute; limit *= 2 { // the other one may be slow, too
		if got = h.ask(workers, limit); got[0].up {
			break
		}
	}
	close(release)
	if !got[0].up || got[1].up || got[1].active != 42 {
		t.Errorf("got up %v %v, active %d; want the last sample of the stuck one", got[0].up, got[1].up, got[1].active)
	}
	if got = h.ask(workers, time.Minute); !got[1].up || got[1].active != 0 {
		t.Errorf("the worker is back, got up %v, active %d", got[1].up, got[1].active)
	}
	if h.ask(workers[:1], time.Minute); len(h.last) != 1 {
		t.Errorf("samples of %d workers are kept, want 1", len(h.last))
	}
}

func TestWhatIsPrintedIsWellFormed(t *testing.T) {
	cert, key := certstest.Issue(t, nil, "a.test", func(c *x509.Certificate) {
		c.SerialNumber, c.NotAfter = big.NewInt(255), time.Unix(2_000_000_000, 0)
	}).PEM(t)
	g := load(t, `ssl_certificate "data:`+cert+`"; ssl_certificate_key "data:`+key+`"; upstream u { server 127.0.0.1:1; server 127.0.0.1:1; server 127.0.0.1:2 down; server 127.0.0.1:3 backup; }
		server { listen 127.0.0.1:1; location / { metrics; } }`)
	p := &http.Process{Version: "1.2.3"}
	w := startWorker(t, 3, p)
	h := newHub()
	filter := &cycle.FilterState{Devices: map[string]string{"eth0": "native"}, Verdicts: map[string]cycle.FilterCount{"blocked": {Packets: 3, Bytes: 180}},
		Networks: map[string]int{"block": 2}}
	body, err := h.print(&totals{process: p, gen: g, workers: h.ask([]*http.Worker{w}, time.Minute), filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "weir_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
	for _, f := range Families(nil) {
		if !bytes.Contains(body, []byte("# TYPE "+f.Name+" "+f.Kind+"\n")) {
			t.Errorf("%s (%s) is not shown", f.Name, f.Kind)
		}
		if f.Help == "" || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: Help %q is no sentence", f.Name, f.Help)
		}
	}
	for _, want := range []string{
		`weir_filter_info{device="eth0",mode="native"} 1`, `weir_filter_packets_total{verdict="blocked"} 3`, `weir_filter_bytes_total{verdict="blocked"} 180`,
		`weir_build_info{version="1.2.3"} 1`, `weir_config_generation 7`, `weir_requests_total 0`,
		`weir_connections{state="waiting"} 0`, `weir_responses_total{class="2xx"} 0`,
		`weir_request_duration_seconds_bucket{le="0.001"} 0`, `weir_request_duration_seconds_bucket{le="16.384"} 0`,
		`weir_upstream_peer_up{peer="127.0.0.1:1",upstream="u"} 1`, `weir_upstream_peer_up{peer="127.0.0.1:2",upstream="u"} 0`,
		`weir_upstream_peer_connections{peer="127.0.0.1:3",upstream="u"} 0`,
		`weir_certificate_expiry_timestamp_seconds{serial="ff",subject="CN=a.test"} 2e+09`,
		`weir_worker_tls_handshakes_total{result="full",worker="3"} 0`,
		`weir_tls_kernel_info{receives="none",sends="none"} 1`, `weir_worker_tls_kernel_connections_total{direction="send",worker="3"} 0`,
		`weir_worker_sendfile_bytes_total{worker="3"} 0`,
		`weir_worker_up{worker="3"} 1`, `weir_worker_buffer_gets_total{worker="3"} 0`,
		`go_goroutines \d+`, `process_open_fds \d+`,
	} {
		if strings.Contains(want, `\d`) {
			if !regexp.MustCompile(`(?m)^` + want + `$`).Match(body) {
				t.Errorf("%s is missing", want)
			}
		} else if !bytes.Contains(body, []byte("\n"+want+"\n")) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestWhatModulesCountIsSummedOverWorkersAndKept(t *testing.T) {
	g := load(t, `server { listen 127.0.0.1:1; }`)
	p := &http.Process{}
	workers := []*http.Worker{startWorker(t, 0, p), startWorker(t, 1, p)}
	for _, w := range workers {
		done := make(chan struct{})
		w.Loop.Post(task(func() { w.Use(g); close(done) }))
		<-done
	}
	h := newHub()
	shows := func(workers []*http.Worker, lines ...string) {
		t.Helper()
		body, err := h.print(&totals{process: p, gen: g, workers: h.ask(workers, time.Minute), gone: h.ended()})
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !bytes.Contains(body, []byte("\n"+line+"\n")) {
				t.Errorf("%s is missing", line)
			}
		}
	}
	shows(workers, `weir_test_things_total{kind="x",of="?"} 6`, `weir_test_things 10`)
	for range 2 { // a worker has ended: what it has counted remains, once
		shows(workers[:1], `weir_test_things_total{kind="x",of="?"} 6`, `weir_test_things 5`)
	}
}

func TestSumsDoNotFallWhenAWorkerEnds(t *testing.T) {
	p := &http.Process{}
	w := startWorker(t, 0, p)
	done := make(chan struct{})
	w.Loop.Post(task(func() {
		p.Retire(w)
		p.Retire(w)
		close(done)
	}))
	<-done
	var s http.Stats
	s.Requests, s.LatencySum, s.ByClass[2], s.Latency[1], s.Reading = 3, 5, 3, 3, 1
	sum := p.Retired().Stats
	sum.Add(&s)
	sum.Add(&s)
	if sum.Requests != 6 || sum.LatencySum != 10 || sum.ByClass[2] != 6 || sum.Latency[1] != 6 || sum.Reading != 2 {
		t.Errorf("got %+v", sum)
	}
}

func TestAReplyForAClientThatIsGoneIsDropped(t *testing.T) {
	s := &scrape{}
	forget(s)
	(*reply)(s).Run()
}

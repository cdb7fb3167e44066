package metrics

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/tlsio"
)

// answerTime is how long a scrape waits for workers.
const answerTime = 500 * time.Millisecond

// sample is what a worker said of itself.
type sample struct {
	stats   http.Stats
	active  int // client connections
	idle    int // connections to backends
	conns   conn.Stats
	tls     tlsio.Stats
	buffers buf.PoolStats
	modules counts        // of modules that count for themselves
	lag     time.Duration // from the question to its turn on the loop
}

// hub is what scrapes of a process share.
type hub struct {
	running atomic.Int32
	runtime *prometheus.Registry // of the Go runtime and the process

	mu   sync.Mutex
	last map[*http.Worker]sample // what running workers said last
	gone counts                  // of modules, on workers that have ended
}

func newHub() *hub {
	h := &hub{runtime: prometheus.NewRegistry(), last: make(map[*http.Worker]sample)}
	h.runtime.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

// scrape is one request for the metrics.
type scrape struct {
	// Immutable.
	hub     *hub
	process *http.Process
	gen     *http.Generation
	loop    *poll.Loop

	// Written by the goroutine before it posts the reply.
	body []byte // nil when printing failed
	err  error

	// Owned by the worker of the request.
	r *http.Request // nil when the client is gone
}

// run is the goroutine: it asks, prints and sends the reply back.
func (s *scrape) run() {
	defer s.hub.running.Add(-1)
	defer func() {
		if p := recover(); p != nil { // a goroutine's panic would end the server
			s.err = fmt.Errorf("panic: %v", p)
		}
		s.loop.Post((*reply)(s))
	}()
	var workers []*http.Worker
	if list := s.process.Workers.Load(); list != nil {
		workers = *list
	}
	filter := askFilter(s.gen.Cycle)
	t := &totals{process: s.process, gen: s.gen, workers: s.hub.ask(workers, answerTime), gone: s.hub.ended(), filter: filter(answerTime)}
	s.body, s.err = s.hub.print(t)
}

// print renders t and the runtime's metrics.
func (h *hub) print(t *totals) ([]byte, error) {
	own := prometheus.NewRegistry()
	if err := own.Register(t); err != nil {
		return nil, err
	}
	families, err := prometheus.Gatherers{own, h.runtime}.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// askFilter asks what the packet filter has counted. What it returns waits for
// the answer, and gives nil where there is no filter or it does not answer.
func askFilter(c *cycle.Cycle) func(limit time.Duration) *cycle.FilterState {
	none := func(time.Duration) *cycle.FilterState { return nil }
	if c.Core.Filter == nil || c.FilterLink == nil {
		return none
	}
	answers := make(chan *cycle.FilterAnswer, 1) // room: nobody may be waiting any more
	if c.FilterLink.Ask(cycle.FilterQuestion{Op: cycle.FilterCounts}, func(a *cycle.FilterAnswer) { answers <- a }) != nil {
		return none
	}
	return func(limit time.Duration) *cycle.FilterState {
		select {
		case a := <-answers:
			return a.State
		case <-time.After(limit):
			return nil
		}
	}
}

// report is a worker's part of the totals.
type report struct {
	w  *http.Worker
	up bool // it answered in time
	sample
}

// ask takes a sample of each worker; of those that do not answer in time, the
// last one there is.
func (h *hub) ask(workers []*http.Worker, limit time.Duration) []report {
	got := http.Ask(workers, limit, func(w *http.Worker, answer func(sample)) poll.Task {
		return &question{w: w, asked: time.Now(), answer: answer}
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.last
	h.last = make(map[*http.Worker]sample, len(workers))
	reports := make([]report, 0, len(workers))
	for _, w := range workers {
		r := report{w: w}
		if r.sample, r.up = got[w]; !r.up {
			r.sample = known[w]
		}
		h.last[w] = r.sample
		reports = append(reports, r)
		delete(known, w)
	}
	for _, ended := range known {
		h.gone = h.gone.plus(ended.modules.lasting())
	}
	return reports
}

// question is what a worker is posted.
type question struct {
	w      *http.Worker
	asked  time.Time
	answer func(sample)
}

// Run implements poll.Task on the worker asked.
func (q *question) Run() {
	w := q.w
	s := sample{stats: w.Stats(), active: w.Active(), conns: w.Driver.Stats(), tls: w.TLS.Stats(), buffers: w.Buffers.Stats(), lag: time.Since(q.asked)}
	if w.Generation() != nil { // else the worker has just begun, without modules
		s.idle = upstream.Idle(w)
		s.modules = measure(w)
	}
	q.answer(s)
}

// reply is what comes back to the worker of the request.
type reply scrape

// contentType names the version of the format, as scrapers ask for it.
var contentType = []byte("text/plain; version=0.0.4; charset=utf-8")

// Run implements poll.Task on the worker of the request.
func (s *reply) Run() {
	r := s.r
	if r == nil {
		return
	}
	s.r = nil
	c := r.Client()
	if s.err != nil {
		r.Logf(http.LogErr, "metrics: %s", s.err)
		r.Finalize(http.StatusInternalServerError)
	} else {
		r.Finalize(r.SendResponse(http.StatusOK, contentType, s.body))
	}
	c.RunPosted()
}

// forget is the cleanup of the request.
func forget(s any) { s.(*scrape).r = nil }

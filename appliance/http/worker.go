package http

import (
	"strconv"
	"sync"
	"sync/atomic"

	"weir/appliance/cycle"
	"weir/appliance/regex"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
	"weir/netio/tlsio"
)

// Process is what the workers of one process share.
type Process struct {
	Version string // of weir, for the Server field and error pages
	// TLS is how the workers' TLS runs on this machine; set before the first
	// worker is made.
	TLS tlsio.Options
	// Workers is the list of running workers, for metrics; a worker's
	// counters are read by its own loop only.
	Workers atomic.Pointer[[]*Worker]

	mu      sync.Mutex
	retired Retired
}

// Worker is the HTTP state of one worker thread.
type Worker struct {
	ID      int // from 0; cycle.AgentID of the one that serves nobody
	Loop    *poll.Loop
	Driver  *conn.Driver
	Buffers *buf.Pool
	Process *Process
	TLS     *tlsio.Engine

	gen        *Generation
	prepared   *Generation // by Prepare, for Use
	use        *use        // of gen
	before     *use        // of the generation before, while Use runs
	acceptors  map[sock.Addr]*acceptor
	conns      connList
	pinned     pinnedList
	freeH1     *h1Conn
	freeReqs   []*Request
	freeFiles  *requestFile
	freeCopies *copyState
	reads      fileReads
	// fileCaches is by directive: locations that inherit one share it.
	fileCaches map[*fileCacheConf]*fileCache
	exiting    bool

	matcher   *regex.Matcher
	caps      []int
	line      []byte // scratch for log lines
	names     serverFields
	values    [][]byte  // stack of Complex.Eval
	tcpInfo   sock.Info // scratch for $tcpinfo_*
	stats     Stats
	localMade atomic.Bool // local will not change any more
	local     []any       // modules' objects of this worker, see WorkerSlot

	published Published
}

// Stats counts what a worker did. It belongs to the worker; others get a copy
// taken on its loop.
type Stats struct {
	Accepted   uint64 // client connections
	Requests   uint64 // client requests whose head was read, good or bad
	Panics     uint64 // handlers that panicked and were contained
	Reading    int64  // connections reading a head now
	Writing    int64  // connections with a request being served now
	ByClass    [6]uint64
	Latency    [latencyBuckets]uint64
	LatencySum int64 // milliseconds
}

// latencyBuckets are powers of two of milliseconds: <1, <2, <4 ... and the rest.
const latencyBuckets = 16

// NewWorker makes the HTTP side of a worker. d is the worker's connection
// driver; everything here runs on d.Loop's thread.
func NewWorker(d *conn.Driver, id int, p *Process) *Worker {
	return &Worker{
		ID: id, Loop: d.Loop, Driver: d, Buffers: d.Pool, Process: p,
		acceptors: make(map[sock.Addr]*acceptor),
		matcher:   regex.NewMatcher(),
		line:      make([]byte, 0, 4096),
		TLS:       tlsio.NewEngine(d, p.TLS),
	}
}

// Agent reports whether the worker serves nobody.
func (w *Worker) Agent() bool { return w.ID == cycle.AgentID }

// Name is the worker's number in words, for metrics.
func (w *Worker) Name() string {
	if w.Agent() {
		return "agent"
	}
	return strconv.Itoa(w.ID)
}

// Prepare has the modules do what comes before the first request of g; the
// channel is closed, by the worker, when they have. Use may be called before.
func (w *Worker) Prepare(g *Generation) <-chan struct{} {
	w.prepared = g
	ready := make(chan struct{})
	if g == nil {
		close(ready)
		return ready
	}
	w.makeLocal(g)
	missing := 1
	one := func() {
		if missing--; missing == 0 {
			close(ready)
		}
	}
	for _, m := range g.modules {
		if m.StartWorker != nil {
			missing++
			m.StartWorker(w, g, one)
		}
	}
	one()
	return ready
}

// makeLocal makes the modules' objects of this worker, once.
func (w *Worker) makeLocal(g *Generation) {
	if w.local != nil {
		return
	}
	w.local = make([]any, len(g.modules))
	for i, m := range g.modules {
		if m.Local != nil {
			w.local[i] = m.Local.make(w)
		}
	}
	w.localMade.Store(true)
}

// Use makes g the generation of new requests. Listeners that g still has get
// their new configuration; requests in flight keep theirs.
func (w *Worker) Use(g *Generation) {
	if w.prepared != g {
		w.Prepare(g)
	}
	w.prepared = nil
	if w.gen != g {
		w.gen, w.before, w.use = g, w.use, &use{gen: g}
		defer func() { w.before = nil }()
	}
	w.dropFileCaches()
	if g == nil {
		return
	}
	for key, a := range w.acceptors {
		if p := g.ports[key]; p != nil {
			a.port = p
		} else {
			delete(w.acceptors, key) // open connections keep it
		}
	}
	w.conns.each((*h1Conn).leave)
	for _, m := range g.modules {
		if m.InitWorker != nil {
			m.InitWorker(w, g)
		}
	}
}

// use counts the requests that a worker has of a generation since it took it.
type use struct {
	gen  *Generation
	n    int
	last []func()
}

// AfterLast has f run when the last request of the generation before has been
// given back; false, and f is forgotten, when there is none. It is for
// Module.InitWorker. A connection whose listener is gone may begin requests of
// that generation even later.
func (w *Worker) AfterLast(f func()) bool {
	u := w.before
	if u == nil || u.n == 0 {
		return false
	}
	u.last = append(u.last, f)
	return true
}

// leave is the end of a request.
func (u *use) leave() {
	if u.n--; u.n > 0 {
		return
	}
	for _, f := range u.last {
		f()
	}
	u.last = nil
}

// Generation is the configuration of new requests.
func (w *Worker) Generation() *Generation { return w.gen }

// Acceptor serves the connections of a listening socket of the cycle whose
// generation is in use.
func (w *Worker) Acceptor(l *cycle.Listen) conn.Acceptor {
	a := w.acceptors[l.Addr]
	if a == nil {
		a = &acceptor{w: w}
		w.acceptors[l.Addr] = a
	}
	a.port = l.Service.(*Port)
	return a
}

// Shutdown asks clients to go: no connection is kept after its request, idle
// ones are closed, or kept for keepalive_min_timeout.
func (w *Worker) Shutdown() {
	w.exiting = true
	w.tellExiting()
	w.conns.each(func(h *h1Conn) {
		if h.state != h1Idle || h.requests == 0 || h.pos < len(h.head) || h.net.ReadReady() {
			return // its next request is on the way, or there: it gets its answer
		}
		h.goAway()
	})
}

// Cut ends every request that began under a configuration older than the
// numbered one (cycle.Cycle.Generation), and in a graceful stop every
// connection. What is cut is logged as any request is, and log handlers that
// have waited until now end. It returns how many connections and log phases
// that ended.
func (w *Worker) Cut(generation int) int {
	old := func(r *Request) bool { return w.exiting || r.gen.Cycle.Generation < generation }
	n := w.pinned.cut(old)
	w.conns.each(func(h *h1Conn) {
		if w.exiting || h.r != nil && old(h.r) {
			n++
			h.cut()
		}
	})
	return n
}

// Abort closes every connection at once.
func (w *Worker) Abort() {
	w.conns.each(func(h *h1Conn) { h.net.Close() })
}

// Exiting reports whether Shutdown was called.
func (w *Worker) Exiting() bool { return w.exiting }

// Active is the number of client connections that are not done with, those
// whose close still waits for the client and those gone before their log phase
// was over among them.
func (w *Worker) Active() int { return w.conns.n + w.Driver.Lingering() + len(w.pinned) }

// Stats returns a copy of the counters; call it on the worker's loop.
func (w *Worker) Stats() Stats { return w.stats }

// count adds a finished request to the counters.
func (w *Worker) count(r *Request) {
	if c := r.Out.Status / 100; c >= 0 && c < len(w.stats.ByClass) {
		w.stats.ByClass[c]++
	}
	ms := w.Loop.NowMS() - r.startMS
	w.stats.LatencySum += ms
	b := 0
	for ms > 0 && b < latencyBuckets-1 {
		ms >>= 1
		b++
	}
	w.stats.Latency[b]++
}

// takeRequest returns an empty request for generation g.
func (w *Worker) takeRequest(g *Generation) *Request {
	var r *Request
	if n := len(w.freeReqs); n > 0 {
		r = w.freeReqs[n-1]
		w.freeReqs = w.freeReqs[:n-1]
	} else {
		r = &Request{w: w}
		r.ownArena.Pool = w.Buffers
		r.head.Headers = make([]headerField, 0, 24)
		r.Out.reset()
	}
	r.gen = g
	if u := w.use; u != nil && u.gen == g {
		r.use = u
		u.n++
	}
	r.ownVars = sized(r.ownVars, len(g.vars))
	r.vars = r.ownVars
	r.state = sized(r.state, len(g.modules))
	return r
}

// maxFreeRequests bounds how many Request structures an idle worker keeps.
const maxFreeRequests = 1024

func (w *Worker) putRequest(r *Request) {
	u := r.use
	r.reset()
	if len(w.freeReqs) < maxFreeRequests {
		w.freeReqs = append(w.freeReqs, r)
	}
	if u != nil {
		u.leave()
	}
}

func (w *Worker) takeH1() *h1Conn {
	h := w.freeH1
	if h == nil {
		slab := make([]h1Conn, 32)
		for i := range slab {
			slab[i].next = w.freeH1
			w.freeH1 = &slab[i]
		}
		h = w.freeH1
	}
	w.freeH1 = h.next
	*h = h1Conn{}
	h.w = w
	return h
}

func (w *Worker) putH1(h *h1Conn) {
	h.net, h.acc, h.addr = nil, nil, nil
	h.tls, h.sni = nil, nil
	h.next = w.freeH1
	w.freeH1 = h
}

// connList is the list of a worker's client connections.
type connList struct {
	head *h1Conn
	n    int
}

func (l *connList) add(h *h1Conn) {
	h.next = l.head
	if l.head != nil {
		l.head.prev = h
	}
	l.head = h
	l.n++
}

func (l *connList) remove(h *h1Conn) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		l.head = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.prev, h.next = nil, nil
	l.n--
}

// each calls f for every connection; f may close the one it is given.
func (l *connList) each(f func(h *h1Conn)) {
	for h := l.head; h != nil; {
		next := h.next
		f(h)
		h = next
	}
}

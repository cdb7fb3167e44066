package http

import (
	"io"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/http1"
)

// h1Conn is an HTTP/1 client connection: it reads request heads, frames
// bodies both ways and keeps the connection between requests. An idle one
// holds no buffer and no Request.
//
//	idle ──bytes──> head ──head complete──> busy ──Finish──> idle | head | closed
//	proxy ─PROXY header─> idle | handshake
//	handshake ─Secured─> idle
type h1Conn struct {
	Client
	r *Request // request being read or served, nil while idle

	// head holds the request head, and what was read behind it: bytes from
	// pos on are body or the next request. It does not move while a request
	// is served, since the request's Spans point into it. raw holds input
	// read later, from rawPos on.
	head   []byte
	pos    int
	raw    []byte
	rawPos int

	out        Chain     // output not written yet
	headLink   *buf.Link // response header in out that a small body may join
	flushOut   bool      // out is to be written however little it is
	sentBefore int64     // bytes sent on the connection before this request
	state      h1State
	next, prev *h1Conn // connections of the worker, or free list
}

type h1State uint8

const (
	h1Idle      h1State = iota // between requests, or before the first
	h1Proxy                    // a PROXY protocol header is due
	h1Handshake                // the TLS handshake has the connection
	h1Line                     // reading a request line
	h1Head                     // reading header fields
	h1Busy                     // a request is being served
)

var _ conn.Handler = (*h1Conn)(nil)
var _ Stream = (*h1Conn)(nil)

// acceptor takes the connections of one listening socket on one worker.
type acceptor struct {
	w    *Worker
	port *Port // replaced when a new generation still listens there
}

// Accepted starts serving a connection.
func (a *acceptor) Accepted(c *conn.Conn) {
	w := a.w
	h := w.takeH1()
	h.net, h.acc = c, a
	h.stream = h
	h.started = w.Loop.NowMS()
	h.addr = a.port.find(c)
	c.SetHandler(h)
	h.debugClient(c)
	w.conns.add(h)
	w.stats.Accepted++
	if h.addr.Proxy {
		h.state = h1Proxy
	} else if h.addr.TLS {
		h.handshake()
		return
	}
	c.SetTimer(conn.ReadTimer, h.addr.Default.core.headerTimeout.V)
	if c.ReadReady() {
		h.Readable(c)
	}
}

// Readable implements conn.Handler.
func (h *h1Conn) Readable(*conn.Conn) {
	if h.state == h1Busy {
		h.event(true)
		return
	}
	h.readHead()
}

// Writable implements conn.Handler.
func (h *h1Conn) Writable(*conn.Conn) {
	if h.state == h1Busy {
		h.event(false)
	}
}

// Expired implements conn.Handler.
func (h *h1Conn) Expired(_ *conn.Conn, t conn.TimerID) {
	if h.state != h1Busy {
		h.headTimeout()
		return
	}
	if t == conn.ReadTimer {
		h.flags |= readTimedOut
		h.event(true)
	} else {
		if h.flags&clientDelayed != 0 {
			h.flags &^= clientDelayed
		} else {
			h.flags |= writeTimedOut
		}
		h.event(false)
	}
	h.flags &^= readTimedOut | writeTimedOut
}

// headTimeout ends a connection on which no complete head came in time.
func (h *h1Conn) headTimeout() {
	if h.quiet() {
		if h.requests == 0 {
			h.SetTimedOut()
			h.logInfo("client timed out (110: Connection timed out)")
		}
		h.close()
		return
	}
	h.SetTimedOut()
	h.r.Log(LogInfo, "client timed out (110: Connection timed out)")
	h.abandon(StatusRequestTimeout)
}

// quiet reports whether no request has begun.
func (h *h1Conn) quiet() bool { return h.state <= h1Handshake }

// abandon logs and drops a request whose head never became complete.
func (h *h1Conn) abandon(status Code) {
	h.startServing()
	h.r.closeRequest(status)
}

// readHead reads and parses until a head is complete or bytes run out.
func (h *h1Conn) readHead() {
	if h.pos < len(h.head) {
		if !h.parse() {
			return
		}
	}
	for {
		if !h.room() {
			return
		}
		n, err := h.net.Recv(h.head[len(h.head):cap(h.head)])
		if n == 0 {
			h.noBytes(err)
			return
		}
		if h.state == h1Idle && h.requests > 0 {
			h.net.SetTimer(conn.ReadTimer, h.addr.Default.core.headerTimeout.V)
		}
		h.head = h.head[:len(h.head)+n]
		if !h.parse() {
			return
		}
	}
}

// noBytes handles a Recv without bytes while a head is being read.
func (h *h1Conn) noBytes(err error) {
	if err == conn.ErrAgain {
		if h.state == h1Idle && h.pos == len(h.head) {
			h.dropBuffers()
			if h.w.exiting && h.requests > 0 { // Shutdown took it for one whose next request is there
				h.goAway()
			}
		}
		return
	}
	if h.quiet() {
		h.close()
		return
	}
	if err == io.EOF {
		h.r.Log(LogInfo, "client prematurely closed connection")
	}
	h.SetError()
	h.abandon(StatusBadRequest)
}

// room makes sure that there is space to read into. It returns false when the
// head has grown over its limit and was answered.
func (h *h1Conn) room() bool {
	if h.head == nil {
		h.head = h.w.Buffers.Get(headBuffer)
		h.pos = 0
		return true
	}
	if len(h.head) < cap(h.head) {
		return true
	}
	start := h.pos
	if h.r != nil {
		start = h.r.headStart
	}
	limit := headLimit(h.addr.Default.core)
	used := len(h.head) - start
	if used >= limit && h.state != h1Proxy {
		h.badHead(h.tooLarge())
		return false
	}
	b := append(h.w.Buffers.Get(start+min(2*used, limit)+1), h.head...)
	h.w.Buffers.Put(h.head)
	h.head = b
	if h.state == h1Head {
		h.r.moveLine(b)
	}
	return true
}

// headLimit is the most bytes that a request head may have.
func headLimit(cs *coreSrv) int {
	return int(cs.headerBuffer.V + int64(cs.largeBuffers.V.Num)*cs.largeBuffers.V.Size)
}

// headBuffer is the size of the first read of a request: large enough for
// nearly all heads, so that one receive is enough.
const headBuffer = 4 << 10

// tooLarge says which limit an oversized head broke.
func (h *h1Conn) tooLarge() Code {
	if h.state == h1Line {
		return StatusURITooLarge
	}
	return StatusRequestHeaderTooLarge
}

// parse goes on with the head. It returns true when more bytes are needed.
func (h *h1Conn) parse() bool {
	if h.state == h1Proxy {
		if !h.parseProxy() {
			return h.state == h1Proxy
		}
		if h.addr.TLS {
			h.handshake()
			return false
		}
		if h.pos == len(h.head) {
			return true
		}
	}
	if h.state == h1Idle {
		h.beginRequest()
	}
	r := h.r
	if h.state == h1Line {
		res := r.parser.Line(h.head, &r.head)
		if res == http1.More {
			return true
		}
		if !h.lineDone(res) {
			return false
		}
	}
	res := r.parser.Headers(h.head, &r.head)
	if res == http1.More {
		return true
	}
	h.pos = r.parser.Pos()
	if res != http1.Done {
		h.headFault(res)
		return false
	}
	if h.pos-r.headStart > headLimit(h.addr.Default.core) { // within the buffer's room all the same
		h.badHead(StatusRequestHeaderTooLarge)
		return false
	}
	h.serve()
	return false
}

// beginRequest takes a Request for the bytes at pos.
func (h *h1Conn) beginRequest() {
	if h.pos > cap(h.head)/2 { // nothing points into it now: make room
		n := copy(h.head, h.head[h.pos:])
		h.head, h.pos = h.head[:n], 0
	}
	h.readdress()
	srv := h.server()
	r := h.w.takeRequest(h.acc.port.gen)
	r.begin(&h.Client, srv)
	h.r, h.active = r, r
	h.state = h1Line
	h.requests++
	cs := srv.core
	r.headStart = h.pos
	r.parser.Reset(h.pos, http1.Options{
		AllowBareLF: cs.allowLF.V,
		MaxLine:     int(max(cs.headerBuffer.V, cs.largeBuffers.V.Size)),
		MaxFields:   cs.maxHeaders.V,
	})
	h.w.stats.Reading++
}

// lineDone handles the end of the request line. It returns false when the
// request has been dealt with: answered for a fault, or served as HTTP/0.9.
func (h *h1Conn) lineDone(res http1.Result) bool {
	r := h.r
	if res != http1.Done {
		h.pos = r.parser.Pos()
		r.keepBadLine(h.head)
		switch res {
		case http1.LineTooLong:
			r.Log(LogInfo, "client sent too long URI while reading client request line")
			h.badHead(StatusURITooLarge)
		case http1.BadVersion:
			r.Log(LogInfo, "client sent invalid version while reading client request line")
			h.badHead(StatusVersionNotSupported)
		default:
			r.Logf(LogInfo, "client sent %s while reading client request line", res)
			h.badHead(StatusBadRequest)
		}
		return false
	}
	h.state = h1Head
	if rc := r.setLine(h.head); rc != OK {
		h.pos = r.parser.Pos()
		h.badHead(rc)
		return false
	}
	if r.debug {
		r.traceLine()
	}
	if r.head.Major == 0 {
		h.pos = r.parser.Pos()
		r.In = &r.in
		h.serve()
		return false
	}
	return true
}

// headFault answers a header block that the parser refused.
func (h *h1Conn) headFault(res http1.Result) {
	r := h.r
	switch res {
	case http1.LineTooLong:
		r.Log(LogInfo, "client sent too long header line"+readingHead)
		h.badHead(StatusRequestHeaderTooLarge)
	case http1.TooManyFields:
		r.Log(LogInfo, "client sent too many header lines"+readingHead)
		h.badHead(StatusBadRequest)
	default:
		from, at := r.parser.LineStart(), min(r.parser.FaultPos(), len(h.head)-1)
		r.Logf(LogInfo, "client sent invalid header line: \"%s\\x%02x...\""+readingHead, h.head[from:at], h.head[at])
		h.badHead(StatusBadRequest)
	}
}

// badHead answers a head that cannot be served and closes the connection.
func (h *h1Conn) badHead(rc Code) {
	r := h.r
	if r == nil {
		h.beginRequest()
		r = h.r
	}
	h.startServing()
	r.keepalive = false
	r.lingering = true
	h.flags |= clientRunning
	r.Finalize(rc)
	h.RunPosted()
	h.flags &^= clientRunning
}

// startServing moves from reading a head to serving a request.
func (h *h1Conn) startServing() {
	h.state = h1Busy
	h.net.ClearTimer(conn.ReadTimer)
	h.w.stats.Reading--
	h.w.stats.Writing++
	h.w.stats.Requests++
	h.net.Requests++
	h.r.length = int64(h.pos - h.r.headStart)
	h.sentBefore = h.net.Sent
}

// serve hands a complete head to the phases.
func (h *h1Conn) serve() {
	r := h.r
	h.startServing()
	h.flags |= clientRunning
	if r.debug {
		r.traceHead(h.head, r.head.Headers)
	}
	r.process(h.head)
	h.RunPosted()
	h.flags &^= clientRunning
}

// dropBuffers gives input buffers back.
func (h *h1Conn) dropBuffers() {
	if h.head != nil {
		h.w.Buffers.Put(h.head)
		h.head, h.pos = nil, 0
	}
	if h.raw != nil {
		h.w.Buffers.Put(h.raw)
		h.raw, h.rawPos = nil, 0
	}
}

// close ends the connection outside of a request.
func (h *h1Conn) close() {
	reset := h.TimedOut() && h.addr.Default.root.core.resetTimedout.V
	h.release()
	if reset {
		h.net.Reset()
	} else {
		h.net.Close()
	}
	h.w.putH1(h)
}

// goAway ends an idle connection in a graceful stop: at once, or when
// keepalive_min_timeout has passed without a request.
func (h *h1Conn) goAway() {
	if ms := h.addr.Default.root.core.keepaliveMin.V; ms > 0 {
		h.net.SetTimer(conn.ReadTimer, ms)
		return
	}
	h.close()
}

// leave lets an idle connection go of the configuration before, which it would
// keep from being collected for as long as it says nothing.
func (h *h1Conn) leave() {
	if h.state == h1Idle {
		h.readdress()
	}
}

// readdress takes the address's configuration of the newest generation.
func (h *h1Conn) readdress() {
	if a := h.acc.port.find(h.net); a != h.addr {
		h.addr = a
		h.findSNI()
	}
}

// cut ends the connection whatever it is doing.
func (h *h1Conn) cut() {
	h.SetError()
	switch {
	case h.quiet():
		h.close()
	case h.state == h1Busy:
		h.flags |= clientRunning
		h.r.terminate(0)
		h.RunPosted()
		h.flags &^= clientRunning
	default:
		h.abandon(0)
	}
}

// release gives back everything but the socket.
func (h *h1Conn) release() {
	h.dropBuffers()
	h.w.Buffers.DoneChain(&h.out)
	h.w.conns.remove(h)
}

// Finish implements Stream.
func (h *h1Conn) Finish(keep, linger bool, loc *Location) {
	w := h.w
	h.r, h.active = nil, nil
	w.stats.Writing--
	h.state = h1Idle
	h.flags &^= clientPipelined | clientBuffered | clientDelayed | clientWriting
	if !keep || !h.out.Empty() { // output that nobody ended is not a whole response
		h.finishClose(linger, loc)
		return
	}
	h.net.ClearTimer(conn.WriteTimer)
	switch {
	case h.pos < len(h.head):
		h.dropRaw()
	case h.rawPos < len(h.raw):
		w.Buffers.Put(h.head)
		h.head, h.pos = h.raw, h.rawPos
		h.raw, h.rawPos = nil, 0
	default:
		h.dropBuffers()
		h.idle(loc)
		return
	}
	h.flags |= clientPipelined
	h.net.SetTimer(conn.ReadTimer, h.addr.Default.core.headerTimeout.V)
	h.net.PostReadable()
}

func (h *h1Conn) dropRaw() {
	if h.raw != nil {
		h.w.Buffers.Put(h.raw)
		h.raw, h.rawPos = nil, 0
	}
}

// idle waits for the next request.
func (h *h1Conn) idle(loc *Location) {
	lc := loc.core
	if h.requests == 1 && lc.nodelay.V {
		_ = h.net.SetNoDelay(true) // refused only for sockets without the option
	}
	ms := lc.keepaliveTimeout.V
	if h.w.exiting {
		ms = min(max(lc.keepaliveMin.V, 1), max(ms, 1))
	}
	h.net.SetTimer(conn.ReadTimer, ms)
	if h.net.ReadReady() {
		h.net.PostReadable()
	}
}

// finishClose closes after a request, with what is left of the client's
// bytes read away where they could make the kernel destroy our answer.
func (h *h1Conn) finishClose(linger bool, loc *Location) {
	c, w, lc := h.net, h.w, loc.core
	reset := h.TimedOut() && lc.resetTimedout.V
	failed := h.Error()
	h.release()
	switch {
	case reset:
		c.Reset()
	case linger && !failed:
		c.LingerClose(lc.lingeringTime.V, lc.lingeringTimeout.V)
	default:
		c.Close()
	}
	w.putH1(h)
}

// unread reports whether the client has sent more than was read.
func (h *h1Conn) unread() bool {
	return h.pos < len(h.head) || h.rawPos < len(h.raw) || h.net.ReadReady()
}

// logInfo logs a message about the connection outside of a request.
func (h *h1Conn) logInfo(msg string) {
	l := h.log()
	if l.On(LogInfo) {
		h.logLine(l, LogInfo, msg)
	}
}

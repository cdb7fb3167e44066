package upstream

import (
	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/http1"
	"weir/netio/sock"
)

// HeadResult is what a Protocol says of the bytes of a response head.
type HeadResult uint8

// Results of Protocol.Head.
const (
	HeadMore HeadResult = iota // not complete yet
	HeadDone                   // Exchange.Response and the framing fields are set
	HeadBad                    // broken, and logged: try the next peer
)

// Protocol is the wire format of a backend. It is a location's configuration,
// shared by all its requests: what belongs to one request is kept in the
// Exchange. It has more methods than an interface should, because a format is
// one decision in all its parts.
type Protocol interface {
	// Request writes the head of the request to the backend, by SetHead.
	Request(x *Exchange) http.Code
	// Reset prepares for the response of another try.
	Reset(x *Exchange)
	// Head parses x.In().
	Head(x *Exchange) HeadResult
	// Decode takes the framing off body bytes of a Coded response. It is
	// http1.ChunkedReader.Next's contract.
	Decode(x *Exchange, b []byte) (data buf.Span, consumed int, res http1.Result)
	// RewriteRedirect and RewriteCookie change a Location (or the part of a
	// Refresh from prefix on) and a Set-Cookie of the response. They return
	// the new value and whether there is one.
	RewriteRedirect(x *Exchange, value []byte, prefix int) ([]byte, bool)
	RewriteCookie(x *Exchange, value []byte) ([]byte, bool)
}

// step is where an exchange stands.
type step uint8

const (
	stepStart step = iota
	stepResolve
	stepChoose // the group's Balancer waits
	stepConnect
	stepHandshake
	stepHead   // the request is being sent, the response head is awaited
	stepBody   // the response body passes
	stepTunnel // both directions pass bytes, after 101
	stepDone
)

// Exchange is the passing of one request to backends. It belongs to the
// request from Start until the request has been logged.
//
//	Start ─► (body read) ─► choose ─► connect ─► send ─► head ─► body ─► done
//	              ▲                                │
//	              └────────── next ◄───────────────┘
type Exchange struct {
	R *http.Request
	exchange

	// Kept from one use to the next.
	Response http1.Response // head of the response; spans of In
	trailers http1.Fields
	states   []State
	sel      selection
	own      Peer      // of a Balancer
	ownState peerState // of own
	ws       *workerState
	next     *Exchange // free list
}

// exchange is what every use starts out with empty.
type exchange struct {
	conf  *Conf
	proto Protocol
	group *Group // nil for addresses of this request alone
	local *local
	c     *conn.Conn
	link  *link
	prev  *Exchange // made earlier for the same request

	// The backend of this request.
	Schema  string // "http://", for logs
	Secure  bool   // connections have TLS
	Target  *URL   // address known only now; nil when conf.Group says it
	lookup  *lookup
	bind    sock.Addr
	key     connKey
	uri     []byte // as sent
	step    step
	action  string // what is being done, for logs
	started int64  // first try: loop time
	tryAt   int64  // this try

	connectTimeout, sendTimeout, readTimeout int64 // milliseconds

	outside outside  // of the group's Balancer
	shaking *shaking // a handshake with scripts; nil: none

	// Request to the backend.
	reqHead     []byte // pooled
	reqOut      buf.Chain
	sentBefore  int64  // bytes sent on the connection before
	Head        bool   // the request's method is HEAD
	ChunkedOut  bool   // an unbuffered body of unknown length goes out in chunks
	BodyLength  int64  // of the request body, -1 when there is none or it is not known
	NoBody      bool   // the client's body is not passed
	Unbuffered  bool   // the body is passed as it comes
	part        []byte // pooled: first part of an unbuffered body
	partLen     int
	requestSent bool // something of the request may have been sent
	bodySent    bool // all of it
	blocked     bool // the connection takes no more of it for now
	bodyEnded   bool // the client's body has been read to its end
	cached      bool // the connection was idle before
	fresh       bool // only a new connection will do
	gotBytes    bool // something of the response came

	// Response.
	in            []byte // pooled; what came with the head
	inMax         int
	pos           int // first byte of in not dealt with
	Parser        http1.ResponseParser
	trailerParser http1.FieldParser
	LineDone      bool // the status line is complete
	Chunks        http1.ChunkedReader
	ContentLength int64
	Coded         bool // Decode applies
	Close         bool // the backend will close
	Upgrade       bool // 101, and the client asked for it
	keepalive     bool // the connection can be used again
	buffering     bool
	headerSent    bool
	ended         bool // the whole body came
	eof           bool // the backend closed
	broken        bool // the backend failed within the body
	delayed       bool // proxy_limit_rate holds reading back
	clientFailed  bool
	inTrailer     bool
	finished      bool
	left          int64 // of the body; -1 until the backend closes
	bodyCount     int64 // bytes of the body received
	passed        int64 // bodyCount when the output was last handed on
	rate          int64 // proxy_limit_rate
	rateStart     int64 // seconds

	out         buf.Chain // for the client, not passed on yet
	none        buf.Chain // empty: Output is asked to go on
	cur         *bodyBuf  // being filled
	held        *bodyBuf  // all in use
	nbufs       int
	bufSize     int
	bufMax      int
	file        *http.TempFile
	fileFrom    int64 // what of it was not passed on yet
	store       bool
	trailerText []byte
	noSplice    bool   // pipes are not to be had
	fromClient  []byte // tunnel: pooled
	toBackend   buf.Chain
	clientEOF   bool
}

// Take returns an exchange for r and attaches it. The caller sets its public
// fields and calls Start.
func Take(r *http.Request, c *Conf, p Protocol) *Exchange {
	ws := workerSlot.Of(r.Worker())
	x := ws.free
	if x == nil {
		x = &Exchange{ws: ws}
		x.Response.Headers = make([]http1.Header, 0, 24)
	} else {
		ws.free, x.next = x.next, nil
	}
	x.R, x.conf, x.proto = r, c, p
	x.BodyLength = -1
	x.ContentLength = -1
	x.buffering = c.Buffering.V
	x.store = c.Store.V != nil
	x.connectTimeout, x.sendTimeout, x.readTimeout = c.ConnectTimeout.V, c.SendTimeout.V, c.ReadTimeout.V
	if old, ok := r.Upstream().(*Exchange); ok {
		x.prev = old
		x.states = append(append(x.states[:0], old.states...), State{})
	}
	r.SetUpstream(x)
	return x
}

// Of returns the exchange of r, nil for none.
func Of(r *http.Request) *Exchange {
	x, _ := r.Upstream().(*Exchange)
	return x
}

// Conf is the configuration the exchange runs under.
func (x *Exchange) Conf() *Conf { return x.conf }

// In is what came with the response head, from its first byte on.
func (x *Exchange) In() []byte { return x.in }

// SetPos says how much of In has been dealt with: the body begins there.
func (x *Exchange) SetPos(n int) { x.pos = n }

// SetHead gives the request head to the exchange, in a pooled buffer; uri is
// the part of it that names the resource.
func (x *Exchange) SetHead(head, uri []byte) { x.reqHead, x.uri = head, uri }

// Start reads the request body, as configured, and passes the request on. It
// is what a content handler returns.
func (x *Exchange) Start() http.Code {
	r := x.R
	if x.Unbuffered {
		if rc := x.firstPart(); rc != http.OK {
			return rc
		}
		r.Hold()
		begin(r)
		return http.Done
	}
	return r.ReadBody(begin)
}

// begin runs when the request body is there.
func begin(r *http.Request) {
	x := Of(r)
	c := r.Client()
	c.ClearReadTimer()
	if !x.conf.IgnoreClientAbort.V && !x.store {
		r.SetReadHandler(checkBroken)
		r.SetWriteHandler(checkBrokenWrite)
		if c.Net().Hangup() {
			c.Net().PostReadable()
		}
	} else {
		r.SetReadHandler(http.BlockReading)
		r.SetWriteHandler(ignoreClient)
	}
	r.Cleanup(cleanup, r)
	if rc := x.proto.Request(x); rc != http.OK {
		x.finalize(http.StatusInternalServerError)
		return
	}
	x.bindAddress()
	if x.Target != nil {
		x.beginTarget()
		return
	}
	x.group = x.conf.Group
	x.beginGroup()
}

func ignoreClient(*http.Request) {}

// beginGroup starts trying the peers of the group.
func (x *Exchange) beginGroup() {
	x.local = x.group.locals[x.ws.w.ID]
	x.beginChoice()
	x.beginTries()
}

func (x *Exchange) beginTries() {
	x.started = x.ws.w.Loop.NowMS()
	if n := x.conf.NextTries.V; n > 0 && x.sel.tries > n {
		x.sel.tries = n
	}
	x.connect()
}

// bindAddress works out proxy_bind.
func (x *Exchange) bindAddress() {
	b := x.conf.Bind.V
	if b == nil {
		return
	}
	if b.Value == nil {
		x.bind = b.Addr
		return
	}
	text := b.Value.Eval(x.R)
	if len(text) == 0 {
		return
	}
	a, err := sock.ParseAddr(string(text))
	if err != nil {
		x.R.Logf(http.LogErr, "invalid local address \"%s\"", text)
		return
	}
	x.bind = a
}

// checkBroken is the read handler of the client while a backend works: a
// client that goes away ends the exchange.
func checkBroken(r *http.Request) {
	x, c := Of(r), r.Client()
	if c.Error() {
		x.finalize(http.StatusClientClosedRequest)
		return
	}
	if !c.Net().Hangup() {
		return
	}
	c.SetError()
	msg := "epoll_wait() reported that client prematurely closed connection"
	if x.c != nil {
		msg += ", so upstream connection is closed too"
	}
	if x.action != "" {
		msg += " while " + x.action
	}
	r.Log(http.LogInfo, msg)
	x.finalize(http.StatusClientClosedRequest)
}

func checkBrokenWrite(r *http.Request) {
	if r.Client().Error() {
		Of(r).finalize(http.StatusClientClosedRequest)
	}
}

// cleanup ends what is still going on when the request is aborted.
func cleanup(data any) {
	if x := Of(data.(*http.Request)); x != nil && !x.finished {
		x.settle()
		x.stop()
	}
}

// Readable implements conn.Handler.
func (x *Exchange) Readable(*conn.Conn) {
	c := x.R.Client()
	switch x.step {
	case stepHead:
		x.readHead()
	case stepBody:
		if !x.delayed {
			x.pump()
		}
	case stepTunnel:
		x.fromBackend()
	}
	c.RunPosted()
}

// Writable implements conn.Handler.
func (x *Exchange) Writable(*conn.Conn) {
	c := x.R.Client()
	switch x.step {
	case stepConnect:
		x.connected()
	case stepHead:
		if x.c.Hangup() { // an answer that did not wait for the whole request
			x.readHead()
		}
		if x.step == stepHead && !x.bodySent && x.blocked {
			x.send(true)
		}
	case stepBody:
		if !x.bodySent && x.Unbuffered {
			x.send(true)
		}
	case stepTunnel:
		x.toUpstream()
	}
	c.RunPosted()
}

// Expired implements conn.Handler.
func (x *Exchange) Expired(_ *conn.Conn, id conn.TimerID) {
	c := x.R.Client()
	switch {
	case x.delayed && id == conn.ReadTimer:
		x.delayed = false
		if x.step == stepBody {
			x.pump()
		}
	case x.step == stepConnect || x.step == stepHandshake || x.step == stepHead:
		x.tryNext(FailTimeout)
	case x.step == stepBody && id == conn.WriteTimer:
		// The rest of the request does not matter any more.
	case x.step == stepBody:
		x.dropCollected()
		x.broken = true
		x.logErr("upstream timed out (110: Connection timed out)")
		x.endBody(http.StatusGatewayTimeout)
	default:
		x.logErr("upstream timed out (110: Connection timed out)")
		x.finalize(http.StatusGatewayTimeout)
	}
	c.RunPosted()
}

// AppendLogText implements http.Upstream.
func (x *Exchange) AppendLogText(dst []byte) []byte {
	s := x.state()
	if s == nil || s.peer == nil {
		return dst
	}
	dst = append(dst, ", upstream: \""...)
	dst = append(dst, x.Schema...)
	dst = append(dst, s.peer...)
	if x.sel.peer != nil && x.sel.peer.Addr.Family() == sock.Unix {
		dst = append(dst, ':')
	}
	dst = append(dst, x.uri...)
	return append(dst, '"')
}

// Action implements http.Upstream.
func (x *Exchange) Action() string {
	switch {
	case !x.finished:
		return x.action
	case x.headerSent:
		return "sending to client"
	}
	return ""
}

func (x *Exchange) logErr(msg string) {
	x.R.Logf(http.LogErr, "%s while %s", msg, x.action)
}

func (x *Exchange) logWarn(msg string) {
	x.R.Logf(http.LogWarn, "%s while %s", msg, x.action)
}

// Release implements http.Upstream.
func (x *Exchange) Release() {
	if x.prev != nil {
		x.prev.Release()
	}
	x.stop()
	p := x.ws.w.Buffers
	p.Put(x.in)
	p.Put(x.reqHead)
	p.Put(x.part)
	x.orphan()
	if x.file != nil {
		x.file.Release()
	}
	x.R = nil
	x.exchange = exchange{}
	x.Response.Clear()
	x.trailers.Clear()
	x.states = x.states[:0]
	x.sel = selection{more: x.sel.more[:0]}
	x.next = x.ws.free
	x.ws.free = x
}

// Panicked implements http.Panicker.
func (x *Exchange) Panicked() {
	if x.R != nil {
		x.R.Panicked()
	}
}

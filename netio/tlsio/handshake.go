package tlsio

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"weir/netio/buf"
	"weir/netio/conn"
)

// Errors that Peer.Handshaken is given besides those of crypto/tls.
var (
	// ErrNotTLS says that a client's first byte is not TLS: plain HTTP, as
	// a rule. The connection is a plain one from now on and brings the
	// bytes again.
	ErrNotTLS = errors.New("client does not speak TLS")
	// ErrTimeout says that the handshake took longer than Config.Timeout.
	ErrTimeout = errors.New("TLS handshake timed out")
	// ErrBusy says that too many handshakes are under way.
	ErrBusy = errors.New("too many TLS handshakes")
	// ErrClosedEarly says that the peer left before the handshake ended.
	ErrClosedEarly = errors.New("peer closed connection in TLS handshake")

	errAborted = errors.New("TLS handshake was aborted")
	errPanic   = errors.New("panic in a TLS handshake")
	errSuite   = errors.New("negotiated a cipher suite that the record layer does not speak")
	errSecrets = errors.New("BUG: crypto/tls did not tell the secrets")
)

// Peer is whom a connection in its handshake belongs to.
type Peer interface {
	// Handshaken ends a handshake that Accept or Connect began, on the
	// loop. Without an error t is the connection's transport, and the peer
	// sets its handler; bytes may be waiting (c.ReadReady). With an error t
	// is nil and the connection is the peer's to close; the alert has been
	// sent. It is not called when the connection was closed meanwhile.
	Handshaken(c *conn.Conn, t *Conn, err error)
}

// wait is what a parked handshake waits for.
type wait uint8

const (
	waitNothing wait = iota
	waitRead
	waitWrite
	waitWake
)

// Handshake is a handshake under way: the handler and the transport of its
// connection, and, for crypto/tls, a net.Conn.
type Handshake struct {
	// Data is for hooks of the configuration; Conn.Data begins as it.
	Data any

	e    *Engine
	c    *conn.Conn
	conf *Config // the one in force; Select may change it
	peer Peer
	tls  *tls.Conn
	co   *coroutine
	wait wait
	mine byte // this side's hello message: clientHello or serverHello

	in         []byte // pooled: what was received, from pos on not yet handed over
	pos        int
	left       int    // bytes of the current record not yet handed over
	headLeft   int    // of these, bytes of its header
	hello      []byte // with Config.KeepHello: messages of the client until Select is over
	sec        secrets
	tickets    uint64 // records of session tickets sent
	serverName string // client: whom to ask for

	tailRecord []byte // what a tail reads: one record, after the handshake

	client   bool
	watching bool // see WatchPeer
	heard    bool // Select is over
	running  bool
	done     bool
	aborted  error  // ends whatever it waits for
	err      error  // of the handshake
	panicked string // with its stack
}

var (
	_ conn.Handler   = (*Handshake)(nil)
	_ conn.Transport = (*Handshake)(nil)
	_ net.Conn       = (*Handshake)(nil)
)

// handshakeBuf is the buffer for a handshake's input: larger than most
// flights. Records may be longer than it.
const handshakeBuf = 4 << 10

// Accept begins the server side of a handshake on a connection just accepted.
// first is what was read from it before, usually nothing; it is copied.
// Nothing is allocated for the protocol before bytes are there.
func (e *Engine) Accept(c *conn.Conn, conf *Config, first []byte, p Peer) {
	h := e.begin(c, conf, p)
	if h == nil {
		return
	}
	if len(first) > 0 {
		h.in = append(e.d.Pool.Get(max(len(first), handshakeBuf)), first...)
		h.start()
	} else if c.ReadReady() {
		h.Readable(c)
	}
}

// Connect begins the client side of a handshake on a connection that stands.
// serverName is whom to ask for and to verify; "" leaves it to conf.TLS.
func (e *Engine) Connect(c *conn.Conn, conf *Config, serverName string, p Peer) {
	h := e.begin(c, conf, p)
	if h == nil {
		return
	}
	h.client, h.mine = true, clientHello
	h.serverName = serverName
	h.start()
}

// begin makes the handshake; nil when there are too many.
func (e *Engine) begin(c *conn.Conn, conf *Config, p Peer) *Handshake {
	if e.stats.Handshakes >= int64(e.o.Handshakes) {
		e.stats.Refused++
		p.Handshaken(c, nil, ErrBusy)
		return nil
	}
	e.stats.Handshakes++
	h := &Handshake{e: e, c: c, conf: conf, peer: p, mine: serverHello}
	c.SetHandler(h)
	c.SetTransport(h)
	ms := conf.Timeout
	if ms == 0 {
		ms = 60_000
	}
	c.SetTimer(conn.ReadTimer, ms)
	return h
}

// Conn returns the connection below.
func (h *Handshake) Conn() *conn.Conn { return h.c }

// Config returns the configuration in force.
func (h *Handshake) Config() *Config { return h.conf }

// Peer returns whom the connection belongs to.
func (h *Handshake) Peer() Peer { return h.peer }

// Engine returns the worker's engine.
func (h *Handshake) Engine() *Engine { return h.e }

// HandshakeOf finds the handshake that a hook of crypto/tls runs for.
func HandshakeOf(hello *tls.ClientHelloInfo) *Handshake {
	h, _ := hello.Conn.(*Handshake)
	return h
}

// Readable implements conn.Handler.
func (h *Handshake) Readable(c *conn.Conn) {
	switch {
	case h.wait == waitRead:
		h.resume()
	case h.wait == waitWake && h.watching && c.Hangup():
		h.abort(ErrClosedEarly)
	case h.co == nil:
		h.firstBytes()
	}
}

// firstBytes waits for a client's first byte, which tells TLS from anything
// else, before anything is made for it.
func (h *Handshake) firstBytes() {
	err := h.receive()
	switch {
	case err == conn.ErrAgain:
		return
	case err != nil:
		h.err = ErrClosedEarly
		h.finish()
		return
	}
	h.start()
}

// start runs the handshake. SSLv2's hello (the high bit) goes to crypto/tls,
// which knows the alert.
func (h *Handshake) start() {
	if !h.client && h.in[0] != typeHandshake && h.in[0]&0x80 == 0 {
		h.err = ErrNotTLS
		h.finish()
		return
	}
	h.co = h.e.takeCoroutine(h)
	h.resume()
}

// Writable implements conn.Handler.
func (h *Handshake) Writable(*conn.Conn) {
	if h.wait == waitWrite {
		h.resume()
	}
}

// Expired implements conn.Handler.
func (h *Handshake) Expired(*conn.Conn, conn.TimerID) {
	h.e.stats.TimedOut++
	h.abort(ErrTimeout)
}

// abort ends the handshake wherever it stands.
func (h *Handshake) abort(err error) {
	if h.aborted == nil {
		h.aborted = err
	}
	switch {
	case h.running || h.done: // it will see, or is over
	case h.co == nil:
		h.err = err
		h.finish()
	default:
		h.resume()
	}
}

// resume continues the coroutine until it parks again or the handshake is
// done.
func (h *Handshake) resume() {
	e := h.e
	outer := e.current
	e.current, h.running, h.wait = h, true, waitNothing
	h.co.next()
	e.current, h.running = outer, false
	if h.done {
		e.putCoroutine(h.co)
		h.finish()
	}
}

// parkFor sets the handshake aside. It returns the error that ends it.
func (h *Handshake) parkFor(w wait) error {
	if h.aborted != nil {
		return h.aborted
	}
	if w == waitWake && h.watching && h.c.Hangup() {
		h.aborted = ErrClosedEarly
		return h.aborted
	}
	h.wait = w
	h.co.park(struct{}{})
	return h.aborted
}

// Hello returns the client's hello, with the header of the message (RFC 8446
// section 4.1.2), while Config.Select runs and if Config.KeepHello is set; nil
// otherwise. It is not to be changed, and not to be kept.
func (h *Handshake) Hello() []byte { return h.hello }

// WatchPeer says whether a peer that goes away ends a handshake that waits in
// Park. Otherwise the handshake finds out when it goes on.
func (h *Handshake) WatchPeer(on bool) { h.watching = on }

// Park sets the handshake aside until Wake. A hook calls it, on the
// handshake's own stack, holding no lock. An error says that the handshake
// ended meanwhile: the hook returns it at once. What was to call Wake may still
// do so.
func (h *Handshake) Park() error { return h.parkFor(waitWake) }

// Wake continues a handshake that called Park. It is called on the loop; on
// one that does not wait it does nothing.
func (h *Handshake) Wake() {
	if h.wait == waitWake {
		h.resume()
	}
}

// run is the handshake, on its coroutine.
func (h *Handshake) run() {
	conf := h.conf.bind(h.e)
	if h.client {
		if h.serverName != "" && h.serverName != conf.ServerName {
			conf = conf.Clone()
			conf.ServerName = h.serverName
		}
		h.tls = tls.Client(h, conf)
	} else {
		h.tls = tls.Server(h, conf)
	}
	h.err = h.tls.HandshakeContext(context.Background())
}

// finish hands the connection on. The socket is as the handshake left it.
func (h *Handshake) finish() {
	e, c := h.e, h.c
	h.done = true
	e.stats.Handshakes--
	c.ClearTimer(conn.ReadTimer)
	gone := c.Closed() || c.Transport() != conn.Transport(h)
	var t *Conn
	err := h.err
	switch {
	case h.panicked != "":
		err = errPanic
	case h.aborted != nil:
		err = h.aborted
	}
	if err == nil && !gone {
		t, err = h.takeover()
	}
	if err != nil {
		e.stats.Failed++
	}
	if !gone {
		c.SetTransport(nil)
		switch {
		case t != nil:
			c.SetTransport(t)
			if h.conf.KTLS {
				t.giveKernel(c)
			}
		case err == ErrNotTLS:
			c.SetTransport(&replay{b: h.in, pool: e.d.Pool})
			h.in = nil
		}
	}
	e.d.Pool.Put(h.in)
	h.in, h.tls = nil, nil
	h.sec = secrets{}
	if h.panicked != "" {
		panic(h.panicked)
	}
	if !gone {
		h.peer.Handshaken(c, t, err)
	}
}

// Recv implements conn.Transport: nobody reads during a handshake.
func (h *Handshake) Recv(*conn.Conn, []byte) (int, error) { return 0, conn.ErrAgain }

// Send implements conn.Transport.
func (h *Handshake) Send(*conn.Conn, *buf.Chain, int64) (int64, error) { return 0, conn.ErrAgain }

// Pending implements conn.Transport.
func (h *Handshake) Pending() bool { return false }

// Shutdown implements conn.Transport.
func (h *Handshake) Shutdown(*conn.Conn) {}

// Panicked ends what the connection belongs to, if it knows how, after a panic
// in the handshake. The connection's own handler is the handshake.
func (h *Handshake) Panicked() {
	if p, ok := h.peer.(interface{ Panicked() }); ok {
		p.Panicked()
	}
}

// Closed implements conn.Transport: the connection was closed meanwhile.
func (h *Handshake) Closed(*conn.Conn) { h.abort(errAborted) }

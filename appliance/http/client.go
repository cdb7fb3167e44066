package http

import (
	"weir/appliance/errlog"
	"weir/netio/conn"
	"weir/netio/sock"
	"weir/netio/tlsio"
)

// Client is the client side of a request: its connection, or its stream where
// a connection carries several. Subrequests share the Client of their main
// request.
type Client struct {
	w      *Worker
	net    *conn.Conn
	stream Stream
	acc    *acceptor
	addr   *Address // configuration of the local address at the current request
	active *Request // the request whose output may be sent now

	postedHead, postedTail *Request

	tls *tlsio.Conn // nil for a plain connection, and until the handshake is done
	sni *Server     // the server that the handshake's name chose; nil when it named none

	proxy    *ProxyHeader // PROXY protocol header of the connection, nil for none
	override sock.Addr    // address that realip put in place of the peer's; not valid: none

	started  int64  // loop time when the connection came
	requests uint32 // requests on this connection so far
	flags    clientFlags
}

type clientFlags uint16

const (
	clientError     clientFlags = 1 << iota // the connection is of no use any more
	clientTimedOut                          // it ended by a timeout
	clientBuffered                          // output waits for the socket
	clientDelayed                           // output waits for limit_rate's timer
	readTimedOut                            // the read timer expired
	writeTimedOut                           // the write timer expired
	clientRunning                           // inside an event of this connection
	clientWriting                           // the rest of a write is due at the next turn
	clientDebug                             // debug_connection names the client
	clientPipelined                         // the current request came behind another one in one read
)

// Stream is the wire side of one request: HTTP/1 framing on a connection, or
// a stream of a multiplexed one. The main request calls it; subrequests reach
// it through their main request.
type Stream interface {
	// SendHeader turns r.Out into wire format and queues it. It fixes
	// keepalive and framing (r.chunked).
	SendHeader(r *Request) Code
	// Send takes over the links of in and writes what the client takes.
	// OK: everything is sent or small enough to wait for more; Again: some
	// of it waits, Writable will follow; Error: the connection is dead.
	Send(r *Request, in *Chain) Code
	// ReadBody reads decoded request body bytes into p: n > 0 with OK;
	// Again: wait for the read handler; Done (n may be > 0): the body is
	// complete; Error: the client has gone, or closed its side, before that; a
	// status: it broke the framing.
	ReadBody(r *Request, p []byte) (n int, rc Code)
	// SendContinue sends a 100 response, if the protocol has one.
	SendContinue(r *Request) Code
	// Finish ends the exchange after the request has been logged and freed.
	// keep asks for another request on the connection.
	Finish(keep, linger bool, loc *Location)
}

// Net is the client's connection, for modules that tunnel.
func (c *Client) Net() *conn.Conn { return c.net }

// TakeUnread hands over what the client sent behind the request and nobody has
// read: a tunnel passes it on first. It is valid until the request ends.
func (c *Client) TakeUnread() []byte {
	h, ok := c.stream.(*h1Conn)
	if !ok {
		return nil
	}
	b := h.head[h.pos:]
	h.pos = len(h.head)
	return b
}

// Number is the connection's number in logs: $connection.
func (c *Client) Number() uint64 { return c.net.Number }

// Requests is how many requests came on this connection: $connection_requests.
func (c *Client) Requests() int { return int(c.requests) }

// Pipelined reports whether the current request arrived together with the
// one before it.
func (c *Client) Pipelined() bool { return c.flags&clientPipelined != 0 }

// Remote is the address of the client: the peer's, unless SetRemote put
// another in its place.
func (c *Client) Remote() sock.Addr {
	if c.override.IsValid() {
		return c.override
	}
	return c.net.Remote()
}

// SetRemote replaces what Remote returns, as realip does, until the current
// request has been logged.
func (c *Client) SetRemote(a sock.Addr) { c.override = a }

// ProxyHeader is the PROXY protocol header the connection began with, nil for
// none.
func (c *Client) ProxyHeader() *ProxyHeader { return c.proxy }

// Local is the address the client connected to.
func (c *Client) Local() sock.Addr { return c.net.Local() }

// Active is the request whose output may be sent now.
func (c *Client) Active() *Request { return c.active }

// Error reports whether the connection is of no use any more.
func (c *Client) Error() bool { return c.flags&clientError != 0 }

// SetError marks the connection as useless: it will be closed.
func (c *Client) SetError() { c.flags |= clientError }

// TimedOut reports whether the connection ended by a timeout.
func (c *Client) TimedOut() bool { return c.flags&clientTimedOut != 0 }

// SetTimedOut marks the connection as ended by a timeout: with
// reset_timedout_connection it is reset instead of closed.
func (c *Client) SetTimedOut() { c.flags |= clientTimedOut }

// Buffered reports whether output waits for the socket.
func (c *Client) Buffered() bool { return c.flags&clientBuffered != 0 }

// ReadTimedOut reports whether the read handler runs because the read timer
// expired.
func (c *Client) ReadTimedOut() bool { return c.flags&readTimedOut != 0 }

// WriteTimedOut is ReadTimedOut for the write timer.
func (c *Client) WriteTimedOut() bool { return c.flags&writeTimedOut != 0 }

// Delayed reports whether output waits for limit_rate's timer.
func (c *Client) Delayed() bool { return c.flags&clientDelayed != 0 }

// SetReadTimer arms the read timer: after ms milliseconds the active
// request's read handler runs with ReadTimedOut true.
func (c *Client) SetReadTimer(ms int64) { c.net.SetTimer(conn.ReadTimer, ms) }

// ClearReadTimer stops the read timer.
func (c *Client) ClearReadTimer() { c.net.ClearTimer(conn.ReadTimer) }

// SetWriteTimer is SetReadTimer for the write handler.
func (c *Client) SetWriteTimer(ms int64) { c.net.SetTimer(conn.WriteTimer, ms) }

// ClearWriteTimer stops the write timer.
func (c *Client) ClearWriteTimer() { c.net.ClearTimer(conn.WriteTimer) }

// Delay holds output back for ms milliseconds, then the write handler runs.
func (c *Client) Delay(ms int64) {
	c.flags |= clientDelayed
	c.SetWriteTimer(ms)
}

// Post has r's write handler run before the current event ends, or at the
// next turn of the loop when no event of this connection is being handled.
func (c *Client) Post(r *Request) {
	if r.inPosted {
		return
	}
	r.inPosted = true
	r.nextPosted = nil
	if c.postedTail == nil {
		c.postedHead = r
	} else {
		c.postedTail.nextPosted = r
	}
	c.postedTail = r
	if c.flags&clientRunning == 0 {
		c.w.Loop.Defer(c)
	}
}

// Run serves posted requests; the loop calls it after Post outside an event.
func (c *Client) Run() {
	c.flags |= clientRunning
	c.RunPosted()
	c.flags &^= clientRunning
}

// RunPosted runs the write handlers of posted requests until none is left.
// Events that do not come from the client's own connection (an upstream, a
// timer, a resolver) end with it.
func (c *Client) RunPosted() {
	for c.postedHead != nil {
		r := c.postedHead
		c.postedHead = r.nextPosted
		if c.postedHead == nil {
			c.postedTail = nil
		}
		r.nextPosted, r.inPosted = nil, false
		r.write(r)
	}
}

// dropPosted forgets posted requests: the main request is being closed.
func (c *Client) dropPosted() {
	for r := c.postedHead; r != nil; {
		next := r.nextPosted
		r.nextPosted, r.inPosted = nil, false
		r = next
	}
	c.postedHead, c.postedTail = nil, nil
}

// event runs one of the active request's handlers and what it posted. While a
// subrequest is active the main request goes on throwing its body away: a
// client that reads only once it has sent everything would wait for ever.
func (c *Client) event(readable bool) {
	c.flags |= clientRunning
	r := c.active
	switch m := r.main; {
	case !readable:
		r.write(r)
	case r == m || !m.discarding:
		r.read(r)
	default:
		if discardedBody(m); !m.terminated {
			r.read(r)
		}
	}
	c.RunPosted()
	c.flags &^= clientRunning
}

// log is the error log for messages about this connection outside of a
// request.
func (c *Client) log() *errlog.Log {
	if c.addr != nil {
		if c.flags&clientDebug != 0 {
			return c.addr.Default.root.core.debugLog
		}
		return c.addr.Default.root.core.errorLog
	}
	return errlog.Default()
}

// RemoteReplaced reports whether SetRemote put another address in place of
// the peer's.
func (c *Client) RemoteReplaced() bool { return c.override.IsValid() }

// Peer is the address of the connection's other end.
func (c *Client) Peer() sock.Addr { return c.net.Remote() }

package cosocket

import (
	"io"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
)

// downstream is what a request socket reads from: the client's connection, which belongs to the HTTP core. Only while
// Lua waits on it its events come here.
type downstream struct {
	r       *http.Request
	handler conn.Handler // of the core
	waits   int          // operations that wait, at most a read and a write
}

// attach has the events of the connection come to s.
func (d *downstream) attach(s *socket) {
	if d.waits == 0 {
		d.handler = s.conn.Handler()
		s.conn.SetHandler(s)
	}
	d.waits++
}

// detach gives them back to the core.
func (d *downstream) detach(s *socket) {
	if d.waits == 0 { // released since
		return
	}
	if d.waits--; d.waits == 0 && s.conn != nil {
		s.conn.SetHandler(d.handler)
	}
}

// release is the end of the socket. The connection stays the core's.
func (d *downstream) release(s *socket) {
	if d.waits > 0 {
		d.waits = 0
		s.conn.SetHandler(d.handler)
	}
	s.conn.ClearTimer(conn.ReadTimer)
	d.r = nil
}

// readBody receives a part of the request body.
func (d *downstream) readBody(p []byte) (int, error) {
	n, rc := d.r.ReadPart(p)
	switch {
	case n > 0:
		return n, nil
	case rc == http.Again:
		return 0, conn.ErrAgain
	case rc == http.Done:
		return 0, io.EOF
	}
	return 0, errClient
}

// requestSocket is ngx.req.socket.
func requestSocket(l *vm.State) int {
	n := l.Top()
	if n > 1 {
		l.Errorf("expecting 0 or 1 argument, but got %d", n)
	}
	raw := n == 1 && l.Arg(1).Truthy()
	c := api.Of(l)
	r := c.Request(l)
	switch {
	case r.IsSubrequest():
		l.Errorf("attempt to read the request body in a subrequest")
	case r.Version >= 2000:
		l.Errorf("http v2 not supported yet")
	case !raw && r.ChunkedBody:
		return api.Fail(l, "chunked request bodies not supported yet")
	}
	st := states.Of(l)
	s := &socket{st: st, ctx: c, conn: r.Client().Net(), kind: kindBody, settings: c.Settings(), down: downstream{r: r}}
	text := ""
	if raw {
		s.kind = kindRaw
		text = takeConnection(c, r)
	} else {
		text = takeBody(r)
	}
	if text != "" {
		return api.Fail(l, text)
	}
	r.Client().ClearReadTimer()
	if raw {
		r.Client().ClearWriteTimer()
		if b := r.Client().TakeUnread(); len(b) > 0 {
			s.in = append(c.Worker().Buffers.Get(len(b))[:0], b...)
		}
	}
	c.OnClose(s)
	if raw {
		return st.object(l, s, metaRaw)
	}
	return st.object(l, s, metaBody)
}

// takeConnection makes the client's connection Lua's. It returns why it cannot be.
func takeConnection(c *api.Ctx, r *http.Request) (text string) {
	switch {
	case r.ReadingBody():
		return "pending request body reading in some other thread"
	case r.Client().Buffered() || r.Held():
		return "pending data to write"
	case c.Buffering:
		return "http 1.0 buffering"
	case c.RawSocket:
		return "duplicate call"
	}
	c.RawSocket = true
	r.TakeConnection()
	return ""
}

// takeBody makes the request body one that only Lua reads. It returns why it cannot be.
func takeBody(r *http.Request) (text string) {
	switch {
	case r.DiscardingBody():
		return "request body discarded"
	case r.Body() != nil:
		return "request body already exists"
	case r.ContentLength <= 0:
		return "no body"
	case r.TakeBody() != http.OK:
		return "test expect failed"
	}
	return ""
}

package tlsio

import (
	"weir/netio/buf"
	"weir/netio/conn"
)

// replay is the transport of a connection that turned out to be plain: it
// brings what was read of it once more, and takes itself away.
type replay struct {
	b    []byte // pooled
	pos  int
	pool *buf.Pool
}

// Recv implements conn.Transport.
func (r *replay) Recv(c *conn.Conn, p []byte) (int, error) {
	n := copy(p, r.b[r.pos:])
	r.pos += n
	if r.pos == len(r.b) {
		c.SetTransport(nil)
		r.Closed(c)
	}
	return n, nil
}

// Send implements conn.Transport.
func (r *replay) Send(c *conn.Conn, ch *buf.Chain, limit int64) (int64, error) {
	return c.SendSocket(ch, limit)
}

// Pending implements conn.Transport.
func (r *replay) Pending() bool { return true }

// Shutdown implements conn.Transport.
func (r *replay) Shutdown(*conn.Conn) {}

// Closed implements conn.Transport.
func (r *replay) Closed(*conn.Conn) {
	r.pool.Put(r.b)
	r.b = nil
}

package conn

import "math"

// discardRounds is how many buffers of unwanted input one event discards.
const discardRounds = 8

// linger is the handler of connections that are being closed politely: the
// last response was sent, the peer may still be sending, and a close with
// unread input would turn into RST and destroy the response on its way.
type linger struct{}

// LingerClose takes the connection over: FIN is sent, input is discarded, and
// the connection is closed when the peer closes, when nothing came for idle
// milliseconds, or after total milliseconds (nginx's lingering_timeout and
// lingering_time). The handler is not called again.
func (c *Conn) LingerClose(total, idle int64) {
	if c.flags&closed != 0 {
		return
	}
	if err := c.ShutdownWrite(); err != nil {
		c.Close()
		return
	}
	c.endTransport(false) // input is discarded as it stands on the wire
	c.h = linger{}
	c.Owner = nil
	c.Tag = uint32(min(max(idle, 0), math.MaxUint32))
	c.flags = c.flags&^wantWrite | lingering
	c.d.lingering++
	c.SetTimer(WriteTimer, total)
	c.SetTimer(ReadTimer, idle)
	linger{}.Readable(c)
}

// Lingering reports whether LingerClose has the connection.
func (c *Conn) Lingering() bool { return c.flags&lingering != 0 }

func (linger) Readable(c *Conn) {
	b := c.d.discard()
	for range discardRounds {
		_, err := c.Recv(b)
		if err == ErrAgain {
			return
		}
		if err != nil {
			c.Close()
			return
		}
		c.SetTimer(ReadTimer, int64(c.Tag))
	}
	c.PostReadable()
}

func (linger) Writable(*Conn) {}

func (linger) Expired(c *Conn, _ TimerID) { c.Close() }

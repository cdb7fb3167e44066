package upstream

import (
	"io"

	"weir/appliance/http"
	"weir/netio/conn"
)

// A tunnel passes bytes both ways after 101. Towards the client they go as a
// response body does, towards the backend through one buffer. When the client
// closes its side, so is ours towards the backend, and the response goes on
// to its end; when the backend closes, all is over once the client has what
// came before.

// beginTunnel begins to pass bytes.
func (x *Exchange) beginTunnel() {
	r := x.R
	if r != r.Main() {
		x.R.Log(http.LogErr, "connection upgrade in subrequest while "+x.action)
		x.finalize(http.Error)
		return
	}
	r.SetKeepalive(false)
	x.keepalive = false
	x.step = stepTunnel
	x.action = "proxying upgraded connection"
	x.buffering, x.left = false, -1
	x.bufSize, x.bufMax = bodyBufSize, 1
	r.SetReadHandler(tunnelRead)
	r.SetWriteHandler(tunnelWrite)
	if r.Location().NoDelay() {
		_ = r.Client().Net().SetNoDelay(true) // refused only for sockets without the option
		_ = x.c.SetNoDelay(true)
	}
	if r.Flush() == http.Error {
		x.finalize(http.Error)
		return
	}
	if x.pos < len(x.in) {
		x.queue(x.in[x.pos:], nil)
		x.pos = len(x.in)
	}
	if b := r.Client().TakeUnread(); len(b) > 0 {
		l := r.Link()
		l.Mem = b
		x.toBackend.Append(l)
	}
	x.fromBackend()
	if x.step == stepTunnel {
		x.toUpstream()
	}
}

// fromBackend passes bytes to the client.
func (x *Exchange) fromBackend() {
	for range 64 {
		if !x.out.Empty() && !x.clientWaits() && x.R.Output(&x.out) == http.Error {
			x.clientGone()
			return
		}
		if !x.out.Empty() || x.clientWaits() {
			break
		}
		if x.eof {
			x.finalize(http.OK)
			return
		}
		b := x.takeBuf()
		if b == nil {
			break
		}
		from := len(b.data)
		n, err := x.c.Recv(b.data[from:cap(b.data)])
		if n == 0 {
			if err == conn.ErrAgain {
				break
			}
			x.eof = true
			continue
		}
		x.state().received += int64(n)
		x.bodyCount += int64(n)
		b.data = b.data[:from+n]
		x.queue(b.data[from:], b)
	}
	x.tunnelWait()
}

// toUpstream passes bytes to the backend.
func (x *Exchange) toUpstream() {
	client := x.R.Client().Net()
	for range 64 {
		if !x.toBackend.Empty() {
			if _, err := x.c.Send(&x.toBackend, 0); err != nil {
				if err == conn.ErrAgain {
					break
				}
				x.finalize(http.Error)
				return
			}
		}
		if x.clientEOF {
			if err := x.c.ShutdownWrite(); err != nil {
				x.finalize(http.OK)
				return
			}
			break
		}
		if x.fromClient == nil {
			x.fromClient = x.ws.w.Buffers.Get(bodyBufSize)
		}
		n, err := client.Recv(x.fromClient[:cap(x.fromClient)])
		if n == 0 {
			if err == conn.ErrAgain {
				break
			}
			if err != io.EOF {
				x.finalize(http.OK)
				return
			}
			x.clientEOF = true
			continue
		}
		l := x.R.Link()
		l.Mem = x.fromClient[:n]
		x.toBackend.Append(l)
	}
	if client.ReadReady() && x.toBackend.Empty() && !x.clientEOF {
		client.PostReadable()
	}
	x.tunnelWait()
}

// tunnelWait sets the timers of both sides.
func (x *Exchange) tunnelWait() {
	c, client := x.c, x.R.Client()
	if c.ReadReady() {
		if x.out.Empty() && !x.clientWaits() {
			c.PostReadable()
		}
		c.ClearTimer(conn.ReadTimer)
	} else {
		c.SetTimer(conn.ReadTimer, x.readTimeout)
	}
	if x.toBackend.Empty() {
		c.ClearTimer(conn.WriteTimer)
	} else {
		c.SetTimer(conn.WriteTimer, x.sendTimeout)
	}
	if client.Buffered() {
		client.SetWriteTimer(x.R.Location().SendTimeout())
	} else {
		client.ClearWriteTimer()
	}
}

func tunnelRead(r *http.Request) {
	if x := Of(r); x.step == stepTunnel {
		x.toUpstream()
	}
}

func tunnelWrite(r *http.Request) {
	x, c := Of(r), r.Client()
	if c.WriteTimedOut() {
		c.SetTimedOut()
		r.Log(http.LogInfo, "client timed out (110: Connection timed out) while "+x.action)
		x.clientGone()
		return
	}
	if c.Delayed() || x.step != stepTunnel {
		return
	}
	if r.Output(&x.none) == http.Error {
		x.clientGone()
		return
	}
	x.fromBackend()
}

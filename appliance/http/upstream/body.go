package upstream

import (
	"io"

	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/http1"
)

const (
	// spliceMin is the least rest of a body that goes through a pipe.
	spliceMin = 64 << 10
	// pumpBudget is how much one event moves before others get their turn.
	pumpBudget = 1 << 20
	// bodyBufSize is the size of receive buffers. A few large ones take the
	// place of the many of a page that the directives name.
	bodyBufSize = 16 << 10
)

// beginBody chooses how the body passes.
func (x *Exchange) beginBody() {
	if !x.Coded && x.left >= 0 && int64(len(x.in)-x.pos) >= x.left && !x.store && !x.ended {
		x.whole()
		return
	}
	x.step = stepBody
	x.action = "reading upstream"
	r := x.R
	if x.buffering {
		total := x.conf.Buffers.V.Size * int64(x.conf.Buffers.V.Num)
		x.bufSize = bodyBufSize
		x.bufMax = int(max(2, total/bodyBufSize))
	} else {
		r.SetLimitRate(0)
		x.bufSize, x.bufMax = bodyBufSize, 1
	}
	if x.conf.LimitRate.V != nil {
		if n, ok := parseSize(x.conf.LimitRate.V.Eval(r)); ok {
			x.rate, x.rateStart = n, x.ws.w.Loop.Unix()
			x.bufMax = max(1, x.bufMax)
		}
	}
	r.SetWriteHandler(writeClient)
	if x.pos < len(x.in) {
		if !x.take(x.in[x.pos:], nil) {
			return
		}
		x.pos = len(x.in)
		if x.left >= spliceMin && !x.pass() { // the rest may go through a pipe
			return
		}
	} else if !x.buffering && r.Flush() == http.Error {
		x.finalize(http.Error)
		return
	}
	x.pump()
}

// take hands received body bytes of buffer b (nil: they stay where they are)
// to the output. It returns false when the response is broken and the
// exchange over.
func (x *Exchange) take(data []byte, b *bodyBuf) bool {
	x.bodyCount += int64(len(data))
	if x.Coded {
		return x.takeCoded(data, b)
	}
	if x.ended && len(data) > 0 {
		x.logWarn("upstream sent more data than specified in \"Content-Length\" header")
		x.keepalive = false
		return true
	}
	if x.left < 0 {
		x.queue(data, b)
		return true
	}
	if int64(len(data)) > x.left {
		x.logWarn("upstream sent more data than specified in \"Content-Length\" header")
		data = data[:x.left]
		x.queue(data, b)
		x.ended = true
		return true
	}
	x.queue(data, b)
	x.left -= int64(len(data))
	if x.left == 0 {
		x.ended = true
		x.keepalive = !x.Close
	}
	return true
}

// queue appends data to what waits for the client.
func (x *Exchange) queue(data []byte, b *bodyBuf) {
	if len(data) == 0 || x.store && x.storeBytes(data) {
		return
	}
	l := x.R.Link()
	l.Mem = data
	l.Flags = buf.Recycled
	if !x.buffering {
		l.Flags |= buf.Flush
	}
	if b != nil {
		l.Owner = b
		b.refs++
	}
	x.out.Append(l)
}

// takeCoded is take for a body with framing.
func (x *Exchange) takeCoded(data []byte, b *bodyBuf) bool {
	for len(data) > 0 {
		if x.inTrailer {
			return x.takeTrailer(data)
		}
		if x.ended {
			x.logWarn("upstream sent data after final chunk")
			x.keepalive = false
			return true
		}
		span, used, res := x.proto.Decode(x, data)
		if !span.Empty() {
			x.queue(span.Of(data), b)
		}
		data = data[used:]
		switch {
		case res == http1.Done:
			x.ended = true
			x.keepalive = !x.Close
		case res == http1.Trailers:
			x.inTrailer = true
			x.trailerParser.Reset(0, http1.Options{AllowBareLF: true, MaxFields: 100})
		case res.Failed():
			x.logErr("upstream sent invalid chunked response")
			x.broken = true
			x.finalize(http.Error)
			return false
		}
	}
	return true
}

// pump moves the body from the backend to the client until one of them makes
// it wait.
func (x *Exchange) pump() {
	budget, idle := pumpBudget, 0
	for {
		n := 0
		if !x.ended && !x.eof && !x.broken && budget > 0 {
			if n = x.fill(); x.finished {
				return
			}
			budget -= n
		}
		if x.ended || x.eof || x.broken {
			x.endBody(http.StatusBadGateway)
			return
		}
		if !x.pass() {
			return
		}
		if x.delayed || n == 0 && (x.clientWaits() || !x.c.ReadReady() || budget <= 0) {
			break
		}
		if n == 0 { // nothing was free before the client took what was queued
			if idle++; idle > 2 {
				break
			}
		}
	}
	x.wait(budget)
}

// wait sets the timers for whatever must happen before the body goes on.
func (x *Exchange) wait(budget int) {
	c := x.c
	if x.delayed {
		return
	}
	if c.ReadReady() {
		if budget <= 0 {
			c.PostReadable()
		}
		c.ClearTimer(conn.ReadTimer) // we are not waiting for the backend
	} else {
		c.SetTimer(conn.ReadTimer, x.readTimeout)
	}
	client := x.R.Client()
	if x.R == client.Active() && client.Buffered() && !client.Delayed() && !client.Net().TimerSet(conn.WriteTimer) {
		client.SetWriteTimer(x.R.Location().SendTimeout())
	}
}

// clientWaits reports whether the client takes nothing now: it is slow, other
// output comes first, or a filter holds ours. The output of a background subrequest never gets
// to the client and has no turn to wait for.
func (x *Exchange) clientWaits() bool {
	if x.R.Background() {
		return x.R.Held()
	}
	c := x.R.Client()
	return c.Active() != x.R || c.Buffered() || x.R.Held()
}

// fill receives once and queues what came.
func (x *Exchange) fill() int {
	if x.rate > 0 && x.limited() {
		return 0
	}
	if x.splices() {
		return x.fillPipe()
	}
	if !x.buffering && (!x.out.Empty() || x.clientWaits()) {
		return 0
	}
	b := x.takeBuf()
	if b == nil {
		if b = x.freeBuf(); b == nil || x.finished {
			return 0
		}
	}
	from := len(b.data)
	room := b.data[from:cap(b.data)]
	if x.rate > 0 && int64(len(room)) > x.rate {
		room = room[:x.rate]
	}
	n, err := x.c.Recv(room)
	if n == 0 {
		x.noBody(err)
		return 0
	}
	x.state().received += int64(n)
	b.data = b.data[:from+n]
	x.take(b.data[from:], b)
	return n
}

// noBody handles a receive without bytes.
func (x *Exchange) noBody(err error) {
	switch err {
	case conn.ErrAgain:
	case io.EOF:
		x.eof = true
	default:
		x.connError("recv() failed", err)
		x.broken = true
	}
}

// splices reports whether the next bytes can go through a pipe: the client
// keeps up, nothing waits before them and nobody wants to see them.
func (x *Exchange) splices() bool {
	return !x.Coded && x.left >= spliceMin && !x.noSplice && x.R == x.R.Main() && x.out.Empty() && x.rate == 0 &&
		x.fileEmpty() && !x.store && !x.conf.ForceRanges.V && !x.R.MemoryNeeded() && !x.clientWaits() &&
		x.c.CanSpliceIn() && x.R.Client().Net().CanSpliceOut()
}

// fillPipe receives into a pipe.
func (x *Exchange) fillPipe() int {
	p := x.ws.w.Buffers
	pipe, err := p.Pipe()
	if err != nil { // out of descriptors: copy
		x.R.Logf(http.LogCrit, "%s while %s", err, x.action)
		x.noSplice = true
		return 0
	}
	n, err := x.c.SpliceIn(pipe, int(min(x.left, buf.PipeSize)))
	if n == 0 {
		p.PutPipe(pipe)
		x.noBody(err)
		return 0
	}
	l := p.PipeLink(pipe, n)
	l.Flags = buf.Recycled
	if !x.buffering {
		l.Flags |= buf.Flush
	}
	x.out.Append(l)
	x.state().received += int64(n)
	x.bodyCount += int64(n)
	if x.left -= int64(n); x.left == 0 {
		x.ended = true
		x.keepalive = !x.Close
	}
	return n
}

// limited applies proxy_limit_rate. It returns true when reading has to wait.
func (x *Exchange) limited() bool {
	sec := x.ws.w.Loop.Unix() - x.rateStart
	over := x.bodyCount - x.rate*(sec+1)
	if over < 0 {
		return false
	}
	x.delayed = true
	x.c.SetTimer(conn.ReadTimer, max(1, over*1000/x.rate+1))
	return true
}

// pass hands what is queued to the client, unless it waits. It returns false
// when the exchange is over.
func (x *Exchange) pass() bool {
	if x.out.Empty() && x.fileEmpty() || x.clientWaits() || x.collects() {
		return true
	}
	x.passed = x.bodyCount
	x.queueFile()
	if x.R.Output(&x.out) == http.Error {
		x.clientGone()
		return false
	}
	return true
}

// collects reports whether the buffered body of a background subrequest is
// kept until one of the buffers of the directives is full or the backend has
// no more. Nobody waits for the first bytes, and nginx does it too, which Lua sees
// when the backend stops half-way: see dropCollected.
func (x *Exchange) collects() bool {
	return x.buffering && !x.ended && !x.eof && !x.broken && x.R.Background() &&
		x.bodyCount-x.passed < x.conf.Buffers.V.Size
}

// dropCollected forgets what collects has kept: a backend that fell silent did
// not fill the buffer.
func (x *Exchange) dropCollected() {
	if x.collects() {
		x.ws.w.Buffers.DoneChain(&x.out)
	}
}

// clientGone ends the exchange because nobody reads the response.
func (x *Exchange) clientGone() {
	x.clientFailed = true
	x.finalize(http.Error)
}

// writeClient is the client's write handler while the body passes.
func writeClient(r *http.Request) {
	x, c := Of(r), r.Client()
	if c.WriteTimedOut() {
		c.SetTimedOut()
		r.Log(http.LogInfo, "client timed out (110: Connection timed out) while sending to client")
		x.clientGone()
		return
	}
	if c.Delayed() || x.step != stepBody {
		return
	}
	if r.Output(&x.none) == http.Error {
		x.clientGone()
		return
	}
	if !c.Buffered() {
		c.ClearWriteTimer()
	} else if !c.Delayed() {
		c.SetWriteTimer(r.Location().SendTimeout())
	}
	if !x.delayed {
		x.pump()
	} else {
		x.pass()
	}
}

// endBody ends a body: complete, cut off by the backend, or broken. What is
// there goes to the client in any case.
func (x *Exchange) endBody(rc http.Code) {
	r := x.R
	complete := x.ended || x.eof && x.left < 0 && !x.Coded
	if x.store && complete {
		x.keep()
	}
	x.queueFile()
	if !x.out.Empty() && r.Output(&x.out) == http.Error {
		x.clientGone()
		return
	}
	switch {
	case complete:
		x.finalize(http.OK)
	case x.eof:
		x.logErr("upstream prematurely closed connection")
		x.finalize(http.StatusBadGateway)
	default:
		x.finalize(rc)
	}
}

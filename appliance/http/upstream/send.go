package upstream

import (
	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/http1"
)

// idempotent reports whether a request can be sent a second time without
// doing its work twice.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http1.MethodPost, http1.MethodLock, http1.MethodPatch:
		return false
	}
	return true
}

// send sends the request, or what is left of it. write says that the
// connection may take bytes; else only the client has sent some.
func (x *Exchange) send(write bool) {
	if s := x.state(); s.connect < 0 {
		s.connect = x.ws.w.Loop.NowMS() - x.tryAt
	}
	x.action = "sending request to upstream"
	c := x.c
	rc := x.sendRequest(write)
	switch {
	case rc == http.Error && x.headerSent: // the backend has answered and wants no more of the request
		x.dropRequest()
		x.bodySent, x.bodyEnded, x.Close, x.keepalive = true, true, true, false
		x.restoreRead()
		c.ClearTimer(conn.WriteTimer)
		return
	case rc == http.Error:
		if c.ReadReady() {
			x.readHead() // the answer may say why, and when it does not: its failure counts
			return
		}
		x.tryNext(FailError)
		return
	case rc == http.Again:
		if x.blocked {
			c.SetTimer(conn.WriteTimer, x.sendTimeout)
		} else {
			c.ClearTimer(conn.WriteTimer)
		}
		if c.ReadReady() {
			c.PostReadable()
		}
		return
	case rc > http.OK:
		x.finalize(rc)
		return
	}
	c.ClearTimer(conn.WriteTimer)
	if x.bodySent {
		return
	}
	x.bodySent = true
	if x.headerSent {
		return
	}
	x.action = "reading response header from upstream"
	c.SetTimer(conn.ReadTimer, x.readTimeout)
	if c.ReadReady() {
		x.readHead()
	}
}

// sendRequest returns OK when all is sent, Again when something must be
// waited for, Error when the connection failed, or a status.
func (x *Exchange) sendRequest(write bool) http.Code {
	first := !x.requestSent
	if first {
		x.requestSent = true
		l := x.R.Link()
		l.Mem = x.reqHead
		x.reqOut.Append(l)
		if !x.Unbuffered && !x.NoBody {
			x.R.Body().AppendLinks(x.ws.w.Buffers, &x.reqOut)
		}
	}
	if !x.Unbuffered {
		return x.flushRequest()
	}
	if first {
		x.R.SetReadHandler(readRequest)
		if b := x.part; b != nil {
			x.part = nil
			if !x.queuePart(b, x.partLen) {
				x.ws.w.Buffers.Put(b)
			}
		}
	}
	return x.passRequest(write && !first)
}

// flushRequest writes what is queued.
func (x *Exchange) flushRequest() http.Code {
	_, err := x.c.Send(&x.reqOut, 0)
	switch err {
	case nil:
		x.blocked = false
		return http.OK
	case conn.ErrAgain:
		x.blocked = true
		return http.Again
	}
	x.connError("writev() failed", err)
	return http.Error
}

// passSize is how much of an unbuffered request body is read at a time.
const passSize = 16 << 10

// chunkRoom is what a chunk's head and end add to its data.
const chunkRoom = 24

// firstPart reads what there is of the request body. One that is complete
// already is treated as any body that was read before.
func (x *Exchange) firstPart() http.Code {
	r := x.R
	if rc := r.StartUnbuffered(); rc != http.OK {
		return rc
	}
	x.part = x.ws.w.Buffers.Get(passSize)
	room := x.part[chunkRoom : cap(x.part)-2]
	for x.partLen < len(room) {
		n, rc := r.ReadPart(room[x.partLen:])
		x.partLen += n
		switch {
		case rc == http.Done:
			x.Unbuffered = false
			r.SetBody(room[:x.partLen])
			return http.OK
		case rc == http.Again:
			return http.OK
		case rc != http.OK:
			return rc
		}
	}
	return http.OK
}

// passRequest moves an unbuffered body from the client to the backend. It
// reads only while the backend takes. The first part goes out together with
// the head.
func (x *Exchange) passRequest(write bool) http.Code {
	for {
		if write {
			if rc := x.flushRequest(); rc != http.OK {
				return rc
			}
			if x.bodyEnded {
				x.restoreRead()
				return http.OK
			}
		}
		b := x.ws.w.Buffers.Get(passSize)
		room := b[chunkRoom : cap(b)-2]
		n, rc := x.R.ReadPart(room)
		if rc > http.OK || rc == http.Error {
			x.ws.w.Buffers.Put(b)
			return rc
		}
		if rc == http.Done {
			x.bodyEnded = true
		}
		if !x.queuePart(b, n) {
			x.ws.w.Buffers.Put(b)
		}
		if rc == http.Again && x.reqOut.Empty() {
			return http.Again
		}
		write = true
	}
}

// queuePart queues n body bytes that stand in b behind chunkRoom bytes. It
// returns false when b was not needed.
func (x *Exchange) queuePart(b []byte, n int) bool {
	from, end := chunkRoom, chunkRoom+n
	b = b[:cap(b)]
	if x.ChunkedOut {
		if n > 0 {
			var head [chunkRoom]byte
			h := http1.AppendChunkHeader(head[:0], int64(n))
			from -= len(h)
			copy(b[from:], h)
			end += copy(b[end:], "\r\n")
		}
		if x.bodyEnded && end+len(http1.LastChunk) <= len(b) {
			end += copy(b[end:], http1.LastChunk)
		} else if x.bodyEnded {
			defer x.queueLast()
		}
	}
	if from == end || n == 0 && !x.ChunkedOut {
		return false
	}
	l := x.R.Link()
	l.Data, l.Mem = b, b[from:end]
	x.reqOut.Append(l)
	return true
}

func (x *Exchange) queueLast() {
	l := x.R.Link()
	l.Mem = lastChunk
	x.reqOut.Append(l)
}

var lastChunk = []byte(http1.LastChunk)

// restoreRead watches the client again once its body has been read.
func (x *Exchange) restoreRead() {
	if !x.conf.IgnoreClientAbort.V && !x.store && x.step != stepTunnel {
		x.R.SetReadHandler(checkBroken)
	}
}

// readRequest is the client's read handler while an unbuffered body comes.
func readRequest(r *http.Request) {
	x, c := Of(r), r.Client()
	if c.ReadTimedOut() {
		c.SetTimedOut()
		r.Log(http.LogInfo, "client timed out (110: Connection timed out) while "+x.action)
		x.finalize(http.StatusRequestTimeout)
		return
	}
	if x.c == nil || x.bodyEnded {
		return
	}
	if x.blocked { // nothing is read until the backend takes more
		checkBroken(r)
		return
	}
	x.send(false)
}

// dropRequest forgets what was not sent.
func (x *Exchange) dropRequest() {
	x.ws.w.Buffers.DoneChain(&x.reqOut)
}

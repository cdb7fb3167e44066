package http

import (
	"weir/netio/buf"
	"weir/netio/http1"
)

// Body is a request body that has been read, or is being read: in memory up
// to client_body_buffer_size, in a temporary file from there on.
type Body struct {
	mem      []byte    // in pooled; the whole body unless File is set
	pooled   []byte    // the buffer as the pool gave it, nil when SetBody did
	File     *TempFile // nil while the body fits into memory
	Received int64     // bytes so far

	done     func(r *Request)
	complete bool
	toFile   bool // client_body_in_file_only
}

// noBody is the body of requests without one. Nothing writes to it.
var noBody = Body{complete: true}

// Body returns the request body, nil before ReadBody.
func (r *Request) Body() *Body { return r.body }

// Bytes is the body as far as it is in memory; all of it unless File is set.
// It is valid until the main request ends.
func (b *Body) Bytes() []byte {
	if b == nil || b.File != nil {
		return nil
	}
	return b.mem
}

// Size is the number of bytes of a complete body.
func (b *Body) Size() int64 {
	if b == nil {
		return 0
	}
	return b.Received
}

// AppendLinks appends the body to ch, as links that leave it intact: it can
// be sent again.
func (b *Body) AppendLinks(p *buf.Pool, ch *Chain) {
	if b == nil || b.Received == 0 {
		return
	}
	l := p.Link()
	if b.File != nil {
		l.File = b.File.Hold()
		l.Off, l.End = 0, b.Received
	} else {
		l.Mem = b.mem
	}
	ch.Append(l)
}

// HasBody reports whether the request head announces a body.
func (r *Request) HasBody() bool { return r.ContentLength > 0 || r.ChunkedBody }

// ReadBody reads the whole request body and then calls done, at once if it is
// there already. It raises the request's reference count: done ends by
// Finalize. It returns Done, or the status to finalize with.
func (r *Request) ReadBody(done func(r *Request)) Code {
	r.main.count++
	if rc := r.testExpect(); rc != OK {
		r.main.count--
		return rc
	}
	if r != r.main || r.body != nil || r.discarding || !r.HasBody() {
		if r.body == nil {
			r.body = &noBody
		}
		done(r)
		return Done
	}
	lc := r.loc.core
	b := &Body{done: done, toFile: lc.bodyInFile.V != BodyFileOff}
	r.body = b
	r.bodyLeft = r.ContentLength
	r.readingBody = true
	size := lc.bodyBufferSize.V
	if r.ContentLength >= 0 && r.ContentLength < size {
		size = r.ContentLength
	}
	b.pooled = r.w.Buffers.Get(int(size))
	b.mem = b.pooled[:0:min(cap(b.pooled), max(int(size), 1))]
	r.read = readBody
	rc := r.fillBody()
	switch {
	case rc == OK:
		r.bodyDone()
	case rc > OK:
		r.main.count--
		return rc
	}
	return Done
}

// readBody is the read handler while a body comes in.
func readBody(r *Request) {
	if r.c.ReadTimedOut() {
		r.c.SetTimedOut()
		r.Log(LogInfo, "client timed out (110: Connection timed out) while reading client request body")
		r.Finalize(StatusRequestTimeout)
		return
	}
	switch rc := r.fillBody(); {
	case rc == OK:
		r.bodyDone()
	case rc > OK:
		r.Finalize(rc)
	}
}

// fillBody reads until the body is complete (OK) or must be waited for
// (Again); a status says that it cannot be had.
func (r *Request) fillBody() Code {
	b := r.body
	for round := 0; ; round++ {
		if round == bodyRounds {
			r.c.net.PostReadable()
			return Again
		}
		if len(b.mem) == cap(b.mem) {
			if rc := r.spillBody(); rc != OK {
				return rc
			}
		}
		n, rc := r.c.stream.ReadBody(r, b.mem[len(b.mem):cap(b.mem)])
		b.mem = b.mem[:len(b.mem)+n]
		b.Received += int64(n)
		if rc > OK || rc == Error {
			return r.bodyLost(rc)
		}
		if rc := r.checkBodySize(b.Received); rc != OK {
			return rc
		}
		switch rc {
		case Done:
			b.complete = true
			if b.File != nil || b.toFile && b.Received > 0 {
				return r.spillBody()
			}
			return OK
		case Again:
			r.c.SetReadTimer(r.loc.core.bodyTimeout.V)
			return Again
		}
	}
}

// bodyRounds is how many buffers one event reads of a body, so that a fast
// client does not hold the worker.
const bodyRounds = 64

// bodyLost is the status for a body that ReadBody cannot go on with, for the
// reason it gave.
func (r *Request) bodyLost(rc Code) Code {
	if rc != Error {
		return rc
	}
	r.c.SetError()
	r.Log(LogInfo, "client prematurely closed connection")
	return StatusBadRequest
}

// checkBodySize applies client_max_body_size to a body of unknown length.
func (r *Request) checkBodySize(n int64) Code {
	if max := r.loc.core.clientMaxBodySize.V; r.ChunkedBody && max != 0 && n > max {
		r.Logf(LogErr, "client intended to send too large chunked body: %d bytes", n)
		r.lingering = true
		return StatusRequestTooLarge
	}
	return OK
}

// spillBody moves what is in memory to the temporary file.
func (r *Request) spillBody() Code {
	b, lc := r.body, r.loc.core
	if b.File == nil {
		f, err := NewTempFile(lc.bodyTemp.V, b.toFile)
		if err != nil {
			r.Logf(LogCrit, "%s", err)
			return StatusInternalServerError
		}
		b.File = f
		f.Clean = lc.bodyInFile.V == BodyFileClean
		level := LogWarn
		if b.toFile {
			level = LogNotice
		}
		r.Logf(level, bodyToFile, f.Name)
	}
	if err := b.File.Append(b.mem); err != nil {
		r.Logf(LogCrit, "%s", err)
		return StatusInternalServerError
	}
	b.mem = b.mem[:0]
	return OK
}

const bodyToFile = "a client request body is buffered to a temporary file %s"

// NewBodyFile makes a file for a body that a module puts together and gives to
// SetBodyFile. Its name is removed when it is released.
func (r *Request) NewBodyFile() (*TempFile, error) {
	f, err := NewTempFile(r.loc.core.bodyTemp.V, true)
	if err != nil {
		return nil, err
	}
	f.Clean = true
	r.Logf(LogWarn, bodyToFile, f.Name)
	return f, nil
}

// BodyBufferSize is client_body_buffer_size, in bytes.
func (r *Request) BodyBufferSize() int64 { return r.loc.core.bodyBufferSize.V }

// bodyDone hands the complete body over.
func (r *Request) bodyDone() {
	b := r.body
	r.c.ClearReadTimer()
	r.readingBody = false
	r.lingering = false
	r.read = blockReading
	done := b.done
	b.done = nil
	if r.ContentLength < 0 {
		r.ContentLength = b.Received
	}
	done(r)
}

// freeBody gives buffer and file back.
func (r *Request) freeBody() {
	b := r.body
	if b == nil || r.bodyShared {
		return
	}
	if b.pooled != nil {
		r.w.Buffers.Put(b.pooled)
		b.mem, b.pooled = nil, nil
	}
	if b.File != nil {
		b.File.Release()
		b.File = nil
	}
}

// SetBody replaces the request body by b, which must stay valid until the
// request ends.
func (r *Request) SetBody(b []byte) {
	if r.body != nil {
		r.freeBody()
	}
	r.body = &Body{mem: b, Received: int64(len(b)), complete: true}
	r.bodyShared = false
	r.ContentLength = int64(len(b))
	r.ChunkedBody = false
}

// SetBodyFile is SetBody with a file, which is released when the request ends
// or the body is replaced again.
func (r *Request) SetBodyFile(t *TempFile) {
	if r.body != nil {
		r.freeBody()
	}
	r.body = &Body{File: t, Received: t.size, complete: true}
	r.bodyShared = false
	r.ContentLength = t.size
	r.ChunkedBody = false
}

// StartUnbuffered prepares to read the body piece by piece with ReadPart, for
// handlers that pass it on as it comes. A read handler must be set.
func (r *Request) StartUnbuffered() Code {
	if rc := r.testExpect(); rc != OK {
		return rc
	}
	r.bodyLeft = r.ContentLength
	r.readingBody = r.HasBody()
	return OK
}

// TakeBody is StartUnbuffered for a body that nobody else is to see.
func (r *Request) TakeBody() Code {
	rc := r.StartUnbuffered()
	if rc == OK {
		r.body = &noBody
	}
	return rc
}

// TakeConnection leaves the client's connection to the caller: no response
// header is sent, and the connection is closed when the request ends.
func (r *Request) TakeConnection() {
	r.headerSent = true
	r.keepalive = false
	r.lingering = true
	if r.body == nil {
		r.body = &noBody
	}
}

// ReadingBody reports whether the request body is being read.
func (r *Request) ReadingBody() bool { return r.readingBody }

// DiscardingBody reports whether the request body is being thrown away.
func (r *Request) DiscardingBody() bool { return r.discarding }

// ReadPart reads the next piece of an unbuffered body into p. OK: n > 0 bytes
// and more to come; Done: n bytes, and that was all; Again: wait for the read
// handler; a status: give up with it.
func (r *Request) ReadPart(p []byte) (n int, rc Code) {
	if !r.readingBody {
		return 0, Done
	}
	n, rc = r.c.stream.ReadBody(r, p)
	r.partRead += int64(n)
	if rc > OK || rc == Error {
		return n, r.bodyLost(rc)
	}
	if rc := r.checkBodySize(r.partRead); rc != OK {
		return n, rc
	}
	switch rc {
	case Done:
		r.c.ClearReadTimer()
		r.readingBody = false
		r.lingering = false
	case Again:
		r.c.SetReadTimer(r.loc.core.bodyTimeout.V)
	}
	return n, rc
}

// testExpect answers Expect: 100-continue.
func (r *Request) testExpect() Code {
	if r.expectTested || r.Version < 1001 || r != r.main || r.body != nil || r.discarding {
		return OK
	}
	r.expectTested = true
	v := r.In.Get(http1.HeaderExpect)
	if v == nil || !equalFold(v, word100) {
		return OK
	}
	if rc := r.c.stream.SendContinue(r); rc != OK {
		return StatusInternalServerError
	}
	return OK
}

var word100 = []byte("100-continue")

// DiscardBody throws the request body away, now and while the response is
// sent, so that the connection can be kept. It returns OK or a status.
func (r *Request) DiscardBody() Code {
	if r != r.main || r.discarding || r.body != nil || r.readingBody {
		return OK // read, or being read by somebody who stops now: lingering close deals with it
	}
	if rc := r.testExpect(); rc != OK || !r.HasBody() {
		return rc
	}
	r.bodyLeft = r.ContentLength
	switch rc := r.drainBody(); {
	case rc == OK:
		r.body = &noBody
		return OK
	case rc > OK:
		return rc
	}
	r.discarding = true
	r.read = discardedBody
	r.main.count++
	return OK
}

// goOnDiscarding makes the rest of the body be thrown away by events, those
// included that another read handler has left unused.
func (r *Request) goOnDiscarding() {
	r.read = discardedBody
	if r.c.net.ReadReady() {
		r.c.net.PostReadable()
	}
}

// drainBody reads and forgets; OK when no more of the body comes. The request
// is then one without a body. A client that has closed its side may still wait
// for the response.
func (r *Request) drainBody() Code {
	scratch := r.w.Buffers.Get(drainBuffer)
	defer r.w.Buffers.Put(scratch)
	for range bodyRounds {
		switch _, rc := r.c.stream.ReadBody(r, scratch[:cap(scratch)]); rc {
		case OK:
		case Error:
			r.keepalive = false
			fallthrough
		case Done:
			r.ContentLength, r.ChunkedBody = 0, false
			r.lingering = false
			return OK
		default:
			return rc
		}
	}
	r.c.net.PostReadable()
	return Again
}

// drainBuffer is the size of the pieces that an unwanted body is read in.
const drainBuffer = 16 << 10

// discardedBody is the read handler while a body is thrown away.
func discardedBody(r *Request) {
	c := r.c
	lc := r.loc.core
	if c.ReadTimedOut() {
		c.SetTimedOut()
		c.SetError()
		r.Finalize(Error)
		return
	}
	if r.lingerUntil != 0 && r.w.Loop.NowMS() >= r.lingerUntil {
		r.discarding = false
		r.keepalive = false
		r.Finalize(Error)
		return
	}
	rc := r.drainBody()
	switch {
	case rc == OK:
		r.discarding = false
		r.lingerUntil = 0
		r.Finalize(Done)
	case rc == Again:
		if r.lingerUntil != 0 {
			ms := min(lc.lingeringTimeout.V, max(1, r.lingerUntil-r.w.Loop.NowMS()))
			c.SetReadTimer(ms)
		}
	default:
		c.SetError()
		r.Finalize(Error)
	}
}

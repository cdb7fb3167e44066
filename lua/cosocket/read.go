package cosocket

import (
	"bytes"
	"fmt"
	"io"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/sock"
)

// readOp is the read under way.
type readOp struct {
	kind  opKind
	rest  int    // bytes still wanted by opSize and opAny
	until *until // of opUntil
	err   error  // why it failed
}

type opKind uint8

const (
	opLine opKind = iota
	opAll
	opSize
	opAny
	opUntil
)

// verdict is what came of trying to read.
type verdict uint8

const (
	again    verdict = iota // more has to come
	complete                // acc is the result
	failed                  // op.err says why, acc is what there was
)

// receive is sock:receive.
func receive(l *vm.State) int {
	n := l.Top()
	if n != 1 && n != 2 {
		l.Errorf("expecting 1 or 2 arguments (including the object), but got %d", n)
	}
	s, c, rets := readable(l, true)
	if s == nil {
		return rets
	}
	if n == 1 {
		return s.read(l, c, readOp{kind: opLine})
	}
	if f, ok := numberArg(l, 2); ok {
		if f < 0 {
			l.ArgError(2, "bad number argument")
		}
		if int(f) == 0 {
			return l.Ret(vm.String(""))
		}
		return s.read(l, c, readOp{kind: opSize, rest: int(f)})
	}
	switch pattern, ok := l.Arg(2).AsString(); {
	case !ok:
		l.ArgError(2, "bad argument")
	case len(pattern) != 2 || pattern[0] != '*':
		l.ArgError(2, fmt.Sprintf("bad pattern argument: %s", pattern))
	case pattern == "*l":
		return s.read(l, c, readOp{kind: opLine})
	case pattern == "*a":
		return s.read(l, c, readOp{kind: opAll})
	}
	l.ArgError(2, "bad pattern argument")
	return 0
}

// receiveAny is sock:receiveany.
func receiveAny(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	s, c, rets := readable(l, true)
	if s == nil {
		return rets
	}
	f, ok := numberArg(l, 2)
	if !ok || int(f) <= 0 {
		l.ArgError(2, "bad max argument")
	}
	return s.read(l, c, readOp{kind: opAny, rest: int(f)})
}

// readable returns the socket of a call that reads; nil when the answer has been pushed.
func readable(l *vm.State, log bool) (s *socket, c *api.Ctx, rets int) {
	s = self(l)
	if s == nil || s.conn == nil && !s.connecting || s.readClosed {
		if log {
			logClosed(l, s, "receive")
		}
		return nil, nil, closed(l)
	}
	c = s.owned(l)
	if text := s.busyText(busyConnecting | busyReading); text != "" {
		return nil, nil, api.Fail(l, text)
	}
	return s, c, 0
}

// read runs a read operation to its end and returns its results to Lua.
func (s *socket) read(l *vm.State, c *api.Ctx, op readOp) int {
	s.op = op
	if u := s.last; u != nil && u != op.until {
		u.giveBack(s)
	}
	s.last = op.until
	if s.kind != kindPeer {
		s.down.attach(s)
	}
	v := s.progress()
	if v == again {
		v = s.wait(l, c)
	}
	if s.kind != kindPeer {
		s.down.detach(s)
	}
	if v == complete {
		s.pushAcc(l)
		s.idleBuffer()
		return 1
	}
	text := "closed"
	switch err := s.op.err; err {
	case errTimeout:
		text = "timeout"
	case io.EOF, conn.ErrClosed:
		s.endReading()
	case errClient:
		text = "client aborted"
		s.endReading()
	default:
		text = errorText(err)
		s.logErr(c, "recv() failed ("+http.ErrnoText(err)+")", s.remote())
		s.endReading()
	}
	l.Push(vm.Nil)
	l.PushString(text)
	s.pushAcc(l)
	s.idleBuffer()
	return 3
}

var (
	errTimeout = fmt.Errorf("timeout")
	errClient  = fmt.Errorf("client aborted")
)

// remote is the address the socket is connected to.
func (s *socket) remote() sock.Addr {
	if s.conn == nil {
		return sock.Addr{}
	}
	return s.conn.Remote()
}

// wait parks until the operation is over.
func (s *socket) wait(l *vm.State, c *api.Ctx) verdict {
	s.reader = c.Thread()
	s.conn.SetTimer(conn.ReadTimer, s.timeout(timeRead))
	c.Park(l, (*readWait)(s))
	if s.timedOut[conn.ReadTimer] {
		s.timedOut[conn.ReadTimer] = false
		s.op.err = errTimeout
		s.logErr(c, "lua tcp socket read timed out", s.remote())
		return failed
	}
	if s.op.err != nil {
		return failed
	}
	return complete
}

// readWait is a socket whose light thread waits for bytes.
type readWait socket

// Abandon implements api.Waiter: the socket is of no use without its reader.
func (w *readWait) Abandon() {
	s := (*socket)(w)
	s.reader = nil
	s.finalize()
}

// endReading closes the reading side for Lua.
func (s *socket) endReading() {
	s.readClosed = true
	if s.in != nil {
		s.st.env.Worker.Buffers.Put(s.in)
		s.in, s.pos = nil, 0
	}
}

// pushAcc pushes what was read.
func (s *socket) pushAcc(l *vm.State) {
	l.PushBytes(s.acc)
	if s.acc != nil {
		s.st.env.Worker.Buffers.Put(s.acc)
		s.acc = nil
	}
}

// idleBuffer gives the buffer back when it is empty.
func (s *socket) idleBuffer() {
	if s.in != nil && s.pos == len(s.in) {
		s.st.env.Worker.Buffers.Put(s.in)
		s.in, s.pos = nil, 0
	}
}

// readRounds is how many buffers one event reads, so that a fast peer does not hold the worker.
const readRounds = 64

// progress consumes what is there, and receives more, until the operation is over or must wait.
func (s *socket) progress() verdict {
	for range readRounds {
		if s.pos < len(s.in) && s.consume() {
			return complete
		}
		n, err := s.fill()
		switch {
		case n > 0:
			if s.reader != nil {
				s.conn.SetTimer(conn.ReadTimer, s.timeout(timeRead))
			}
			if s.op.kind == opSize && s.op.rest == 0 { // received in place
				return complete
			}
		case err == conn.ErrAgain:
			s.idleBuffer()
			if s.kind == kindBody && s.reader != nil { // the core has set its own
				s.conn.SetTimer(conn.ReadTimer, s.timeout(timeRead))
			}
			return again
		case err == io.EOF && s.op.kind == opAll:
			s.eof = true
			return complete
		default:
			s.eof = s.eof || err == io.EOF
			s.op.err = err
			return failed
		}
	}
	s.conn.PostReadable()
	return again
}

// fill receives into the buffer, or for a large read into its result.
func (s *socket) fill() (int, error) {
	size := int(s.settings.SocketBufferSize.V)
	if s.op.kind == opSize && s.op.rest >= size {
		s.reserve(min(s.op.rest, largest))
		room := s.acc[len(s.acc):cap(s.acc)]
		n, err := s.recv(room[:min(len(room), s.op.rest)])
		s.acc = s.acc[:len(s.acc)+n]
		s.op.rest -= n
		return n, err
	}
	if s.in == nil {
		s.in = s.st.env.Worker.Buffers.Get(size)
	}
	n, err := s.recv(s.in[:min(cap(s.in), size)])
	s.in, s.pos = s.in[:n], 0
	return n, err
}

// largest is how much is reserved for a read ahead of its bytes.
const largest = 64 << 10

// recv receives from whatever the socket is connected to.
func (s *socket) recv(p []byte) (int, error) {
	if s.kind == kindBody {
		return s.down.readBody(p)
	}
	n, err := s.conn.Recv(p)
	if err == io.EOF && s.kind == kindRaw && s.settings.CheckClientAbort.V {
		err = errClient
	}
	return n, err
}

// reserve makes room for n more bytes in acc.
func (s *socket) reserve(n int) {
	if cap(s.acc)-len(s.acc) >= n {
		return
	}
	b := s.st.env.Worker.Buffers
	grown := append(b.Get(max(len(s.acc)+n, 2*cap(s.acc)))[:0], s.acc...)
	if s.acc != nil {
		b.Put(s.acc)
	}
	s.acc = grown
}

// gain adds bytes to the result.
func (s *socket) gain(p []byte) {
	s.reserve(len(p))
	s.acc = append(s.acc, p...)
}

// consume takes from the buffer what the operation wants and reports whether it is complete.
func (s *socket) consume() bool {
	b := s.in[s.pos:]
	switch s.op.kind {
	case opAll:
		s.gain(b)
		s.pos = len(s.in)
	case opSize:
		n := min(len(b), s.op.rest)
		s.gain(b[:n])
		s.pos += n
		s.op.rest -= n
		return s.op.rest == 0
	case opAny:
		n := min(len(b), s.op.rest)
		s.gain(b[:n])
		s.pos += n
		return true
	case opLine:
		i := bytes.IndexByte(b, '\n')
		line := b
		if i >= 0 {
			line = b[:i]
			s.pos += i + 1
		} else {
			s.pos = len(s.in)
		}
		s.gainWithoutCR(line)
		return i >= 0
	case opUntil:
		return s.op.until.consume(s)
	}
	return false
}

// gainWithoutCR adds part of a line: carriage returns are no part of lines, wherever they stand.
func (s *socket) gainWithoutCR(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			s.gain(p)
			return
		}
		s.gain(p[:i])
		p = p[i+1:]
	}
}

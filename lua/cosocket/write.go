package cosocket

import (
	"fmt"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/buf"
	"weir/netio/conn"
)

// send is sock:send.
func send(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	s := self(l)
	if s == nil || s.conn == nil && !s.connecting || s.writeClosed {
		logClosed(l, s, "send")
		return closed(l)
	}
	c := s.owned(l)
	if text := s.busyText(busyConnecting | busyWriting); text != "" {
		return api.Fail(l, text)
	}
	pool := c.Worker().Buffers
	size := measure(l, l.Arg(2), 0)
	if size == 0 {
		return l.Ret(vm.Int(0))
	}
	b := flatten(pool.Get(size)[:0], l.Arg(2))
	link := pool.Link()
	link.Mem, link.Data, link.Flags = b, b, buf.Flush
	s.out.Append(link)
	err := s.flush()
	if err == conn.ErrAgain {
		if s.kind == kindRaw {
			s.down.attach(s)
		}
		s.writer = c.Thread()
		s.conn.SetTimer(conn.WriteTimer, s.timeout(timeSend))
		c.Park(l, (*writeWait)(s))
		err = s.connectErr
		s.connectErr = nil
		if s.kind == kindRaw {
			s.down.detach(s)
		}
	}
	switch {
	case s.timedOut[conn.WriteTimer]:
		s.timedOut[conn.WriteTimer] = false
		s.logErr(c, "lua tcp socket write timed out", s.remote())
		s.endWriting()
		return api.Fail(l, "timeout")
	case err != nil:
		s.logErr(c, "send() failed ("+http.ErrnoText(err)+")", s.remote())
		s.endWriting()
		return api.Fail(l, errorText(err))
	}
	return l.Ret(vm.Int(len(b)))
}

// flush sends what is queued. Its error is kept for the light thread that waits, if one does.
func (s *socket) flush() error {
	for !s.out.Empty() {
		_, err := s.conn.Send(&s.out, 0)
		if err == conn.ErrAgain {
			return err
		}
		if err != nil {
			if s.writer != nil {
				s.connectErr = err
			}
			return err
		}
	}
	return nil
}

// endWriting closes the writing side for Lua.
func (s *socket) endWriting() {
	s.writeClosed = true
	s.st.env.Worker.Buffers.DoneChain(&s.out)
}

// writeWait is a socket whose light thread waits for the peer to take bytes.
type writeWait socket

// Abandon implements api.Waiter: part of what was to be sent is gone.
func (w *writeWait) Abandon() {
	s := (*socket)(w)
	s.writer = nil
	s.finalize()
}

// maxNesting bounds tables within tables, which Lua could make endless.
const maxNesting = 100

// measure returns an upper bound of the bytes of a value, or raises the error of one that cannot be sent.
func measure(l *vm.State, v vm.Value, depth int) int {
	if text, ok := v.AsString(); ok {
		return len(text)
	}
	if v.IsNumber() {
		return maxNumber
	}
	t := v.AsTable()
	switch {
	case t == nil && depth == 0 && v.IsNil():
		return len("nil")
	case t == nil && depth == 0 && v.Type() == vm.TypeBool:
		return len("false")
	case t == nil && depth == 0:
		l.ArgError(2, "string, number, boolean, nil, or array table expected, got "+v.TypeName())
	case t == nil:
		l.ArgError(2, fmt.Sprintf("bad data type %s found", v.TypeName()))
	case depth == maxNesting:
		l.ArgError(2, "table nested too deep")
	}
	size := 0
	for i, n := 1, listLen(l, t); i <= n; i++ {
		size += measure(l, t.GetInt(i), depth+1)
	}
	return size
}

// maxNumber is the longest text of a number.
const maxNumber = 32

// listLen is the largest index of a table that must have no other keys.
func listLen(l *vm.State, t *vm.Table) int {
	n := 0
	for pos := uint32(0); ; {
		k, _, next, ok := t.Iter(pos)
		if !ok {
			return n
		}
		f, isNumber := k.AsNumber()
		if !isNumber || f != float64(int(f)) || f <= 0 {
			l.ArgError(2, "non-array table found")
		}
		n, pos = max(n, int(f)), next
	}
}

// flatten appends the bytes of a value that was measured.
func flatten(b []byte, v vm.Value) []byte {
	if text, ok := v.AsString(); ok {
		return append(b, text...)
	}
	if f, ok := v.AsNumber(); ok {
		return vm.AppendNumber(b, f)
	}
	t := v.AsTable()
	switch {
	case t == nil && v.IsNil():
		return append(b, "nil"...)
	case t == nil && v.Truthy():
		return append(b, "true"...)
	case t == nil:
		return append(b, "false"...)
	}
	for i := 1; ; i++ {
		e := t.GetInt(i)
		if e.IsNil() {
			return b
		}
		b = flatten(b, e)
	}
}

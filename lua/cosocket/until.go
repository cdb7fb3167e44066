package cosocket

import (
	"bytes"

	"weir/lua/api"
	"weir/lua/vm"
)

// until is a text that receiveuntil reads up to, and how far the input has matched it.
type until struct {
	text      []byte
	fail      []int // by state: the longest proper prefix of text[:state] that ends it
	inclusive bool
	state     int // bytes of text matched at the end of what was read; ended: see there
	sized     bool
	rest      int // bytes still wanted by a call with a size
}

// ended is the state after a sized read came to the text: the next call says so and begins anew.
const ended = -1

func newUntil(text string, inclusive bool) *until {
	u := &until{text: []byte(text), fail: make([]int, len(text)+1), inclusive: inclusive}
	for i, k := 1, 0; i < len(text); i++ {
		for k > 0 && text[i] != text[k] {
			k = u.fail[k]
		}
		if text[i] == text[k] {
			k++
		}
		u.fail[i+1] = k
	}
	return u
}

// receiveUntil is sock:receiveuntil.
func receiveUntil(l *vm.State) int {
	n := l.Top()
	if n != 2 && n != 3 {
		l.Errorf("expecting 2 or 3 arguments (including the object), but got %d", n)
	}
	inclusive := false
	if n == 3 {
		v := l.CheckTable(3).GetString("inclusive")
		if !v.IsNil() && v != vm.True && v != vm.False {
			l.Errorf("bad \"inclusive\" option value type: %s", v.TypeName())
		}
		inclusive = v.Truthy()
	}
	l.CheckTable(1)
	object := l.Arg(1)
	text := l.CheckString(2)
	if text == "" {
		return api.Fail(l, "pattern is empty")
	}
	u := newUntil(text, inclusive)
	f := l.VM().NewFunction("receiveuntil", func(l *vm.State) int { return u.call(l, object) })
	return l.Ret(f.Value())
}

// call is the function receiveuntil returns.
func (u *until) call(l *vm.State, object vm.Value) int {
	n := l.Top()
	if n > 1 {
		l.Errorf("expecting 0 or 1 argument, but seen %d", n)
	}
	size := 0
	if n == 1 {
		size = max(0, l.CheckInt(1))
		l.Pop(1)
	}
	l.Push(object)
	s, c, rets := readable(l, false)
	if s == nil {
		return rets
	}
	if u.state == ended {
		u.state = 0
		l.Push(vm.Nil)
		l.Push(vm.Nil)
		l.Push(vm.Nil)
		return 3
	}
	u.sized, u.rest = size > 0, size
	return s.read(l, c, readOp{kind: opUntil, until: u})
}

// consume reads from the buffer of s up to the text, or as many bytes as were asked for. Bytes that may be the
// beginning of the text are held back in state; when they turn out not to be, they count as one piece, so that a
// sized read may return some more than it was asked for, as in OpenResty.
func (u *until) consume(s *socket) bool {
	for s.pos < len(s.in) {
		b := s.in[s.pos:]
		c := b[0]
		switch {
		case c == u.text[u.state]:
			u.state++
			s.pos++
			if u.state == len(u.text) {
				return u.found(s)
			}
		case u.state == 0:
			n := bytes.IndexByte(b, u.text[0])
			if n < 0 {
				n = len(b)
			}
			if u.sized {
				n = min(n, u.rest)
				u.rest -= n
			}
			s.gain(b[:n])
			s.pos += n
			if u.sized && u.rest == 0 {
				return true
			}
		default:
			if u.mismatch(s, c) {
				return true
			}
		}
	}
	return false
}

// giveBack puts the bytes held back in front of the buffer, for a read of another kind.
func (u *until) giveBack(s *socket) {
	n := u.state
	if n <= 0 {
		return
	}
	u.state = 0
	if s.pos >= n {
		s.pos -= n // they are still there
		return
	}
	rest := s.in[s.pos:]
	b := append(append(s.st.env.Worker.Buffers.Get(n + len(rest))[:0], u.text[:n]...), rest...)
	if s.in != nil {
		s.st.env.Worker.Buffers.Put(s.in)
	}
	s.in, s.pos = b, 0
}

// found ends a read at the text.
func (u *until) found(s *socket) bool {
	u.state = 0
	if u.sized {
		u.state = ended
	}
	if u.inclusive {
		s.gain(u.text)
	}
	return true
}

// mismatch goes on behind a byte that does not continue the match: with a shorter one that it does continue, or from
// the beginning with the byte still to be looked at. It reports whether a sized read is satisfied.
func (u *until) mismatch(s *socket, c byte) bool {
	k := u.fail[u.state]
	for k > 0 && u.text[k] != c {
		k = u.fail[k]
	}
	to := 0
	if k > 0 {
		to = k + 1
		s.pos++
	}
	given := u.state
	if to > 0 {
		given = u.state + 1 - to
	}
	s.gain(u.text[:given])
	u.state = to
	if !u.sized {
		return false
	}
	if u.rest <= given {
		u.rest = 0
		return true
	}
	u.rest -= given
	return false
}

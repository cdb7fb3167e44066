package process

import (
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
)

// reader makes a method that reads: from standard error or output.
func reader(stderr bool, op readOp) vm.Func {
	return func(l *vm.State) int {
		p := self(l)
		rest := 0
		switch op {
		case readBytes:
			f, ok := l.Arg(2).AsNumber()
			if !ok {
				l.Errorf("attempt to compare %s with number", l.Arg(2).TypeName())
			}
			if !(f >= 0) {
				l.Errorf("bad len argument")
			}
			if f == 0 {
				return l.Ret(vm.String(""))
			}
			rest = int(min(f, maxRead))
		case readAny:
			f, ok := number(l.Arg(2))
			if !ok || !(f > 0) {
				l.Errorf("bad max argument")
			}
			rest = int(min(f, maxRead))
		}
		return p.read(l, stderr, op, rest)
	}
}

// maxRead bounds what a read may ask for, in bytes: infinity has no int.
const maxRead = 1<<31 - 1

// number is tonumber.
func number(v vm.Value) (float64, bool) {
	if text, ok := v.AsString(); ok {
		return vm.ParseNumber(text)
	}
	return v.AsNumber()
}

func (p *proc) read(l *vm.State, stderr bool, op readOp, rest int) int {
	s, timeout := &p.out, p.timeouts[timeOut]
	if stderr {
		s, timeout = &p.err, p.timeouts[timeErr]
	}
	switch {
	case p.closed:
		return api.Fail(l, "closed")
	case stderr && p.merged:
		return api.Fail(l, "merged to stdout")
	case !s.open():
		return api.Fail(l, "closed")
	case s.busy:
		return api.Fail(l, "pipe busy reading")
	}
	if s.buf == nil {
		s.buf = make([]byte, p.size)
	}
	s.op, s.rest, s.acc, s.err = op, rest, nil, nil
	err := s.read()
	if err == conn.ErrAgain {
		err = s.wait(l, timeout)
	}
	acc := s.acc
	s.acc = nil
	if err == nil {
		l.PushBytes(acc)
		return 1
	}
	l.Push(vm.Nil)
	l.PushString(errorText(err))
	l.PushBytes(acc)
	return 3
}

// wait parks until the operation under way is over, and returns how it went.
func (s *stream) wait(l *vm.State, timeout int64) error {
	if err := s.pipe.Watch(s.loop, s); err != nil {
		return err
	}
	s.park(l, s, timeout)
	return s.err
}

// write is proc:write.
func write(l *vm.State) int {
	p := self(l)
	data := join(l, l.Arg(2))
	s := &p.in
	switch {
	case p.closed || !s.open():
		return api.Fail(l, "closed")
	case s.busy:
		return api.Fail(l, "pipe busy writing")
	}
	s.out, s.err = []byte(data), nil
	err := s.write()
	if err == conn.ErrAgain {
		err = s.wait(l, p.timeouts[timeWrite])
	}
	s.out = nil
	if err != nil {
		return api.Fail(l, errorText(err))
	}
	return l.Ret(vm.Int(len(data)))
}

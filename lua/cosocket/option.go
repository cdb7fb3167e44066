package cosocket

import (
	"fmt"

	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/sock"
)

// bind is tcpsock:bind.
func bind(l *vm.State) int {
	n := l.Top()
	if n != 2 && n != 3 {
		l.Errorf("expecting 2 or 3 arguments, but got %d", n)
	}
	s := self(l)
	port := 0
	if n == 3 {
		f, ok := numberArg(l, 3)
		if !ok {
			return api.Fail(l, "expecting port to be a number but got type: "+l.Arg(3).TypeName())
		}
		if port = int(f); port < 0 || port > 65535 {
			return api.Fail(l, fmt.Sprintf("bad port number: %d", port))
		}
	}
	a, err := sock.ParseAddr(l.CheckString(2))
	if err != nil || a.Family() == sock.Unix {
		return api.Fail(l, "bad address")
	}
	if port > 0 {
		a = a.WithPort(uint16(port))
	}
	if s != nil {
		s.local = a
	}
	return l.Ret(vm.True)
}

// getFD is tcpsock:getfd.
func getFD(l *vm.State) int {
	s := self(l)
	if !s.connected() {
		return closed(l)
	}
	return l.Ret(vm.Int(s.conn.FD()))
}

// optionSocket returns the socket of a call about options.
func optionSocket(l *vm.State) *socket {
	s := self(l)
	if s == nil || s.settings == nil {
		l.Errorf("socket is never created nor connected")
	}
	return s
}

// setOption is tcpsock:setoption.
func setOption(l *vm.State) int {
	if l.Arg(2).IsNil() {
		return api.Fail(l, "missing the \"option\" argument")
	}
	if l.Arg(3).IsNil() {
		return api.Fail(l, "missing the \"value\" argument")
	}
	s := optionSocket(l)
	o := optionOf(l.Arg(2))
	if o == 0 {
		return api.Fail(l, "unsupported option "+l.Arg(2).Text())
	}
	if !s.connected() {
		return closed(l)
	}
	value := 0
	if f, ok := numberArg(l, 3); ok {
		value = int(f)
	} else if l.Arg(3).Truthy() {
		value = 1
	}
	if err := s.conn.SetOption(o, value); err != nil {
		return api.Fail(l, errorText(err))
	}
	return l.Ret(vm.True)
}

// getOption is tcpsock:getoption.
func getOption(l *vm.State) int {
	s := optionSocket(l)
	if l.Arg(2).IsNil() {
		return api.Fail(l, "missing the \"option\" argument")
	}
	o := optionOf(l.Arg(2))
	if o == 0 {
		return api.Fail(l, "unsupported option "+l.Arg(2).Text())
	}
	if !s.connected() {
		return closed(l)
	}
	value, err := s.conn.Option(o)
	if err != nil {
		return api.Fail(l, errorText(err))
	}
	return l.Ret(vm.Int(value))
}

// optionOf is the option of a name; 0 for none.
func optionOf(v vm.Value) sock.Option {
	name, _ := v.AsString()
	return options[name]
}

var options = map[string]sock.Option{
	"keepalive": sock.OptKeepAlive, "reuseaddr": sock.OptReuseAddr, "tcp-nodelay": sock.OptNoDelay,
	"sndbuf": sock.OptSndBuf, "rcvbuf": sock.OptRcvBuf, "keepintvl": sock.OptKeepInterval, "keepcnt": sock.OptKeepCount,
}

// noPointer is the answer of methods that give OpenSSL's structures away.
func noPointer(l *vm.State) int { return api.Fail(l, "not supported") }

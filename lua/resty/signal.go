package resty

import (
	"golang.org/x/sys/unix"

	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/sock"
)

var signalFuncs = []api.Func{
	{Name: "kill", In: api.Any, Args: "(pid, signal)", Run: signalKill, Doc: "Sends a signal, by number or by name without SIG, to a process: what the server's user may."},
	{Name: "signum", In: api.Any, Args: "(name)", Run: signalNumber, Doc: "Returns the number of a signal."},
}

// signal returns the signal that an argument names.
func signal(l *vm.State, n int) (sig unix.Signal, ok bool) {
	v := l.Arg(n)
	if num, ok := v.AsNumber(); ok {
		return unix.Signal(num), true
	}
	name, _ := v.AsString()
	if name == "NONE" {
		return 0, true
	}
	sig = unix.SignalNum("SIG" + name)
	return sig, sig != 0
}

func signalNumber(l *vm.State) int {
	sig, ok := signal(l, 1)
	if !ok {
		return api.Fail(l, "unknown signal name")
	}
	l.PushInt(int(sig))
	return 1
}

func signalKill(l *vm.State) int {
	if !l.Arg(1).Truthy() || !l.Arg(2).Truthy() {
		l.Errorf("assertion failed!")
	}
	sig, ok := signal(l, 2)
	if !ok {
		return api.Fail(l, "unknown signal name")
	}
	if err := unix.Kill(l.CheckInt(1), sig); err != nil {
		errno, _ := err.(unix.Errno) // Kill fails with nothing else
		return api.Fail(l, sock.Strerror(errno))
	}
	return l.Ret(vm.True)
}

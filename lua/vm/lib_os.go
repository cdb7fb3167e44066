package vm

import (
	"errors"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

func (vm *VM) openOS() {
	vm.library("os", []fn{
		{"execute", osExecute}, {"remove", osRemove}, {"rename", osRename}, {"tmpname", osTmpname},
		{"getenv", osGetenv}, {"exit", osExit}, {"clock", osClock}, {"date", osDate}, {"time", osTime},
		{"difftime", osDifftime}, {"setlocale", osSetlocale},
	})
}

// errnoText spells an error of the system as strerror does.
func errnoText(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		if s, ok := errnoNames[no]; ok {
			return s
		}
		s := no.Error()
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return err.Error()
}

// errnoNames are the texts whose case Go changed beyond the first letter.
var errnoNames = map[syscall.Errno]string{
	syscall.EIO:    "Input/output error",
	syscall.EMFILE: "Too many open files",
}

func errnoNumber(err error) int {
	var no syscall.Errno
	if errors.As(err, &no) {
		return int(no)
	}
	return 0
}

// fileResult returns true, or nil, the message and the error number.
func (l *State) fileResult(err error, name string) int {
	if err == nil {
		return l.ret(True)
	}
	l.Push(Nil)
	msg := errnoText(err)
	if name != "" {
		msg = name + ": " + msg
	}
	l.PushString(msg)
	l.PushInt(errnoNumber(err))
	return 3
}

func osExecute(l *State) int {
	if l.vm.Commands == nil {
		if l.Arg(1).n == tagNil {
			return l.ret(False)
		}
		l.Errorf("os.execute is not available")
	}
	if l.Arg(1).n == tagNil {
		return l.ret(True)
	}
	end, err := l.vm.Commands.Run(l, l.CheckString(1))
	return l.commandResult(end, err)
}

// commandResult returns how a command ended, as LuaJIT does with Lua 5.2's extensions.
func (l *State) commandResult(end CommandEnd, err error) int {
	if err != nil {
		return l.fileResult(err, "")
	}
	what, code := "exit", end.Code
	if end.Signal != 0 {
		what, code = "signal", end.Signal
	}
	l.Push(Nil)
	if end == (CommandEnd{}) {
		l.stack[l.top-1] = True
	}
	l.PushString(what)
	l.PushInt(code)
	return 3
}

func osRemove(l *State) int {
	n := l.CheckString(1)
	return l.fileResult(os.Remove(n), n)
}

func osRename(l *State) int {
	n := l.CheckString(1)
	return l.fileResult(os.Rename(n, l.CheckString(2)), n)
}

func osTmpname(l *State) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		l.Errorf("unable to generate a unique filename")
	}
	f.Close()
	return l.ret(String(f.Name()))
}

func osGetenv(l *State) int {
	lookup := l.vm.Getenv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	if s, ok := lookup(l.CheckString(1)); ok {
		return l.ret(String(s))
	}
	return l.ret(Nil)
}

// osExit ends the process where the host allows it, else it ends the run with an error.
func osExit(l *State) int {
	code := 0
	switch v := l.Arg(1); {
	case v.n == tagFalse:
		code = 1
	case v.n == tagTrue, v.n == tagNil:
	default:
		code = l.CheckInt(1)
	}
	if l.vm.Exit == nil {
		l.Errorf("os.exit is not available")
	}
	l.vm.Exit(code)
	return 0
}

func osClock(l *State) int {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return l.ret(Int(-1))
	}
	us := (ru.Utime.Sec+ru.Stime.Sec)*1e6 + int64(ru.Utime.Usec+ru.Stime.Usec)
	return l.ret(Number(float64(us) / 1e6))
}

func osDifftime(l *State) int { return l.ret(Number(l.CheckNumber(1) - l.OptNumber(2, 0))) }

func osSetlocale(l *State) int {
	switch s := l.OptString(1, "C"); s {
	case "", "C", "POSIX":
		return l.ret(String("C"))
	}
	return l.ret(Nil)
}

func osTime(l *State) int {
	if l.Arg(1).n == tagNil {
		return l.ret(Int(int(time.Now().Unix())))
	}
	t := l.CheckTable(1)
	field := func(k string, def int) int {
		v := t.GetString(k)
		f, ok := toNumber(v)
		if !ok {
			if def < 0 {
				l.Errorf("field '%s' missing in date table", k)
			}
			return def
		}
		return int(f)
	}
	sec, mi, h := field("sec", 0), field("min", 0), field("hour", 12)
	d, mo, y := field("day", -1), field("month", -1), field("year", -1)
	tm := time.Date(y, time.Month(mo), d, h, mi, sec, 0, time.Local)
	if dst := t.GetString("isdst"); dst.n == tagTrue && !tm.IsDST() {
		tm = tm.Add(-time.Hour)
	}
	return l.ret(Int(int(tm.Unix())))
}

func osDate(l *State) int {
	f := l.OptString(1, "%c")
	tm := time.Now()
	if l.Arg(2).n != tagNil {
		n := math.Floor(l.CheckNumber(2))
		if n != n || n > 1<<55 || n < -(1<<55) {
			return l.ret(Nil)
		}
		tm = time.Unix(int64(n), 0)
	}
	if strings.HasPrefix(f, "!") {
		tm = tm.UTC()
		f = f[1:]
	}
	if strings.HasPrefix(f, "*t") {
		t := l.vm.NewTable(0, 9)
		set := func(k string, v int) { t.SetString(k, Int(v)) }
		set("sec", tm.Second())
		set("min", tm.Minute())
		set("hour", tm.Hour())
		set("day", tm.Day())
		set("month", int(tm.Month()))
		set("year", tm.Year())
		set("wday", int(tm.Weekday())+1)
		set("yday", tm.YearDay())
		t.SetString("isdst", Bool(tm.IsDST()))
		return l.ret(mkTable(t))
	}
	l.PushBytes(strftime(nil, f, tm))
	return 1
}

package ngx

import (
	"strconv"
	"strings"

	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
)

var logFuncs = []api.Func{
	{Name: "log", In: api.Any, Args: "(level, ...)", Doc: "Writes to the error log.", Run: logAt},
}

func logAt(l *vm.State) int {
	level := l.CheckInt(1)
	if level < 0 || level > 8 {
		l.ArgError(1, "bad log level: "+strconv.Itoa(level))
	}
	writeLog(l, errlog.Level(level), 2)
	return 0
}

// printLog is the global function print.
func printLog(l *vm.State) int {
	writeLog(l, http.LogNotice, 1)
	return 0
}

// writeLog logs the arguments from number first on, behind the file, line and function they come from.
func writeLog(l *vm.State, level errlog.Level, first int) {
	c := api.Of(l)
	if !c.LogOn(level) {
		return
	}
	b := append(make([]byte, 0, 128), "[lua] "...)
	src, line, name := l.Caller(1)
	if i := strings.LastIndexByte(src, '/'); i >= 0 {
		src = src[i+1:]
	}
	b = append(b, src...)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(line), 10)
	b = append(b, ": "...)
	if name != "" {
		b = append(b, name...)
		b = append(b, "(): "...)
	}
	for i, n := first, l.Top(); i <= n; i++ {
		b = appendLogged(l, b, i, i-first+1)
	}
	c.Log(level, string(b))
}

// appendLogged appends argument i, which messages call number n: the level is not counted.
func appendLogged(l *vm.State, b []byte, i, n int) []byte {
	v := l.Arg(i)
	switch v.Type() {
	case vm.TypeTable:
		mm := vm.Nil
		if mt := v.AsTable().Metatable(); mt != nil {
			mm = mt.GetString("__tostring")
		}
		if mm.IsNil() {
			l.ArgError(n, "expected table to have __tostring metamethod")
		}
		l.Push(mm)
		l.Push(v)
		l.Call(1, 1)
		return append(b, l.Pop1().Text()...)
	case vm.TypeFunction, vm.TypeUserdata, vm.TypeThread:
		l.ArgError(n, "string, number, boolean, or nil expected, got "+v.TypeName())
	}
	return appendText(b, v)
}

// WarnGlobal warns of a global variable that a request creates; it is the VM's OnGlobalWrite.
func WarnGlobal(l *vm.State, name string) {
	c := api.Of(l)
	if c.Phase&(api.Init|api.InitWorker) != 0 || !c.LogOn(http.LogWarn) {
		return
	}
	c.Log(http.LogWarn, "[lua] _G write guard:"+strconv.Itoa(guardLine)+": __newindex(): writing a global Lua variable ('"+name+
		"') which may lead to race conditions between concurrent requests, so prefer the use of 'local' variables"+
		l.Traceback("", 0))
}

// guardLine is the line that OpenResty's own guard logs from.
const guardLine = 12

package ngx

import (
	"strconv"

	"weir/appliance/errlog"
	"weir/lua/api"
	"weir/lua/vm"
)

var errlogFuncs = []api.Func{
	{Name: "raw_log", In: api.Any, Args: "(level, message)", Doc: "Writes to the error log without the place in the script.", Run: rawLog},
	{Name: "get_sys_filter_level", In: api.Any, Args: "()", Doc: "Returns the level of the error log.", Run: logLevel},
	{Name: "set_filter_level", In: api.Any, Args: "(level)", Doc: "Has only lines up to a level kept for get_logs from now on; needs lua_capture_error_log.", Run: setFilterLevel},
	{Name: "get_logs", In: api.Any, Args: "(max?, table?)", Doc: "Takes the oldest lines, ten or as many as said, that this worker has written to error logs: level, time and text of each, one after the other; needs lua_capture_error_log.", Run: getLogs},
}

func rawLog(l *vm.State) int {
	level, ok := l.Arg(1).AsNumber()
	if !ok {
		l.Errorf("bad argument #1 to 'raw_log' (must be a number)")
	}
	msg, ok := l.Arg(2).AsString()
	if !ok {
		l.Errorf("bad argument #2 to 'raw_log' (must be a string)")
	}
	if level < 0 || level > 8 {
		l.Errorf("bad log level")
	}
	api.Of(l).Log(errlog.Level(level), msg)
	return 0
}

func logLevel(l *vm.State) int {
	c := api.Of(l)
	for level := errlog.Debug; level > errlog.Stderr; level-- {
		if c.LogOn(level) {
			return l.Ret(vm.Int(int(level)))
		}
	}
	return l.Ret(vm.Int(0))
}

const notCaptured = `directive "lua_capture_error_log" is not set`

func setFilterLevel(l *vm.State) int {
	if !l.Arg(1).Truthy() {
		return api.Fail(l, `missing "level" argument`)
	}
	level := l.CheckInt(1)
	c := api.EnvOf(l).Capture()
	switch {
	case c == nil:
		return api.Fail(l, notCaptured)
	case level < int(errlog.Stderr) || level > int(errlog.Debug):
		return api.Fail(l, "bad log level: "+strconv.Itoa(level))
	}
	c.SetFilter(errlog.Level(level))
	return l.Ret(vm.True)
}

// defaultLogs is how many lines get_logs takes where nothing is said.
const defaultLogs = 10

func getLogs(l *vm.State) int {
	most := defaultLogs
	if l.Arg(1).Truthy() {
		most = l.CheckInt(1)
	}
	logs := l.Arg(2).AsTable()
	if logs == nil {
		logs = l.VM().NewTable(3*min(max(most, 0), defaultLogs)+1, 0)
	}
	c := api.EnvOf(l).Capture()
	if c == nil && most > 0 {
		return api.Fail(l, notCaptured)
	}
	n := 0
	for range most {
		line, ok := c.Take()
		if !ok {
			break
		}
		logs.SetInt(n+1, vm.Int(int(line.Level)))
		logs.SetInt(n+2, vm.Number(line.Time))
		logs.SetInt(n+3, vm.String(line.Text))
		n += 3
	}
	if most > 0 {
		logs.SetInt(n+1, vm.Nil) // what was in the table before ends here
	}
	return l.Ret(logs.Value())
}

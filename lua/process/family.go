package process

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"weir/appliance/cycle"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/sock"
)

// Family is ngx.pipe, os.execute and io.popen.
var Family = api.Family{
	Name:  "ngx.pipe",
	Doc:   "Commands, run by a process of their own. os.execute and io.popen of Lua run commands the same way.",
	State: api.NewState(&states, newState),
	Tables: []api.Table{
		{Path: "ngx.pipe", Module: true, Funcs: []api.Func{
			{Name: "spawn", In: api.Any, Args: "(args, options?)", Doc: "Starts a command: a list of the program and its arguments, or a text for the shell.", Run: spawn},
		}},
		{Path: "proc", Meta: metaProc, Funcs: []api.Func{
			{Name: "pid", In: api.Any, Args: "()", Doc: "Returns the number of the process.", Run: pid},
			{Name: "set_timeouts", In: api.Any, Args: "(write?, stdout_read?, stderr_read?, wait?)", Doc: "Limits how long operations wait, in milliseconds; 0 is for ever.", Run: setTimeouts},
			{Name: "wait", In: api.Yieldable, Args: "()", Doc: "Waits until the process has ended, and tells how.", Run: waitProc},
			{Name: "kill", In: api.Any, Args: "(signal)", Doc: "Sends a signal.", Run: kill},
			{Name: "shutdown", In: api.Any, Args: "(direction)", Doc: "Closes stdin, stdout or stderr.", Run: shutdown},
			{Name: "write", In: api.Yieldable, Args: "(data)", Doc: "Writes to standard input.", Run: write},
			{Name: "stdout_read_all", In: api.Yieldable, Args: "()", Doc: "Reads standard output to its end.", Run: reader(false, readAll)},
			{Name: "stdout_read_line", In: api.Yieldable, Args: "()", Doc: "Reads a line of standard output.", Run: reader(false, readLine)},
			{Name: "stdout_read_bytes", In: api.Yieldable, Args: "(n)", Doc: "Reads n bytes of standard output.", Run: reader(false, readBytes)},
			{Name: "stdout_read_any", In: api.Yieldable, Args: "(max)", Doc: "Reads what there is of standard output.", Run: reader(false, readAny)},
			{Name: "stderr_read_all", In: api.Yieldable, Args: "()", Doc: "Reads standard error to its end.", Run: reader(true, readAll)},
			{Name: "stderr_read_line", In: api.Yieldable, Args: "()", Doc: "Reads a line of standard error.", Run: reader(true, readLine)},
			{Name: "stderr_read_bytes", In: api.Yieldable, Args: "(n)", Doc: "Reads n bytes of standard error.", Run: reader(true, readBytes)},
			{Name: "stderr_read_any", In: api.Yieldable, Args: "(max)", Doc: "Reads what there is of standard error.", Run: reader(true, readAny)},
		}},
	},
	Open: func(e *api.Env) {
		if commands(e) != nil {
			e.VM.Commands = states.In(e)
		}
	},
	Close: func(e *api.Env) { states.In(e).close() },
}

// metaProc names the metatable of processes.
const metaProc = "ngx.pipe.proc"

var states api.Slot[state]

// state is what a VM has of commands; it implements vm.Commands.
type state struct {
	env   *api.Env
	files map[*popen]struct{} // of io.popen, not closed
}

func newState(e *api.Env) *state { return &state{env: e, files: make(map[*popen]struct{})} }

// close ends what io.popen has left open.
func (st *state) close() {
	for f := range st.files {
		f.abandon()
	}
}

// commands is what runs commands for the VM; nil where nothing does.
func commands(e *api.Env) cycle.Commands {
	if e.Gen == nil || e.Gen.Cycle == nil {
		return nil
	}
	return e.Gen.Cycle.Commands
}

// self returns the process of a method call.
func self(l *vm.State) *proc {
	p, ok := api.Held[*proc](l.Arg(1))
	if !ok {
		l.Errorf("not a process instance")
	}
	return p
}

// How long a command may hold up the thread that waits for it, where Lua may not wait.
const (
	maxHold  = 10 * time.Second // a worker, with all its requests
	maxDelay = time.Minute      // the start, or a thread beside the loops
	endTime  = time.Second      // either, after the command was killed
)

func holdTime(c *api.Ctx) time.Duration {
	if c.Worker() != nil {
		return maxHold
	}
	return maxDelay
}

// hold waits on this thread, but no longer than limit.
func hold(limit time.Duration, done <-chan struct{}) bool {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-done:
		return true
	case <-late.C:
		return false
	}
}

// reason is an error as log lines end with it: with the number of the system's.
func reason(err error) string {
	if e := syscall.Errno(0); errors.As(err, &e) {
		return " " + string(sock.AppendErrno(nil, e))
	}
	return ": " + err.Error()
}

// words are the arguments that run a text by the shell.
func words(text string) []string { return []string{"/bin/sh", "-c", text} }

// join is table.concat of what proc:write may be given.
func join(l *vm.State, v vm.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if v.IsNumber() {
		return v.Text()
	}
	t := v.AsTable()
	if t == nil {
		l.Errorf("bad data arg: string, number, or table expected, got %s", v.TypeName())
	}
	var b strings.Builder
	for i := 1; ; i++ {
		e := t.GetInt(i)
		switch {
		case e.IsNil():
			return b.String()
		case !e.IsString() && !e.IsNumber():
			l.Errorf("invalid value (%s) at index %d in table for 'concat'", e.TypeName(), i)
		}
		b.WriteString(e.Text())
	}
}

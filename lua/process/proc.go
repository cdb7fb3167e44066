package process

import (
	"fmt"
	"slices"
	"syscall"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// proc is a process of ngx.pipe. It is what the userdata in Lua holds.
type proc struct {
	env     *api.Env
	ctx     *api.Ctx // that it ends with; nil when it has
	command string   // for the log
	process cycle.Process
	state   cycle.ProcessState // as the loop knows it

	in, out, err stream
	merged       bool // standard error goes where output goes
	timeouts     [4]int64
	size         int // of a read buffer

	closed  bool // its end was seen by wait, or it was destroyed
	waiter  wait
	waiting []*pidWait
}

// Timeouts of a process, in milliseconds; 0: none.
const (
	timeWrite = iota
	timeOut
	timeErr
	timeWait
)

// Run implements poll.Task: the process has started or ended.
func (p *proc) Run() {
	was := p.state
	p.state = p.process.State()
	if was.Ended || !p.state.Ended && was.PID == p.state.PID {
		return
	}
	if err := p.state.Err; err != nil && p.state.PID == 0 && p.ctx != nil {
		failed := "could not be started:"
		if _, ok := err.(syscall.Errno); ok {
			failed = "execvp() failed while executing"
		}
		p.ctx.Log(http.LogErr, fmt.Sprintf("lua pipe child %s %s%s", failed, p.command, reason(err)))
	}
	if p.state.Ended && p.state.PID != 0 {
		errlog.Default().Printf(errlog.Notice, 0, "signal %d (SIGCHLD) received from %d", int(syscall.SIGCHLD), p.state.PID)
	}
	for _, w := range p.waiting {
		w.thread.Wake()
	}
	p.waiting = nil
	if p.state.Ended && p.waiter.thread != nil {
		p.waiter.wake()
	}
}

// Clean implements api.Cleaner: the request or timer has ended, and the process with it.
func (p *proc) Clean() {
	p.ctx = nil
	p.destroy()
}

// destroy kills the process and ends its streams.
func (p *proc) destroy() {
	p.leave()
	if !p.process.State().Ended {
		p.process.Kill(int(syscall.SIGKILL))
	}
	p.finalize()
}

// leave takes the process off what the request or timer ends.
func (p *proc) leave() {
	if p.ctx != nil {
		p.ctx.DropClose(p)
		p.ctx = nil
	}
}

// finalize closes what is left of a process whose end was seen.
func (p *proc) finalize() {
	why := error(errAborted)
	if p.state.Ended {
		why = errClosed
	}
	p.in.close(why)
	p.out.close(why)
	p.err.close(why)
	p.closed = true
}

const errClosed = streamError("closed")

// orphan destroys a process that nothing in Lua refers to any more. The collector's goroutine posts it.
type orphan struct{ p *proc }

// Run implements poll.Task.
func (o orphan) Run() {
	if !o.p.closed {
		o.p.destroy()
	}
}

// wait is a light thread in proc:wait.
type wait struct {
	sleeper
	timedOut bool
}

// Expired implements poll.TimerOwner.
func (w *wait) Expired(*poll.Timer) {
	w.timedOut = true
	w.wake()
}

// waitProc is proc:wait.
func waitProc(l *vm.State) int {
	p := self(l)
	switch {
	case p.closed:
		return api.Fail(l, "exited")
	case p.waiter.busy:
		return api.Fail(l, "pipe busy waiting")
	}
	if !p.state.Ended && !p.awaitEnd(l) {
		return api.Fail(l, "timeout")
	}
	p.finalize()
	p.leave()
	st := p.state
	reason, status := "exit", st.Code
	if st.Signal != 0 {
		reason, status = "signal", st.Signal
	}
	l.Push(vm.Bool(status == 0))
	l.PushString(reason)
	l.PushInt(status)
	return 3
}

// awaitEnd parks until the process has ended. It returns false when the time for that has passed.
func (p *proc) awaitEnd(l *vm.State) bool {
	w := &p.waiter
	w.Owner, w.loop, w.timedOut = w, p.env.Loop(), false
	w.park(l, w, p.timeouts[timeWait])
	return !w.timedOut || p.state.Ended
}

// pidWait is a light thread in proc:pid while the process is being started.
type pidWait struct {
	p      *proc
	thread *api.Thread
}

// Abandon implements api.Waiter.
func (w *pidWait) Abandon() {
	w.p.waiting = slices.DeleteFunc(w.p.waiting, func(o *pidWait) bool { return o == w })
}

// pid is proc:pid. A process that could not be started has none.
func pid(l *vm.State) int {
	p := self(l)
	if p.state.PID == 0 && !p.state.Ended {
		p.awaitStart(l)
	}
	if p.state.PID == 0 {
		return api.Fail(l, "exited")
	}
	return l.Ret(vm.Int(p.state.PID))
}

// awaitStart waits until the process runs, or could not be started.
func (p *proc) awaitStart(l *vm.State) {
	if c := api.Of(l); !c.MayPark(l) {
		hold(holdTime(c), p.process.Started())
	} else {
		select {
		case <-p.process.Started():
		default:
			w := &pidWait{p: p, thread: c.Thread()}
			p.waiting = append(p.waiting, w)
			c.Park(l, w)
		}
	}
	p.Run()
}

// kill is proc:kill.
func kill(l *vm.State) int {
	p := self(l)
	f, ok := l.Arg(2).AsNumber()
	if !ok {
		l.Errorf("bad signal arg: number expected, got %s", l.Arg(2).Text())
	}
	switch {
	case p.closed || p.state.Ended:
		return api.Fail(l, "exited")
	case !(f >= 0 && f <= cycle.MaxSignal): // a NaN, too
		return api.Fail(l, "invalid signal")
	}
	p.process.Kill(int(f))
	return l.Ret(vm.True)
}

// shutdown is proc:shutdown.
func shutdown(l *vm.State) int {
	p := self(l)
	var s *stream
	switch direction := l.CheckString(2); direction {
	case "stdin":
		s = &p.in
	case "stdout":
		s = &p.out
	case "stderr":
		s = &p.err
	default:
		l.Errorf("bad shutdown arg: %s", direction)
	}
	switch {
	case p.closed:
		return api.Fail(l, "closed")
	case s == &p.err && p.merged:
		return api.Fail(l, "merged to stdout")
	}
	if p.state.Ended {
		s.close(errClosed)
	} else {
		s.close(errAborted)
	}
	return l.Ret(vm.True)
}

// setTimeouts is proc:set_timeouts.
func setTimeouts(l *vm.State) int {
	p := self(l)
	for i, name := range timeoutNames {
		p.setTimeout(l, i, name, l.Arg(i+2))
	}
	return 0
}

// timeoutNames are the options, by timeout.
var timeoutNames = [4]string{"write_timeout", "stdout_read_timeout", "stderr_read_timeout", "wait_timeout"}

const maxTimeout = 0xffffffff

func (p *proc) setTimeout(l *vm.State, which int, name string, v vm.Value) {
	if !v.Truthy() {
		return
	}
	f, ok := v.AsNumber()
	if !ok {
		l.Errorf("attempt to compare number with %s", v.TypeName())
	}
	if !(f >= 0 && f <= maxTimeout) {
		l.Errorf("bad %s option", name)
	}
	p.timeouts[which] = int64(f)
}

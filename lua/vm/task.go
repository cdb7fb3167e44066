package vm

import "iter"

// Task is Lua that may park: it runs a function of the host on a coroutine of its own with a Lua thread of its own.
// Whatever runs in it, a Go function called from Lua above all, may call Park: the whole Go stack is set aside, with
// all Lua frames, protected calls and Lua coroutines on it, and Resume continues it. Tasks belong to the goroutine
// that owns the VM; they are pooled with their coroutines and threads. A parked task holds a goroutine: it must be
// resumed or aborted in the end.
//
//	         Go                    Resume                  Resume
//	owner ---->---+          +------->---+           +------->---+
//	              | runs     |           | runs      |           | runs, returns: Done
//	task          +---Park---+           +---Park----+           +----> pool
type Task struct {
	vm   *VM
	l    *State
	job  func(l *State)
	next func() (struct{}, bool)
	stop func()
	park func(struct{}) bool

	running, done, aborting bool

	state runState // of the VM while the task is parked

	// Data is for the host.
	Data any
}

// maxIdleTasks bounds the pool of a VM: what is beyond it gives its goroutine back.
const maxIdleTasks = 256

// Go runs fn on a pooled task until it returns or parks. The task is only of use while it is not Done: a finished
// one may serve another call of Go.
func (vm *VM) Go(fn func(l *State)) *Task {
	t := vm.takeTask()
	t.job = fn
	t.done, t.aborting = false, false
	t.state = runState{cur: t.l, task: t}
	t.Resume()
	return t
}

func (vm *VM) takeTask() *Task {
	if n := len(vm.idle); n > 0 {
		t := vm.idle[n-1]
		vm.idle[n-1] = nil
		vm.idle = vm.idle[:n-1]
		return t
	}
	t := &Task{vm: vm, l: vm.newState()}
	t.l.status = stRunning
	vm.tasks++
	t.next, t.stop = iter.Pull(t.body)
	return t
}

// body is the coroutine: one job after the other, until the pool is closed.
func (t *Task) body(yield func(struct{}) bool) {
	t.park = yield
	for {
		t.runJob()
		t.job = nil
		t.done = true
		t.Data = nil
		t.l.reset()
		if !yield(struct{}{}) {
			return
		}
	}
}

// runJob ends quietly when the job was aborted; any other panic is the host's.
func (t *Task) runJob() {
	defer func() {
		if t.aborting {
			if s, ok := recover().(*signal); ok && s.abort {
				return
			}
		}
	}()
	t.job(t.l)
}

// Resume continues a parked task until it parks again or is done.
func (t *Task) Resume() {
	if t.running || t.done {
		panic("BUG: resume of a task that is not parked")
	}
	vm := t.vm
	outer := vm.runState
	vm.runState = t.state
	vm.stretch, vm.late = 0, vm.late && vm.overBudget()
	vm.byteBase = vm.used.Bytes
	vm.setByteLimit()
	vm.refill()
	t.running = true
	t.next()
	t.running = false
	vm.settle()
	vm.last = vm.used
	t.state, vm.runState = vm.runState, outer
	if t.done {
		t.state = runState{}
		if len(vm.idle) >= maxIdleTasks {
			vm.tasks--
			t.stop()
			return
		}
		vm.idle = append(vm.idle, t)
	}
}

// Abort ends a parked task: Park does not return, deferred functions of Go frames run, no pcall of the script sees
// anything. The task is Done afterwards.
func (t *Task) Abort() {
	if t.done {
		return
	}
	t.aborting = true
	t.Resume()
}

// Done reports whether the task's function has returned (or was aborted).
func (t *Task) Done() bool { return t.done }

// Usage returns what the run of the task has used so far, all stretches together; nothing once it is Done.
func (t *Task) Usage() Usage {
	if t.running {
		return t.vm.Usage()
	}
	return t.state.used
}

// Thread returns the Lua thread of the task.
func (t *Task) Thread() *State { return t.l }

// CloseTasks ends the coroutines of the idle tasks.
func (vm *VM) CloseTasks() {
	for _, t := range vm.idle {
		t.stop()
	}
	vm.tasks -= len(vm.idle)
	vm.idle = nil
}

// Tasks returns how many tasks there are, each with a goroutine, and how many of them are idle.
func (vm *VM) Tasks() (all, idle int) { return vm.tasks, len(vm.idle) }

// Task returns the task that runs, nil where Lua runs on the owner's own stack and must not park.
func (vm *VM) Task() *Task { return vm.task }

// CanPark reports whether the running function may park.
func (l *State) CanPark() bool { return l.vm.task != nil }

// Park sets the running task aside until Resume. The caller must hold no Go lock. It must not be called where
// CanPark says false. When the task is aborted instead, Park does not return.
func (l *State) Park() {
	t := l.vm.task
	if t == nil {
		l.Errorf("attempt to wait where waiting is not possible")
	}
	if !t.park(struct{}{}) || t.aborting {
		t.aborting = true
		panic(abortSignal)
	}
}

var abortSignal = &signal{abort: true}

// reset makes a thread as new for its next job, keeping its memory.
func (l *State) reset() {
	l.closeUpvals(0)
	if len(l.stack) > 1024 {
		l.stack = make([]Value, minStack)
		l.frames = make([]frame, 8)
	} else {
		clear(l.stack)
	}
	l.fi, l.top, l.base, l.ngo = 0, 1, 1, 0
	l.status = stRunning
	l.env = l.vm.globals
	l.User = nil
	l.exdata = [2]Value{}
}

package process

import (
	"io"
	"syscall"

	"weir/appliance/cycle"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/poll"
)

// child is a command of os.execute or io.popen, and the light thread that waits for its end.
type child struct {
	process cycle.Process
	loop    *poll.Loop // that is told of its end; nil: the VM had no worker yet
	thread  *api.Thread
}

// newChild starts a command. The files are those of cycle.Command.
func (st *state) newChild(text string, files [3]int) (*child, error) {
	ch := new(child)
	cmd := &cycle.Command{Args: words(text), Files: files}
	changed := func() {}
	if w := st.env.Worker; w != nil {
		ch.loop = w.Loop
		changed = func() { ch.loop.Post(ch) }
	}
	var err error
	ch.process, err = commands(st.env).Start(cmd, changed)
	return ch, err
}

// Run implements poll.Task: the command has started or ended.
func (ch *child) Run() {
	if ch.thread != nil && ch.process.State().Ended {
		t := ch.thread
		ch.thread = nil
		t.Wake()
	}
}

// Abandon implements api.Waiter: nobody wants the command any more.
func (ch *child) Abandon() {
	ch.thread = nil
	ch.process.KillGroup()
}

// wait waits for the end of the command.
func (ch *child) wait(l *vm.State) (vm.CommandEnd, error) {
	if c := api.Of(l); c.MayPark(l) {
		if !ch.process.State().Ended {
			ch.thread = c.Thread()
			ch.follow(c.Env().Loop())
			c.Park(l, ch)
		}
	} else if !hold(holdTime(c), ch.process.Ended()) {
		ch.process.KillGroup()
		hold(endTime, ch.process.Ended())
	}
	st := ch.process.State()
	switch {
	case !st.Ended:
		return vm.CommandEnd{Signal: int(syscall.SIGKILL)}, nil // it hangs in the kernel
	case st.Err != nil && st.PID == 0:
		return vm.CommandEnd{}, st.Err
	}
	return vm.CommandEnd{Code: st.Code, Signal: st.Signal}, nil
}

// follow has the loop told of the end of a command that was started by init_by_lua.
func (ch *child) follow(loop *poll.Loop) {
	if ch.loop != nil {
		return
	}
	ch.loop = loop
	go func() { // ends with the command
		<-ch.process.Ended()
		loop.Post(ch)
	}()
}

// Run implements vm.Commands: os.execute.
func (st *state) Run(l *vm.State, text string) (vm.CommandEnd, error) {
	ch, err := st.newChild(text, [3]int{-1, -1, -1})
	if err != nil {
		return vm.CommandEnd{}, err
	}
	return ch.wait(l)
}

// Open implements vm.Commands: io.popen.
func (st *state) Open(_ *vm.State, text string, write bool) (vm.CommandFile, error) {
	pipe, theirs, err := conn.NewPipe(write)
	if err != nil {
		return nil, err
	}
	files := [3]int{-1, theirs, -1}
	if write {
		files = [3]int{theirs, -1, -1}
	}
	ch, err := st.newChild(text, files)
	if err != nil {
		pipe.Close()
		return nil, err
	}
	f := &popen{child: ch, st: st, pipe: pipe, write: write}
	st.files[f] = struct{}{}
	return f, nil
}

// popen is a pipe of io.popen, and the light thread that reads or writes it.
type popen struct {
	*child
	st    *state
	pipe  *conn.Pipe // closed at the end of what is read: many a script never closes the file
	write bool
	ended bool // all was read
	user  *api.Thread
}

// PipeReady implements conn.PipeHandler.
func (f *popen) PipeReady(*conn.Pipe) {
	if t := f.user; t != nil {
		f.user = nil
		t.Wake()
	}
}

// pipeWait is a popen whose light thread waits for bytes, or for room.
type pipeWait popen

// Abandon implements api.Waiter. The file may be used by others, so it stays open.
func (w *pipeWait) Abandon() { w.user = nil }

// Read implements io.Reader.
func (f *popen) Read(b []byte) (int, error) {
	if f.write {
		return 0, syscall.EBADF
	}
	if f.ended {
		return 0, io.EOF
	}
	for {
		n, err := f.pipe.Read(b)
		if err == io.EOF {
			f.ended = true
			_ = f.Close()
		}
		if err != conn.ErrAgain {
			return n, err
		}
		if err := f.await(); err != nil {
			return 0, err
		}
	}
}

// Write implements io.Writer.
func (f *popen) Write(b []byte) (n int, err error) {
	if !f.write {
		return 0, syscall.EBADF
	}
	for n < len(b) {
		m, err := f.pipe.Write(b[n:])
		n += m
		if err == conn.ErrAgain {
			err = f.await()
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// await waits until the pipe is worth another try.
func (f *popen) await() error {
	e := f.st.env
	l, c := e.VM.Main(), e.Current()
	if !c.MayPark(l) {
		if !f.pipe.Wait(holdTime(c)) {
			f.process.KillGroup()
			return syscall.ETIMEDOUT
		}
		return nil
	}
	if err := f.pipe.Watch(e.Loop(), f); err != nil {
		return err
	}
	f.user = c.Thread()
	c.Park(l, (*pipeWait)(f))
	if f.pipe.Closed() {
		return io.ErrClosedPipe
	}
	return nil
}

// Close implements io.Closer.
func (f *popen) Close() error {
	delete(f.st.files, f)
	f.pipe.Close()
	f.PipeReady(nil)
	return nil
}

// Wait implements vm.CommandFile: io.popen's file was closed.
func (f *popen) Wait(l *vm.State) (vm.CommandEnd, error) { return f.wait(l) }

// abandon ends a command whose VM is gone.
func (f *popen) abandon() {
	_ = f.Close()
	if !f.process.State().Ended {
		f.process.KillGroup()
	}
}

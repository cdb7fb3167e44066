package process

import (
	"fmt"
	"runtime"
	"strings"

	"weir/appliance/cycle"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/sock"
)

// Defaults of spawn's options.
const (
	defaultTimeout = 10000 // milliseconds
	defaultBuffer  = 4096
	maxBuffer      = 1 << 20 // bytes: a larger buffer_size brings nothing
)

// spawn is ngx.pipe.spawn.
func spawn(l *vm.State) int {
	c := api.Of(l)
	if c.Phase == api.Init {
		l.Errorf("API disabled in the current context")
	}
	e := c.Env()
	p := &proc{env: e, size: defaultBuffer}
	for i := range p.timeouts {
		p.timeouts[i] = defaultTimeout
	}
	cmd := &cycle.Command{Args: argsOf(l, l.Arg(1))}
	if opts := l.Arg(2); opts.Truthy() {
		p.options(l, l.CheckTable(2), cmd)
	}
	p.command = cmd.Args[0]
	run := commands(e)
	if run == nil || e.Worker == nil {
		return api.Fail(l, "no commands are run here")
	}
	if err := p.start(run, cmd); err != nil {
		return api.Fail(l, err.Error())
	}
	p.ctx = c
	c.OnClose(p)
	u := e.VM.NewUserdata(p, e.VM.NewMetatable(metaProc))
	loop := e.Loop()
	runtime.AddCleanup(u, func(p *proc) { loop.Post(orphan{p}) }, p)
	return l.Ret(u.Value())
}

// argsOf reads what is to be run.
func argsOf(l *vm.State, v vm.Value) []string {
	if text, ok := v.AsString(); ok {
		return words(text)
	}
	t := v.AsTable()
	if t == nil {
		l.Errorf("bad args arg: table expected, got %s", v.TypeName())
	}
	var args []string
	for i := 1; ; i++ {
		a := t.GetInt(i)
		if a.IsNil() {
			break
		}
		text, ok := a.AsString()
		if !ok {
			text = a.Text()
			t.SetInt(i, vm.String(text)) // as OpenResty leaves it
		}
		args = append(args, text)
	}
	if args == nil {
		l.Errorf("bad args arg: non-empty table expected")
	}
	return args
}

// options reads spawn's second argument.
func (p *proc) options(l *vm.State, t *vm.Table, cmd *cycle.Command) {
	p.merged = t.GetString("merge_stderr").Truthy()
	if v := t.GetString("buffer_size"); v.Truthy() {
		f, ok := number(v)
		if !ok || !(f >= 1) {
			l.Errorf("bad buffer_size option")
		}
		p.size = int(min(f, maxBuffer))
	}
	if v := t.GetString("environ"); v.Truthy() {
		cmd.Env = environOf(l, v)
	}
	for i, name := range timeoutNames {
		p.setTimeout(l, i, name, t.GetString(name))
	}
}

// environOf reads the option environ; an empty one changes nothing.
func environOf(l *vm.State, v vm.Value) []string {
	t := v.AsTable()
	if t == nil {
		l.Errorf("bad environ option: table expected, got %s", v.TypeName())
	}
	var env []string
	for i := 1; ; i++ {
		e := t.GetInt(i)
		if e.IsNil() {
			return env
		}
		text, ok := e.AsString()
		if !ok {
			l.Errorf("bad value at index %d of environ option: string expected, got %s", i, e.TypeName())
		}
		if len(text) < 2 || !strings.Contains(text[1:], "=") {
			l.Errorf("bad value at index %d of environ option: 'name=[value]' format expected, got '%s'", i, text)
		}
		env = append(env, text)
	}
}

// start makes the pipes and has the command started.
func (p *proc) start(run cycle.Commands, cmd *cycle.Command) error {
	cmd.Files = [3]int{-1, -1, -1}
	streams := [3]*stream{&p.in, &p.out, &p.err}
	for i, s := range streams {
		if i == 2 && p.merged {
			cmd.Files[2] = cmd.Files[1]
			break
		}
		s.Owner, s.loop, s.reading = s, p.env.Loop(), i > 0
		var err error
		if s.pipe, cmd.Files[i], err = conn.NewPipe(i == 0); err != nil {
			p.finalize()
			closeFiles(cmd.Files)
			return fmt.Errorf("pipe failed: %s", errorText(err))
		}
	}
	loop := p.env.Loop()
	process, err := run.Start(cmd, func() { loop.Post(p) })
	if err != nil {
		p.finalize()
		return err
	}
	p.process = process
	return nil
}

// closeFiles closes what no command was given.
func closeFiles(fds [3]int) {
	for _, fd := range fds {
		if fd >= 0 {
			sock.Close(fd)
		}
	}
}

package api

import "weir/lua/vm"

// garbage is the task of a worker's loop that calls the __gc metamethods of what the collector has found dead in a VM.
type garbage struct{ e *Env }

// Run implements poll.Task. The metamethods run as timers do, but may not wait.
func (g garbage) Run() {
	e := g.e
	c := e.NewCtx(nil, Timer)
	defer c.Close()
	c.SetSettings(e.Settings)
	_ = e.CallAside(c, Timer, e.VM.NewFunction("collect", collect), nil, 0, nil) // their errors are nobody's
}

func collect(l *vm.State) int {
	l.VM().RunFinalizers(l)
	return 0
}

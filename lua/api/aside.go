package api

import "weir/lua/vm"

// Aside returns a context for a script of a phase that OpenResty lets nothing wait in, and lua_phase_io relaxed does:
// a filter, set, log, balancer. It runs beside what c runs, the content handler's Lua for one, with threads, exit code
// and cosockets of its own; ngx.ctx and what concerns the response are those of c. Whoever takes it closes it; the end
// of c does so before, except for log.
func (c *Ctx) Aside(p Phase) *Ctx {
	a := c.env.NewCtx(c.R, p)
	a.base, a.Relaxed, a.fixed, a.Meter = c, true, c.fixed, c.Meter
	c.asides = append(c.asides, a)
	return a
}

// Base is the request's own context; c itself unless it is an Aside.
func (c *Ctx) Base() *Ctx {
	if c.base != nil {
		return c.base
	}
	return c
}

// RunAside runs fn in c, an Aside or the context of an init_worker that may wait, as Start does in other phases: it reports whether that is over, else OnDone is
// called when it is. take reads nres results (nil to drop them). Err tells how it ended.
func (c *Ctx) RunAside(fn *vm.Function, nres int, take func(c *Ctx, l *vm.State, n int)) (over bool) {
	t := c.env.takeThread(c)
	t.fn, t.nres, t.take = fn.Value(), nres, take
	c.entry = t
	if c.Meter != nil { // not that of a content handler whose output runs this filter
		t.meter = c.Meter
	}
	t.meter.Runs++
	t.launch()
	c.drain()
	return c.settle()
}

// Err is the error that ended an Aside, nil for none. A panic of Go code is logged already and fails it without one.
func (c *Ctx) Err() *vm.Error { return c.err }

// HeaderSent reports whether the response header has left, as the running phase sees it: a header filter that waits
// still has it to itself.
func (c *Ctx) HeaderSent() bool { return c.Phase != HeaderFilter && c.R.HeaderSent() }

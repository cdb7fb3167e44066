package phase

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/cjson"
	"weir/lua/ngx"
	"weir/lua/vm"
)

var registered sync.Once

// prepare begins a configuration.
func prepare(b *http.Builder) error {
	registered.Do(families.Register)
	m := main.In(b)
	m.prefix = b.Cycle().Prefix
	m.gen = b.Generation()
	m.lua = api.Main.In(b)
	return nil
}

// finish adds the handlers of the configuration and runs init_by_lua: its failure is one of the configuration.
func finish(b *http.Builder) error {
	m := main.In(b)
	for _, h := range []struct {
		at    int
		phase http.Phase
		run   http.Handler
	}{
		{atServerRewrite, http.ServerRewrite, serverRewrite}, {atRewrite, http.Rewrite, rewriteLocation},
		{atAccess, http.Access, access}, {atPrecontent, http.Precontent, precontent},
	} {
		switch {
		case !uses(h.at)(b):
		case m.noPostpone[h.at].V || h.at == atServerRewrite: // it sees the path as it came
			b.AddHandlerFirst(h.phase, h.run)
		default:
			b.AddHandler(h.phase, h.run)
		}
	}
	if err := setProxySSL(b); err != nil {
		return err
	}
	if err := m.setHandshakes(b); err != nil {
		return err
	}
	root := *api.Locations.In(m.lua.Root)
	root.Merge(new(api.Settings))
	m.root = &root
	if !m.used(b) {
		return nil
	}
	b.Cycle().OnFinish(m.begin)
	return nil
}

// begin runs init_by_lua when the configuration has been read.
func (m *mainConf) begin() error {
	check := m.gen.Cycle.Check
	if check && m.init == nil {
		return nil
	}
	e := m.bareEnv(nil, false)
	m.shadows = m.findShadows(e.VM)
	end := m.captureInit()
	err := m.initialise(e)
	end()
	if err != nil {
		return err
	}
	if check {
		e.Close()
		return nil
	}
	m.made = e
	return nil
}

// used reports whether the configuration has any Lua.
func (m *mainConf) used(*http.Builder) bool { return len(m.scripts) > 0 }

// bareEnv makes a VM for the configuration.
func (m *mainConf) bareEnv(w *http.Worker, fresh bool) *api.Env {
	v := vm.New()
	v.OpenLibs()
	v.Compile = cache.Compile
	v.Getenv = m.getenv
	cjson.Open(v)
	m.setPaths(v)
	m.limit(v, 1)
	e := api.New(v, w, m.gen, families)
	e.Config = &vmState{fns: make([]loaded, len(m.scripts)), conf: m, fresh: fresh}
	e.Settings = m.root
	e.Main = m.lua
	e.Prefix = m.prefix
	e.Workers = m.gen.Cycle.Core.Workers
	e.Quiet = m.gen.Cycle.Check
	e.Bare = func() *api.Env {
		b := m.bareEnv(nil, true)
		b.VM.SetBudget(vm.Budget{}) // what runs beside the loop may take its time
		return b
	}
	v.OnGlobalWrite = ngx.WarnGlobal
	if w != nil {
		e.Begin(w)
	}
	return e
}

// newEnv makes a VM for the configuration and runs init_by_lua in it.
func (m *mainConf) newEnv(w *http.Worker, fresh bool) (*api.Env, error) {
	e := m.bareEnv(w, fresh)
	if err := m.initialise(e); err != nil {
		return nil, err
	}
	return e, nil
}

// initialise runs init_by_lua in a new VM, if there is one; the VM is closed where it fails.
func (m *mainConf) initialise(e *api.Env) error {
	if m.init == nil {
		return nil
	}
	err := m.runInit(e)
	if err != nil {
		e.Close()
	}
	return err
}

// runInit runs init_by_lua.
func (m *mainConf) runInit(e *api.Env) error {
	c := e.NewCtx(nil, api.Init)
	c.SetSettings(m.root)
	defer c.Close()
	v := e.VM
	hook := v.OnGlobalWrite
	v.OnGlobalWrite = nil
	defer func() { v.OnGlobalWrite = hook }()
	fn, err := m.initFunction(e)
	if err != nil {
		return err
	}
	c.Meter = m.meter(e, m.init)
	m.limit(v, initFactor)
	defer m.limit(v, 1)
	if err := e.CallAside(c, api.Init, fn, nil, 0, nil); err != nil {
		return m.initFailed(ngx.ErrorWithTrace(err))
	}
	return nil
}

// initFailed logs why init_by_lua failed, as nginx does, and makes an error of it.
func (m *mainConf) initFailed(why string) error {
	name := "init_by_lua"
	if m.init.file != nil {
		name = "init_by_lua_file"
	}
	msg := name + " error: " + why
	errlog.Default().Write(errlog.Error, 0, []byte(msg))
	return errors.New(msg)
}

func (m *mainConf) initFunction(e *api.Env) (*vm.Function, error) {
	fn, err := m.compile(e, m.init)
	if err != nil {
		return nil, m.initFailed(err.Error())
	}
	return fn, nil
}

// compile returns the function of a script that belongs to no request.
func (m *mainConf) compile(e *api.Env, sc *code) (*vm.Function, error) {
	var p *vm.Proto
	var err error
	if sc.file == nil {
		p, err = cache.Compile(sc.text, sc.name)
	} else {
		path, _ := sc.file.Constant()
		p, err = cache.File(m.path(string(path)), true)
	}
	if err != nil {
		return nil, err
	}
	return e.VM.Load(p), nil
}

// meter is what counts the runs of a script that belongs to no request.
func (m *mainConf) meter(e *api.Env, sc *code) *api.Meter {
	if sc.file == nil {
		return e.Meter(sc.phase, sc.name[1:])
	}
	path, _ := sc.file.Constant()
	return e.Meter(sc.phase, m.path(string(path)))
}

// setPaths applies lua_package_path and lua_package_cpath.
func (m *mainConf) setPaths(v *vm.VM) {
	pkg := v.Globals().GetString("package").AsTable()
	for _, p := range []struct{ name, value string }{{"path", m.lua.PackagePath}, {"cpath", m.lua.PackageCPath}} {
		if p.value == "" {
			continue
		}
		def, _ := pkg.GetString(p.name).AsString()
		value := strings.ReplaceAll(p.value, ";;", ";\x01;")
		value = strings.TrimPrefix(value, ";\x01")
		if strings.HasPrefix(p.value, ";;") {
			value = "\x01" + value
		}
		value = strings.TrimSuffix(strings.ReplaceAll(value, "\x01", def), ";")
		pkg.SetString(p.name, vm.String(value))
	}
}

// expandPrefix replaces $prefix and ${prefix}.
func expandPrefix(path, prefix string) string {
	return strings.NewReplacer("${prefix}", prefix, "$prefix", prefix).Replace(path)
}

func newWorker(*http.Worker) *api.Worker { return &api.Worker{} }

// startWorker makes the VM of a configuration that a worker is going to take, and runs init_worker_by_lua in it. With
// lua_phase_io relaxed the script may wait, and the worker with it.
func startWorker(w *http.Worker, g *http.Generation, ready func()) {
	m := main.Of(g)
	local := api.Workers.Of(w)
	if next := local.Next; next != nil { // a configuration that was not taken in the end
		local.Next = nil
		next.Retire()
	}
	if !m.used(nil) {
		errlog.CaptureThread(nil)
		ready()
		return
	}
	e := m.take()
	m.capture(w, e != nil)
	if e != nil {
		m.noteShadows()
	} else {
		var err error
		if e, err = m.newEnv(w, false); err != nil {
			// It has run once without an error, when the configuration was read. What it left undone is missed here.
			errlog.Default().Write(errlog.Error, 0, []byte(err.Error()))
			e = m.bareEnv(w, false)
		}
	}
	e.Begin(w)
	e.OnRetired = retired
	e.Renew = func() { w.Loop.Post(&renewal{w, g, e}) }
	local.Next = e
	local.Fresh, local.Late = freshEnv, func(g *http.Generation) *api.Env { return lateEnv(w, g) }
	if m.root.Relaxed.V && m.initWorker != nil {
		m.startRelaxed(e, ready)
		return
	}
	m.runWorker(e, m.initWorker, api.InitWorker)
	ready()
}

// initWorker has a worker use the VM of the configuration that it takes now. That of the configuration before lives on
// until its requests and timers have ended.
func initWorker(w *http.Worker, _ *http.Generation) {
	local := api.Workers.Of(w)
	old := local.Current
	local.Current, local.Next = local.Next, nil
	if old != nil {
		local.Older = append(local.Older, old)
		old.Hold() // requests that have not run any Lua yet
		old.Retire()
		if !w.AfterLast(old.Release) {
			old.Release()
		}
	}
}

// lateEnv makes a VM of a configuration that the worker has left. It lives until nothing uses it. No
// init_worker_by_lua runs in it: its timers have ended.
func lateEnv(w *http.Worker, g *http.Generation) *api.Env {
	m := main.Of(g)
	e, err := m.newEnv(w, false)
	if err != nil { // logged
		e = m.bareEnv(w, false)
	}
	local := api.Workers.Of(w)
	local.Older = append(local.Older, e)
	e.OnRetired = leaveOlder
	w.Loop.Post(expiry{e})
	return e
}

// expiry retires a VM when the request that it was made for has begun to use it.
type expiry struct{ e *api.Env }

// Run implements poll.Task.
func (x expiry) Run() { x.e.Retire() }

// renewal gives a worker another VM of the same configuration, as a new worker process would have one.
type renewal struct {
	w *http.Worker
	g *http.Generation
	e *api.Env // the VM that asked
}

// Run implements poll.Task. A VM that is on its way out, or not yet in use, has nothing to renew.
func (n *renewal) Run() {
	if local := api.Workers.Of(n.w); local.Current == n.e && local.Next == nil && !n.w.Exiting() {
		startWorker(n.w, n.g, func() { initWorker(n.w, n.g) })
	}
}

// startRelaxed runs init_worker_by_lua as a light thread; ready is called when it has ended.
func (m *mainConf) startRelaxed(e *api.Env, ready func()) {
	fn, err := m.compile(e, m.initWorker)
	c := e.NewCtx(nil, api.InitWorker)
	c.SetSettings(m.root)
	c.Relaxed = true
	c.Meter = m.meter(e, m.initWorker)
	over := func(c *api.Ctx) {
		if c.Failed && c.Err() != nil {
			err = errors.New(ngx.ErrorWithTrace(c.Err()))
		}
		m.endWorkerScript(c, m.initWorker, err)
		ready()
	}
	c.OnDone = over
	if err != nil || c.RunAside(fn, 0, nil) {
		over(c)
	}
}

// take returns the VM that init_by_lua ran in, to the first worker that asks.
func (m *mainConf) take() *api.Env {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.made
	m.made = nil
	return e
}

// runWorker runs a script that belongs to no request.
func (m *mainConf) runWorker(e *api.Env, sc *code, p api.Phase) {
	if sc == nil {
		return
	}
	c := e.NewCtx(nil, p)
	c.SetSettings(m.root)
	fn, err := m.compile(e, sc)
	if err == nil {
		c.Meter = m.meter(e, sc)
		if lerr := e.CallAside(c, p, fn, nil, 0, nil); lerr != nil {
			err = errors.New(ngx.ErrorWithTrace(lerr))
		}
	}
	m.endWorkerScript(c, sc, err)
}

// endWorkerScript logs the error of a script that belongs to no request, and closes its context.
func (m *mainConf) endWorkerScript(c *api.Ctx, sc *code, err error) {
	if err != nil {
		name := sc.phase.Name() + "_by_lua"
		if sc.file != nil {
			name += "_file"
		}
		c.Phase = 0 // the name says which it was
		c.Log(errlog.Error, name+" error: "+err.Error())
	}
	c.Close()
}

// exiting has the timers of a worker that begins to end run now, prematurely.
func exiting(w *http.Worker) {
	local := api.Workers.Of(w)
	for _, e := range append(slices.Clone(local.Older), local.Current) {
		if e != nil {
			e.Exiting()
		}
	}
}

// exitWorker runs exit_worker_by_lua of a worker that ends.
func exitWorker(w *http.Worker) {
	local := api.Workers.Of(w)
	for _, e := range append(slices.Clone(local.Older), local.Current) {
		if e != nil {
			e.End()
		}
	}
	errlog.CaptureThread(nil)
}

// retired runs exit_worker_by_lua when the last request of a VM's configuration has ended on its worker.
func retired(e *api.Env) {
	m := stateOf(e).conf
	m.runWorker(e, m.exitWorker, api.ExitWorker)
	leaveOlder(e)
}

func leaveOlder(e *api.Env) {
	local := api.Workers.Of(e.Worker)
	local.Older = slices.DeleteFunc(local.Older, func(o *api.Env) bool { return o == e })
}

// freshEnv makes the VM of one request where lua_code_cache is off, nil elsewhere; init_by_lua runs in it, and scripts
// fail where that does. Subrequests of ngx.location share that of the script that made them.
func freshEnv(r *http.Request) *api.Env {
	if api.Locations.Of(r).CodeCache.V {
		return nil
	}
	if ngx.Captured(r) {
		return api.For(r.Parent()).Env()
	}
	m := main.Of(r.Generation())
	e, err := m.newEnv(r.Worker(), true)
	if err != nil {
		e = m.bareEnv(r.Worker(), true)
		stateOf(e).failed = true
	}
	r.Release(retireEnv, e)
	return e
}

func retireEnv(data any) { data.(*api.Env).Retire() }

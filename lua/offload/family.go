package offload

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
)

// Family is ngx.run_worker_thread.
var Family = api.Family{
	Name: "ngx.run_worker_thread",
	Doc:  "Lua beside the event loop.",
	Tables: []api.Table{{Path: "ngx", Funcs: []api.Func{
		{Name: "run_worker_thread", In: api.Yieldable, Args: "(pool, module, function, ...)", Run: run,
			Doc: "Calls a function of a module in a thread pool and waits for it; returns true and its results, or false and an error."},
	}}},
}

// Module has the directive of the VMs' number.
var Module = http.Module{
	Name: "http_lua_offload",
	Main: http.NewMain(&pools, func() *config { return &config{queues: make(map[string]*queue)} }, nil),
	Directives: []conf.Directive{
		{Name: "lua_worker_thread_vm_pool_size", In: conf.HTTP, Args: conf.Take1, Default: "10",
			Set: conf.Num(func(c *config) *conf.Opt[int] { return &c.size }, 0, conf.NoMax),
			Doc: "Limits the VMs of ngx.run_worker_thread, and with them what runs at once."},
	},
}

var pools http.MainSlot[config]

const defaultVMs = 10

// wait is what a light thread waits for. It is the loop's task when the function has come to its end.
type wait struct {
	thread    *api.Thread
	abandoned bool
	job       *job
}

// Abandon lets the function run to its end for nobody.
func (w *wait) Abandon() { w.abandoned = true }

// Run is called on the loop.
func (w *wait) Run() {
	if !w.abandoned {
		w.thread.Wake()
	}
}

// refuse returns false and a message.
func refuse(l *vm.State, msg string) int {
	l.PushBool(false)
	l.PushString(msg)
	return 2
}

// text returns the n-th argument where it is a string or a number.
func text(l *vm.State, n int) (string, bool) {
	if v := l.Arg(n); !v.IsString() && !v.IsNumber() {
		return "", false
	}
	return l.CheckString(n), true
}

func run(l *vm.State) int {
	if l.Top() < 3 {
		return refuse(l, "expecting at least 3 arguments")
	}
	e, j := api.EnvOf(l), &job{}
	name, ok := text(l, 1)
	if !ok {
		return refuse(l, "threadpool should be a string")
	}
	q := pools.Of(e.Gen).queue(e.Gen, name)
	if q == nil {
		return refuse(l, "thread pool "+name+" not found")
	}
	if j.module, ok = text(l, 2); !ok {
		return refuse(l, "module name should be a string")
	}
	if j.function, ok = text(l, 3); !ok {
		return refuse(l, "function name should be a string")
	}
	for i := 4; i <= l.Top(); i++ {
		v, why := clone(l.Arg(i), 1)
		if why != "" {
			return refuse(l, why+" in the argument")
		}
		j.args = append(j.args, v)
	}
	if j.env = pools.Of(e.Gen).take(e); j.env == nil {
		return refuse(l, "no available Lua vm")
	}
	c := api.Of(l)
	w := &wait{thread: c.Thread(), job: j}
	j.loop, j.done = e.Loop(), w
	q.post(j)
	c.Park(l, w)
	for _, v := range j.results {
		l.Push(v)
	}
	return len(j.results)
}

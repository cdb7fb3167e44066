package offload

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// config is the VMs and queues of a configuration, shared by its workers.
type config struct {
	size conf.Opt[int]

	mu     sync.Mutex // guards what follows
	idle   []*api.Env
	made   int
	queues map[string]*queue
}

// take returns a VM that nobody uses, with the module path of e; nil where there are none left.
func (c *config) take(e *api.Env) *api.Env {
	path := e.VM.Globals().GetString("package").AsTable()
	c.mu.Lock()
	var v *api.Env
	if n := len(c.idle); n > 0 {
		v, c.idle = c.idle[n-1], c.idle[:n-1]
	} else if c.made < c.size.Or(defaultVMs) {
		c.made++
		c.mu.Unlock()
		v = newVM(e)
		c.mu.Lock()
	}
	c.mu.Unlock()
	if v != nil && path != nil {
		pkg := v.VM.Globals().GetString("package").AsTable()
		pkg.SetString("path", path.GetString("path"))
		pkg.SetString("cpath", path.GetString("cpath"))
	}
	return v
}

// put gives a VM back; one that is broken is dropped.
func (c *config) put(v *api.Env, broken bool) {
	c.mu.Lock()
	if broken {
		c.made--
	} else {
		c.idle = append(c.idle, v)
	}
	c.mu.Unlock()
}

// allowed is what functions beside the loop have of the ngx table.
const allowed = "config shared null encode_base64 decode_base64 encode_args decode_args escape_uri unescape_uri quote_sql_str " +
	"crc32_short crc32_long md5 md5_bin sha1_bin hmac_sha1"

// newVM makes a VM of e's configuration without a worker.
func newVM(e *api.Env) *api.Env {
	v := e.Bare()
	v.VM.OnGlobalWrite = nil
	full, ngx := v.Table("ngx"), vm.NewTable(0, 20)
	for name := range strings.FieldsSeq(allowed) {
		ngx.SetString(name, full.GetString(name))
	}
	v.VM.Globals().SetString("ngx", ngx.Value())
	v.VM.SetModule("ngx", ngx.Value())
	return v
}

// queue is what a thread pool has to do.
type queue struct {
	conf    *config
	threads int

	mu      sync.Mutex // guards what follows
	running int        // goroutines
	waiting []*job
}

// queue returns the queue of a pool, nil where thread_pool names none.
func (c *config) queue(g *http.Generation, name string) *queue {
	parameters, ok := g.Cycle.Core.ThreadPools[name]
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.queues[name]
	if q == nil {
		q = &queue{conf: c, threads: threads(parameters)}
		c.queues[name] = q
	}
	return q
}

// threads reads the parameters of thread_pool, which were checked.
func threads(parameters string) int {
	for p := range strings.FieldsSeq(parameters) {
		if n, ok := strings.CutPrefix(p, "threads="); ok {
			if n, err := strconv.Atoi(n); err == nil && n > 0 {
				return n
			}
		}
	}
	return 1
}

// post has a job done. The number of jobs is bounded by that of VMs, the number of goroutines by the pool's threads;
// they end when nothing is left to do.
func (q *queue) post(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, j)
	if q.running < q.threads {
		q.running++
		go q.work()
	}
}

// work is a thread of the pool.
func (q *queue) work() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.running--
			q.mu.Unlock()
			return
		}
		j := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		broken := j.run()
		q.conf.put(j.env, broken)
		j.loop.Post(j.done)
	}
}

// job is a call of a function. It belongs to the light thread, then to the pool, then to the light thread again.
type job struct {
	env              *api.Env
	module, function string
	args, results    []vm.Value // results: what the function of the API returns

	loop *poll.Loop
	done poll.Task
}

// run does the job; it reports that the VM is of no use any more.
func (j *job) run() (broken bool) {
	defer func() {
		if x := recover(); x != nil {
			broken = true
			j.env.Log(http.LogCrit, fmt.Sprintf("BUG: panic beside the loop: %v\n%s", x, debug.Stack()))
			j.fail("internal error")
		}
	}()
	l := j.env.VM.Main()
	j.env.VM.RunFinalizers(l) // of what earlier jobs have dropped
	l.Push(j.env.VM.Globals().GetString("require"))
	l.PushString(j.module)
	if _, err := l.PCall(1, 1); err != nil {
		j.fail(err.Text)
		return false
	}
	m := l.Pop1()
	if m.AsTable() == nil {
		j.fail("invalid lua module")
		return false
	}
	fn := m.AsTable().GetString(j.function)
	if !fn.IsFunction() {
		j.fail("invalid function")
		return false
	}
	j.call(l, fn)
	return false
}

func (j *job) call(l *vm.State, fn vm.Value) {
	l.Push(fn)
	for _, a := range j.args {
		l.Push(a)
	}
	n, err := l.PCall(len(j.args), -1)
	if err != nil {
		j.fail(err.Text)
		return
	}
	j.results = append(j.results, vm.True)
	for i := l.Top() - n + 1; i <= l.Top(); i++ {
		v, why := clone(l.Arg(i), 1)
		if why != "" {
			j.fail(why + " in the return value")
			break
		}
		j.results = append(j.results, v)
	}
	l.Pop(n)
}

func (j *job) fail(msg string) { j.results = []vm.Value{vm.False, vm.String(msg)} }

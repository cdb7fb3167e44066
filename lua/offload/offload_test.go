package offload

import (
	"strings"
	"testing"
	"time"

	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

func TestValuesThatCanBePassed(t *testing.T) {
	v := vm.New()
	v.OpenLibs()
	for _, c := range []struct{ src, why string }{
		{`"text"`, ""},
		{`1.5`, ""},
		{`nil`, ""},
		{`{1, "b", {c = true}, [3.5] = {{}}}`, ""},
		{`print`, "unsupported Lua type: LUA_TFUNCTION"},
		{`{{print}}`, "unsupported Lua type: LUA_TFUNCTION"},
		{`coroutine.create(print)`, "unsupported Lua type: LUA_TTHREAD"},
		{`io.stdout`, "unsupported Lua type: LUA_TUSERDATA"},
		{`(function() local t = {} t.t = t return t end)()`, "suspicious circular references, table depth exceed max depth: 100"},
	} {
		p, err := vm.Compile("return "+c.src, "=t")
		if err != nil {
			t.Fatal(err)
		}
		l := v.Main()
		l.Push(v.Load(p).Value())
		l.Call(0, 1)
		in := l.Pop1()
		out, why := clone(in, 1)
		if why != c.why {
			t.Errorf("%s: got %q, want %q", c.src, why, c.why)
		}
		if in.IsTable() && out.AsTable() == in.AsTable() {
			t.Errorf("%s: the table itself was passed", c.src)
		}
	}
}

// count is a task of the loop.
type count struct{ n int }

func (c *count) Run() { c.n++ }

func TestJobsOfAPoolRunBesideTheLoop(t *testing.T) {
	loop, err := poll.New(poll.Config{OnPanic: func(_, x any, _ []byte) { t.Errorf("panic: %v", x) }})
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	c := &config{}
	c.size.Put(3)
	bare := func() *api.Env {
		v := vm.New()
		v.OpenLibs()
		v.SetModule("m", module(t, v))
		return api.New(v, nil, nil, api.Families{})
	}
	e := bare()
	e.Bare = bare
	q := &queue{conf: c, threads: 2}
	done := &count{}
	var jobs []*job
	for posted := 0; posted < 60 || done.n < 60; {
		if j := (&job{module: "m", function: [...]string{"twice", "fail", "none"}[posted%3], args: []vm.Value{vm.Int(posted)}, loop: loop, done: done}); posted < 60 {
			if j.env = c.take(e); j.env != nil {
				posted++
				jobs = append(jobs, j)
				q.post(j)
				continue
			}
		}
		loop.Step()
	}
	if c.made != 3 || len(c.idle) != 3 {
		t.Errorf("%d VMs were made, %d are idle, want 3", c.made, len(c.idle))
	}
	for i, j := range jobs {
		var got strings.Builder
		for _, v := range j.results {
			got.WriteString(v.Text() + ";")
		}
		want := [...]string{"true;" + vm.Int(2*i).Text() + ";", "oops", "false;invalid function;"}[i%3]
		if !strings.Contains(got.String(), want) {
			t.Errorf("job %d: got %s, want %s", i, got.String(), want)
		}
	}
	for end := time.Now().Add(time.Minute); ; {
		q.mu.Lock()
		n := q.running
		q.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d threads are left", n)
		}
		time.Sleep(time.Millisecond) // the last one is about to end
	}
}

func module(t *testing.T, v *vm.VM) vm.Value {
	p, err := vm.Compile(`return { twice = function(n) return 2 * n end, fail = function() error("oops") end }`, "=m")
	if err != nil {
		t.Error(err)
		return vm.Nil
	}
	l := v.Main()
	l.Push(v.Load(p).Value())
	l.Call(0, 1)
	return l.Pop1()
}

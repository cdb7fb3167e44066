package resty

import (
	"errors"
	"math"
	"runtime"

	"weir/lua/api"
	"weir/lua/shared"
	"weir/lua/shdict"
	"weir/lua/vm"
	"weir/netio/poll"
)

var lockFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(dict_name, opts?)", Run: lockNew, Doc: "Makes a lock on keys of a shared dictionary; opts are exptime, timeout, step, ratio and max_step."},
	{Name: "lock", In: api.Any, Args: "(key)", Run: lockLock, Doc: "Waits until nobody else holds the key; returns the seconds waited, or nil and an error."},
	{Name: "unlock", In: api.Any, Args: "()", Run: lockUnlock, Doc: "Gives the key back."},
	{Name: "expire", In: api.Any, Args: "(seconds?)", Run: lockExpire, Doc: "Gives the lock that is held a new lifetime."},
}

// lock is an object of resty.lock.
type lock struct {
	timeout, exptime, step, ratio, maxStep float64 // seconds
	held                                   *held
}

// held is the key of a lock; it outlives the lock for the cleanup that gives the key back.
type held struct {
	dict *shdict.Dict
	key  string // empty: none
	now  int64  // when it was taken
}

func lockNew(l *vm.State) int {
	v := api.EnvOf(l).Table("ngx.shared").Get(l.Arg(2))
	dict := shared.Of(v)
	if dict == nil {
		return api.Fail(l, "dictionary not found")
	}
	k := &lock{timeout: 5, exptime: 30, step: 0.001, ratio: 2, maxStep: 0.5, held: &held{dict: dict}}
	if o := l.Arg(3); o.Truthy() {
		k.options(l.CheckTable(3))
	}
	runtime.AddCleanup(k, func(h *held) {
		if h.key != "" {
			_, _ = h.dict.Store(h.now, shdict.Set, h.key, shdict.Value{}, 0, 0)
		}
	}, k.held)
	t := object(l, "resty.lock", k)
	t.SetString("dict", v)
	return l.Ret(t.Value())
}

// options reads the fields of opts.
func (k *lock) options(o *vm.Table) {
	get := func(name string, def float64) (float64, bool) {
		f, ok := o.GetString(name).AsNumber()
		if !ok {
			f = def
		}
		return f, ok
	}
	k.exptime, _ = get("exptime", k.exptime)
	k.ratio, _ = get("ratio", k.ratio)
	k.maxStep, _ = get("max_step", k.maxStep)
	step, hasStep := get("step", k.step)
	if timeout, ok := get("timeout", 0); ok {
		k.timeout = min(timeout, k.exptime)
		if hasStep {
			step = min(step, k.timeout)
		}
	}
	k.step = step
}

// try takes the key if nobody holds it.
func (k *lock) try(l *vm.State, key string) error {
	now := shared.Now(l)
	_, err := k.held.dict.Store(now, shdict.Add, key, shdict.Value{Kind: shdict.Bool, Number: 1}, int64(k.exptime*1000), 0)
	if err == nil {
		k.held.key, k.held.now = key, now
	}
	return err
}

func lockLock(l *vm.State) int {
	k := native[*lock](l)
	if !l.Arg(2).Truthy() {
		return api.Fail(l, "nil key")
	}
	if k.held.key != "" {
		return api.Fail(l, "locked")
	}
	key, _ := l.ToString(l.Arg(2)).AsString()
	if key == "" {
		return api.Fail(l, "empty key")
	}
	err := k.try(l, key)
	elapsed, left, step := 0.0, k.timeout, k.step
	for errors.Is(err, shdict.ErrExists) {
		if left <= 0 {
			return api.Fail(l, "timeout")
		}
		sleep(l, step)
		elapsed += step
		left -= step
		err = k.try(l, key)
		step = min(max(0.001, step*k.ratio), left, k.maxStep)
	}
	if err != nil {
		return api.Fail(l, err.Error())
	}
	l.PushNumber(elapsed)
	return 1
}

func lockUnlock(l *vm.State) int {
	k := native[*lock](l)
	if k.held.key == "" {
		return api.Fail(l, "unlocked")
	}
	key := k.held.key
	k.held.key = ""
	if _, err := k.held.dict.Store(shared.Now(l), shdict.Set, key, shdict.Value{}, 0, 0); err != nil {
		return api.Fail(l, err.Error())
	}
	l.PushInt(1)
	return 1
}

func lockExpire(l *vm.State) int {
	k := native[*lock](l)
	if k.held.key == "" {
		return api.Fail(l, "unlocked")
	}
	sec := l.OptNumber(2, k.exptime)
	if sec < 0 {
		l.Errorf("bad \"exptime\" argument")
	}
	_, err := k.held.dict.Store(shared.Now(l), shdict.Replace, k.held.key, shdict.Value{Kind: shdict.Bool, Number: 1}, int64(sec*1000), 0)
	if err != nil {
		return api.Fail(l, err.Error())
	}
	return bool1(l, true)
}

// pause is what a light thread that sleeps waits for.
type pause struct {
	poll.Timer
	thread *api.Thread
}

// Expired is the timer's event.
func (p *pause) Expired(*poll.Timer) { p.thread.Wake() }

// Abandon stops the timer of a thread that was killed.
func (p *pause) Abandon() { p.Stop() }

// sleep parks the running light thread for some seconds, at least a millisecond.
func sleep(l *vm.State, sec float64) {
	c := api.Of(l)
	if !l.CanPark() {
		c.Deny(l, api.Yieldable)
	}
	p := &pause{thread: c.Thread()}
	p.Owner = p
	c.Env().Loop().SetTimer(&p.Timer, max(int64(math.Ceil(sec*1000)), 1))
	c.Park(l, p)
}

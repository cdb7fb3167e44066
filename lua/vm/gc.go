package vm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// gcState is the VM's side of garbage collection: userdata with a __gc metamethod are thin handles; when the
// collector finds one dead, its body comes here and is re-wrapped for the call on the owning worker.
type gcState struct {
	pending atomic.Int32 // bodies queued
	live    int          // handles made
	mu      sync.Mutex
	queue   []*gcHandle
	running bool
}

type gcHandle struct {
	v    any
	meta *Table
	env  *Table
}

// watch arranges for the __gc metamethod of u to be called when u has become unreachable.
func (vm *VM) watch(u *Userdata) {
	if u.gc != nil {
		return
	}
	h := &gcHandle{v: u.V, meta: u.meta, env: u.env}
	u.gc = h
	st := &vm.gc
	st.live++
	runtime.AddCleanup(u, func(h *gcHandle) {
		st.mu.Lock()
		st.queue = append(st.queue, h)
		st.mu.Unlock()
		st.pending.Add(1)
	}, h)
}

// RunFinalizers calls the __gc metamethods of the userdata the collector found dead. Errors in them are dropped, as
// there is nobody to hand them to.
func (vm *VM) RunFinalizers(l *State) {
	st := &vm.gc
	if st.pending.Load() == 0 || st.running {
		return
	}
	st.mu.Lock()
	q := st.queue
	st.queue = nil
	st.mu.Unlock()
	st.pending.Add(-int32(len(q)))
	st.running = true
	for _, h := range q {
		gc := h.meta.metamethod(&vm.names.gc)
		if gc.n != tagFunc {
			continue
		}
		l.Push(gc)
		l.Push(mkUserdata(&Userdata{V: h.v, meta: h.meta, env: h.env}))
		l.PCall(1, 0)
	}
	st.running = false
}

// collect is collectgarbage("collect"): a full collection of the process where the host allows it, and the
// finalizers that are due.
func (vm *VM) collect(l *State) {
	if vm.FullGC {
		l.zeroStale()
		runtime.GC()
		runtime.GC()
		if vm.gc.live > 0 {
			// Cleanups run on a goroutine of the runtime, soon after the collection.
			for i := 0; i < 20 && vm.gc.pending.Load() == 0; i++ {
				time.Sleep(50 * time.Microsecond)
			}
			time.Sleep(200 * time.Microsecond)
		}
	}
	vm.RunFinalizers(l)
}

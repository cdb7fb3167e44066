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
	running bool

	mu     sync.Mutex
	queue  []*gcHandle // guarded by mu, as the next two
	notify func()
	told   bool // notify was called for what is queued

	files      map[*file]struct{} // open, or dropped without having been closed
	fewest     int                // files since the collector was asked to look for dropped ones
	collecting atomic.Bool
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
		st.pending.Add(1)
		st.mu.Lock()
		st.queue = append(st.queue, h)
		st.tell()
	}, h)
}

// OnGarbage has notify called when RunFinalizers has something to do, from any goroutine. It must return at once.
func (vm *VM) OnGarbage(notify func()) {
	st := &vm.gc
	st.mu.Lock()
	st.notify = notify
	st.tell()
}

// tell calls notify once for what is queued, and unlocks mu.
func (st *gcState) tell() {
	notify := st.notify
	if st.told || len(st.queue) == 0 {
		notify = nil
	}
	st.told = st.told || notify != nil
	st.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// RunFinalizers calls the __gc metamethods of the userdata the collector found dead. Errors in them are dropped, as
// there is nobody to hand them to; after one that ends the run, the others wait for the next notice.
func (vm *VM) RunFinalizers(l *State) {
	st := &vm.gc
	if st.pending.Load() == 0 || st.running {
		return
	}
	st.mu.Lock()
	q := st.queue
	st.queue, st.told = nil, false
	st.mu.Unlock()
	st.running = true
	done := 0
	defer func() {
		st.running = false
		st.pending.Add(-int32(done))
		if done < len(q) {
			st.mu.Lock()
			st.queue = append(q[done:], st.queue...)
			st.tell()
		}
	}()
	for _, h := range q {
		done++
		gc := h.meta.metamethod(&vm.names.gc)
		if gc.n != tagFunc {
			continue
		}
		l.Push(gc)
		l.Push(mkUserdata(&Userdata{V: h.v, meta: h.meta, env: h.env}))
		if _, err := l.PCall(1, 0); err != nil && err.Aborted {
			return
		}
	}
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

// manyFiles is how many files more may be open, or dropped without having been closed, before the collector is asked
// to look: they hold descriptors, and weigh too little in memory for it to come by itself.
const manyFiles = 256

// opened notes a file.
func (st *gcState) opened(f *file) {
	if st.files == nil {
		st.files = make(map[*file]struct{})
	}
	st.files[f] = struct{}{}
	if len(st.files)-st.fewest >= manyFiles && st.collecting.CompareAndSwap(false, true) {
		st.fewest = len(st.files)
		go func() { // ends with the collection
			runtime.GC()
			st.collecting.Store(false)
		}()
	}
}

// closed takes a file off.
func (st *gcState) closed(f *file) {
	delete(st.files, f)
	st.fewest = min(st.fewest, len(st.files))
}

// CloseFiles writes out and closes all files that scripts have left open: nothing may run in the VM any more. What a
// command has not been sent is lost.
func (vm *VM) CloseFiles() {
	for f := range vm.gc.files {
		_ = f.shut(vm) // nobody is left to tell
	}
}

package tlsio

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// coroutine is a stack that handshakes run on, one after the other. Only the
// worker's goroutine resumes it, so that what runs on it is on the loop.
//
//	worker ──resume──► h.run ──park──► worker ──resume──► ... returns ──► pool
type coroutine struct {
	next func() (struct{}, bool)
	stop func()
	park func(struct{}) bool
	h    *Handshake
}

// maxIdleCoroutines bounds the pool of a worker: what is beyond it gives its
// goroutine back.
const maxIdleCoroutines = 64

// takeCoroutine returns a coroutine for h.
func (e *Engine) takeCoroutine(h *Handshake) *coroutine {
	if n := len(e.idle); n > 0 {
		co := e.idle[n-1]
		e.idle[n-1] = nil
		e.idle = e.idle[:n-1]
		co.h = h
		return co
	}
	co := &coroutine{h: h}
	co.next, co.stop = iter.Pull(co.body)
	return co
}

// putCoroutine takes back one whose handshake is done.
func (e *Engine) putCoroutine(co *coroutine) {
	co.h = nil
	if len(e.idle) >= maxIdleCoroutines {
		co.stop()
		return
	}
	e.idle = append(e.idle, co)
}

// body runs one handshake after the other, until the pool is closed.
func (co *coroutine) body(yield func(struct{}) bool) {
	co.park = yield
	for {
		co.h.guarded()
		if !yield(struct{}{}) {
			return
		}
	}
}

// guarded runs the handshake. A panic goes on in the worker, with the stack of
// the coroutine, which is lost there.
func (h *Handshake) guarded() {
	defer func() {
		if v := recover(); v != nil {
			h.panicked = fmt.Sprintf("%v in a TLS handshake\n%s", v, debug.Stack())
		}
		h.done = true
	}()
	h.run()
}

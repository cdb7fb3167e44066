package dns

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// waiter is one Lookup that has not delivered yet. Whoever moves done from 0
// first - an answer, a time limit or cancel - decides.
type waiter struct {
	done    atomic.Bool
	deliver func(Result)
	flight  *flight
	timers  [2]*time.Timer // the limit, and serving an old answer; set under Resolver.mu
}

// finish delivers res unless something else came first.
func (w *waiter) finish(res Result) {
	if w.done.CompareAndSwap(false, true) {
		w.release()
		w.deliver(res)
	}
}

// cancel keeps deliver from being called.
func (w *waiter) cancel() {
	if w.done.CompareAndSwap(false, true) {
		w.release()
	}
}

// release stops the timers and leaves the flight, so that neither keeps the
// caller's request alive.
func (w *waiter) release() {
	f := w.flight
	if f == nil {
		return
	}
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	for _, t := range w.timers {
		if t != nil {
			t.Stop()
		}
	}
	if i := slices.Index(f.waiters, w); i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
	}
}

// flight is one question being asked, for all who wait for its answer. It goes
// on when they have left, for the cache's sake, until its own limit, which is
// that of its most patient waiter.
type flight struct {
	r       *Resolver
	q       Query
	cancel  context.CancelFunc
	limit   *time.Timer // calls cancel; guarded by r.mu
	end     time.Time   // when limit fires; guarded by r.mu
	waiters []*waiter   // guarded by r.mu
}

// join adds w to the flight for q and starts it if there is none. e is what
// the cache holds for q, for serving while the servers fail.
func (r *Resolver) join(q Query, w *waiter, timeout time.Duration, e *entry) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return newError(CodeServer)
	}
	end := time.Now().Add(timeout)
	f := r.flights[q]
	if f == nil {
		if len(r.flights) >= r.cfg.MaxInFlight {
			return newError(CodeServer)
		}
		f = r.launch(q, timeout)
	} else if end.After(f.end) {
		f.limit.Reset(timeout)
		f.end = end
	}
	w.flight = f
	f.waiters = append(f.waiters, w)
	w.timers[0] = time.AfterFunc(timeout, func() {
		w.finish(Result{Err: newError(CodeTimeout), Expires: time.Now()})
	})
	if _, ok := e.old(time.Now()); ok {
		w.timers[1] = time.AfterFunc(min(staleAfter, timeout/2), func() { w.finish(e.takeStale()) })
	}
	return nil
}

// launch starts the flight for q: one goroutine, ended by its limit or Close,
// at most MaxInFlight of them. r.mu is held.
func (r *Resolver) launch(q Query, timeout time.Duration) *flight {
	ctx, cancel := context.WithCancel(r.ctx)
	f := &flight{r: r, q: q, cancel: cancel, end: time.Now().Add(timeout)}
	f.limit = time.AfterFunc(timeout, cancel)
	r.flights[q] = f
	r.work.Go(func() {
		f.land(r.resolve(ctx, q))
	})
	return f
}

// land gives the result to all who wait.
func (f *flight) land(res Result) {
	f.r.mu.Lock()
	delete(f.r.flights, f.q)
	waiters := f.waiters
	f.waiters = nil
	f.limit.Stop()
	f.r.mu.Unlock()
	f.cancel()
	for _, w := range waiters {
		w.finish(res)
	}
}

// wait is Lookup for a goroutine of the resolver itself: it asks for one of
// the names that its own answer consists of.
func (r *Resolver) wait(ctx context.Context, q Query) Result {
	done := make(chan Result, 1)
	cancel := r.Lookup(q, func(res Result) { done <- res })
	defer cancel()
	select {
	case res := <-done:
		return res
	case <-ctx.Done():
		return Result{Err: newError(CodeTimeout), Expires: time.Now()}
	}
}

package ranges

import (
	"weir/appliance/http"
	"weir/netio/buf"
)

// Body is the module of the body filter, which also has the state.
var Body = http.Module{
	Name:  "http_range_body_filter",
	State: http.NewState(&state),
	Local: http.NewLocal(&local, newWorker),
	BodyFilter: func(_ *http.Builder, next http.BodyFilter) http.BodyFilter {
		return func(r *http.Request, in *http.Chain) http.Code {
			st := state.Get(r)
			if st == nil || in.Empty() {
				return next(r, in)
			}
			return st.body(r, in, next)
		}
	},
}

// Header is the module of the header filter.
var Header = http.Module{
	Name: "http_range_header_filter",
	HeaderFilter: func(_ *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		return func(r *http.Request) http.Code { return header(r, next) }
	},
}

var (
	state http.Slot[answer]
	local http.WorkerSlot[worker]
)

// answer is what a request with ranges gets.
type answer struct {
	w      *worker
	spans  []span
	offset int64 // of the next body byte in the whole body
	length int64 // of the whole body
	// head is what stands before the numbers of each part of a multipart
	// answer; in the request's arena.
	head     []byte
	boundary uint64
	out      http.Chain // links being passed on; empty between calls
	next     *answer    // free list
}

// worker is the free answers of a worker, and the number of its last boundary.
type worker struct {
	pool     *buf.Pool
	free     *answer
	boundary uint64
}

// boundaryStep keeps the boundaries of different workers apart.
const boundaryStep = 1 << 40

func newWorker(w *http.Worker) *worker {
	return &worker{pool: w.Buffers, boundary: uint64(w.ID+1) * boundaryStep}
}

func (w *worker) take() *answer {
	a := w.free
	if a == nil {
		a = &answer{w: w}
	}
	w.free, a.next = a.next, nil
	a.spans, a.head = a.spans[:0], nil
	return a
}

// put is the request's cleanup.
func put(data any) {
	a := data.(*answer)
	a.w.pool.DoneChain(&a.out) // what a filter behind has refused
	a.next = a.w.free
	a.w.free = a
}

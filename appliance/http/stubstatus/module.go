package stubstatus

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
	"weir/netio/poll"
)

// total is the sum over all workers.
type total struct {
	accepted, requests       uint64
	active, reading, writing int64
}

// waiting are the connections between requests.
func (t *total) waiting() int64 { return max(0, t.active-t.reading-t.writing) }

// Module is the stub_status module.
var Module = http.Module{
	Name:         "http_stub_status",
	ConfigureArg: "--with-http_stub_status_module",
	Variables: []http.Variable{
		{Name: "connections_active", Flags: http.VarNoCacheable, Get: variable, Data: func(t *total) int64 { return t.active },
			Doc: "The number of open client connections."},
		{Name: "connections_reading", Flags: http.VarNoCacheable, Get: variable, Data: func(t *total) int64 { return t.reading },
			Doc: "The number of connections whose request header is being read."},
		{Name: "connections_writing", Flags: http.VarNoCacheable, Get: variable, Data: func(t *total) int64 { return t.writing },
			Doc: "The number of connections that a request is served on."},
		{Name: "connections_waiting", Flags: http.VarNoCacheable, Get: variable, Data: func(t *total) int64 { return t.waiting() },
			Doc: "The number of connections that wait for a request."},
	},
	Directives: []conf.Directive{
		{Name: "stub_status", In: conf.Server | conf.Location, Args: conf.NoArgs | conf.Take1, Set: setStatus,
			Doc: "Answers with a page of connection counters."},
	},
}

func setStatus(cx *conf.Cx, _ *conf.Item) error {
	http.ScopeOf(cx).Location().Handler = status
	return nil
}

// others are the workers of the process besides w.
func others(w *http.Worker, f func(o *http.Worker)) {
	list := w.Process.Workers.Load()
	if list == nil {
		return
	}
	for _, o := range *list {
		if o != w {
			f(o)
		}
	}
}

// sum adds up what all workers published; w's own counters are exact.
func sum(w *http.Worker) (t total) {
	w.Publish()
	t.add(w)
	others(w, t.add)
	return t
}

func (t *total) add(w *http.Worker) {
	p := w.Published()
	t.accepted += p.Accepted.Load()
	t.requests += p.Requests.Load()
	t.active += p.Active.Load()
	t.reading += p.Reading.Load()
	t.writing += p.Writing.Load()
}

func variable(r *http.Request, v *http.Value, d *http.Variable) {
	w := r.Worker()
	t := sum(w)
	others(w, (*http.Worker).AskPublish)
	v.Is(appendInt(r.Alloc(20)[:0], d.Data.(func(*total) int64)(&t)))
}

// status is the content handler.
func status(r *http.Request) http.Code {
	if r.Method != http1.MethodGet && r.Method != http1.MethodHead {
		return http.StatusNotAllowed
	}
	if rc := r.DiscardBody(); rc != http.OK {
		return rc
	}
	q := &question{r: r, loop: r.Worker().Loop}
	others(r.Worker(), func(*http.Worker) { q.left++ })
	if q.left == 0 {
		return answer(r)
	}
	r.Hold()
	r.SetReadHandler(http.TestReading)
	r.Cleanup(forget, q)
	q.timer.Owner = q
	q.loop.SetTimer(&q.timer, answerTime)
	others(r.Worker(), func(o *http.Worker) { o.Loop.Post(&request{w: o, q: q}) })
	return http.Done
}

// answerTime is how long the page waits for workers, in milliseconds.
const answerTime = 500

// question is a page that waits for the other workers. It belongs to the
// worker of its request.
type question struct {
	r     *http.Request // nil when the client is gone, or has its answer
	loop  *poll.Loop
	left  int // workers that have not answered
	timer poll.Timer
}

// request is what a worker is posted.
type request struct {
	w *http.Worker
	q *question
}

// Run implements poll.Task on the worker asked.
func (q *request) Run() {
	q.w.Publish()
	q.q.loop.Post((*reply)(q.q))
}

// reply is what comes back.
type reply question

// Run implements poll.Task on the worker that asked.
func (q *reply) Run() {
	if q.left--; q.left == 0 {
		(*question)(q).finish()
	}
}

// Expired implements poll.TimerOwner: a worker is too busy to answer, so its
// counters of before must do.
func (q *question) Expired(*poll.Timer) { q.finish() }

func (q *question) finish() {
	q.loop.RemoveTimer(&q.timer)
	r := q.r
	if r == nil {
		return
	}
	q.r = nil
	c := r.Client()
	r.Finalize(answer(r))
	c.RunPosted()
}

// forget is the cleanup of the request.
func forget(q any) {
	w := q.(*question)
	w.loop.RemoveTimer(&w.timer)
	w.r = nil
}

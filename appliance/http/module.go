package http

import (
	"weir/appliance/conf"
)

// Handler is a phase or content handler. See Phase for what its Code means in
// each phase.
type Handler func(r *Request) Code

// HeaderFilter sends the response header on, usually after changing it. A
// module's filter is built once per configuration around the next one.
type HeaderFilter func(r *Request) Code

// BodyFilter passes a part of the response body on. An empty chain asks the
// filters behind to send what they hold back. It may keep links of in and
// pass them on later; it returns Again when the client takes no more for now.
type BodyFilter func(r *Request, in *Chain) Code

// Phase is a step of request processing, in nginx's order.
type Phase uint8

// The phases modules can add handlers to. FindConfig, PostRewrite and
// PostAccess belong to the core.
const (
	PostRead Phase = iota
	ServerRewrite
	FindConfig
	Rewrite
	PostRewrite
	Preaccess
	Access
	PostAccess
	Precontent
	Content
	Log
	numPhases
)

// PhaseHandler binds a handler to a phase. Handlers of one phase run in the
// order of the module list.
type PhaseHandler struct {
	Phase Phase
	Run   Handler
	// Used, if set, is asked once per configuration whether any location uses
	// the handler; when it says no, the handler is left out of the engine.
	Used func(b *Builder) bool
}

// Module is one HTTP module: its directives, variables, configuration
// objects, handlers and filters. It is a package variable of its package,
// filled in when declared and not changed after Register.
type Module struct {
	Name       string // nginx's name without ngx_ and _module: "http_proxy"
	Directives []conf.Directive
	Variables  []Variable

	Main  ConfSlot  // object made once per http block; nil for none
	Srv   ConfSlot  // per server block
	Loc   ConfSlot  // per location block, and per http and server as its parents
	State StateSlot // per request; nil for none
	// Local makes the object per worker, which outlives generations; nil for
	// none.
	Local LocalSlot

	Handlers     []PhaseHandler
	HeaderFilter func(b *Builder, next HeaderFilter) HeaderFilter // nil or returning next: not in the chain
	BodyFilter   func(b *Builder, next BodyFilter) BodyFilter

	// Prepare runs before the http block is read, Finish after everything is
	// merged and before the generation is used.
	Prepare func(b *Builder) error
	Finish  func(b *Builder) error

	// StartWorker runs on each worker before it takes a generation, for what is
	// to be done before the first request. It calls ready, once, when that is
	// so: at once, or from an event. The worker does not wait for ever.
	StartWorker func(w *Worker, g *Generation, ready func())
	// InitWorker runs on each worker when it takes a generation.
	InitWorker func(w *Worker, g *Generation)

	// Exiting runs on each worker when it begins to end, ExitWorker when it has
	// served its last request.
	Exiting    func(w *Worker)
	ExitWorker func(w *Worker)

	// Metrics are what the module counts; nil for nothing.
	Metrics *Metrics

	// ConfigureArg is what `-V` prints when the module is built in, for
	// modules that nginx builds only on request: "--with-http_realip_module".
	ConfigureArg string

	index  int // place in the module list
	placed bool
}

// Metrics are the counters of a module, for the module that shows them all.
type Metrics struct {
	Families []MetricFamily
	// Measure tells, on w's loop, what w has counted: a value for each set of
	// labels of each family, named by its place in Families. Those of all workers
	// are added up. How many sets there can be must be bounded.
	Measure func(w *Worker, add func(family int, v float64, labels ...string))
}

// MetricFamily describes metrics of one name.
type MetricFamily struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// ConfSlot describes a module's configuration object of one level. It is made
// by NewMain, NewSrv and NewLoc.
type ConfSlot interface {
	register(index int)
	make() any
	merge(b *Builder, parent, child any) error
}

// confSlot implements ConfSlot for the three typed slots.
type confSlot[T any] struct {
	at  *int
	new func() *T
	mrg func(b *Builder, parent, child *T) error
}

func (s *confSlot[T]) register(index int) { *s.at = index }

func (s *confSlot[T]) make() any {
	if s.new == nil {
		return new(T)
	}
	return s.new()
}

func (s *confSlot[T]) merge(b *Builder, parent, child any) error {
	if s.mrg == nil {
		return nil
	}
	return s.mrg(b, parent.(*T), child.(*T))
}

// MainSlot names a module's http-level object. Declare it as a package
// variable without initialiser: the module that uses it in its handlers can
// then refer to it without an initialisation cycle.
type MainSlot[T any] struct{ index int }

// SrvSlot names a module's server-level object.
type SrvSlot[T any] struct{ index int }

// LocSlot names a module's location-level object.
type LocSlot[T any] struct{ index int }

// NewMain makes the slot description for Module.Main. create may be nil for
// the zero value. init, if not nil, runs once after the http block was read.
func NewMain[T any](s *MainSlot[T], create func() *T, init func(b *Builder, c *T) error) ConfSlot {
	m := func(b *Builder, _, c *T) error {
		if init == nil {
			return nil
		}
		return init(b, c)
	}
	return &confSlot[T]{at: &s.index, new: create, mrg: m}
}

// NewSrv makes the slot description for Module.Srv; merge inherits from the
// http block's object into a server's.
func NewSrv[T any](s *SrvSlot[T], create func() *T, merge func(b *Builder, parent, child *T) error) ConfSlot {
	return &confSlot[T]{at: &s.index, new: create, mrg: merge}
}

// NewLoc makes the slot description for Module.Loc; merge inherits from the
// enclosing block's object.
func NewLoc[T any](s *LocSlot[T], create func() *T, merge func(b *Builder, parent, child *T) error) ConfSlot {
	return &confSlot[T]{at: &s.index, new: create, mrg: merge}
}

// Of returns the http-level object of generation g.
func (s *MainSlot[T]) Of(g *Generation) *T { return g.main[s.index].(*T) }

// In returns the http-level object while the configuration is being built.
func (s *MainSlot[T]) In(b *Builder) *T { return b.gen.main[s.index].(*T) }

// Of returns the object of the server that r was matched to.
func (s *SrvSlot[T]) Of(r *Request) *T { return r.srv.confs[s.index].(*T) }

// In returns the object of server v.
func (s *SrvSlot[T]) In(v *Server) *T { return v.confs[s.index].(*T) }

// Of returns the object of the location that r is in.
func (s *LocSlot[T]) Of(r *Request) *T { return r.loc.confs[s.index].(*T) }

// In returns the object of location l.
func (s *LocSlot[T]) In(l *Location) *T { return l.confs[s.index].(*T) }

// StateSlot describes the per-request state of a module, made by NewState.
type StateSlot interface{ register(index int) }

// Slot names a module's per-request state. It is empty when the request
// starts and is cleared by internal redirects, as nginx clears module
// contexts.
type Slot[T any] struct{ index int }

type stateSlot[T any] struct{ s *Slot[T] }

func (s stateSlot[T]) register(index int) { s.s.index = index }

// NewState makes the slot description for Module.State.
func NewState[T any](s *Slot[T]) StateSlot { return stateSlot[T]{s} }

// Get returns the state set on r, or nil.
func (s *Slot[T]) Get(r *Request) *T {
	v, _ := r.state[s.index].(*T)
	return v
}

// Set stores v on r; nil clears it.
func (s *Slot[T]) Set(r *Request, v *T) {
	if v == nil {
		r.state[s.index] = nil
		return
	}
	r.state[s.index] = v
}

// LocalSlot describes the per-worker object of a module, made by NewLocal.
type LocalSlot interface {
	register(index int)
	make(w *Worker) any
}

// WorkerSlot names a module's per-worker object.
type WorkerSlot[T any] struct{ index int }

type localSlot[T any] struct {
	s   *WorkerSlot[T]
	new func(w *Worker) *T
}

func (s localSlot[T]) register(index int) { s.s.index = index }
func (s localSlot[T]) make(w *Worker) any { return s.new(w) }

// NewLocal makes the slot description for Module.Local.
func NewLocal[T any](s *WorkerSlot[T], create func(w *Worker) *T) LocalSlot {
	return localSlot[T]{s, create}
}

// Of returns the object of worker w.
func (s *WorkerSlot[T]) Of(w *Worker) *T { return w.local[s.index].(*T) }

// Try returns the object of worker w, nil as long as it has none. Any goroutine
// may call it; what of the object it may touch is the object's business.
func (s *WorkerSlot[T]) Try(w *Worker) *T {
	if !w.localMade.Load() {
		return nil
	}
	return s.Of(w)
}

// Modules is the ordered list of HTTP modules of the binary. Handlers run in
// this order; header and body filters wrap each other so that the first
// module in the list sees the response first.
type Modules []*Module

// Register gives every module its place. It is called before the first
// configuration is read; modules that have their places keep them, since other
// servers of the process may be using them, as in tests.
func (ms Modules) Register() {
	if ms.placed() {
		return
	}
	for i, m := range ms {
		m.index, m.placed = i, true
		for _, s := range []ConfSlot{m.Main, m.Srv, m.Loc} {
			if s != nil {
				s.register(i)
			}
		}
		if m.State != nil {
			m.State.register(i)
		}
		if m.Local != nil {
			m.Local.register(i)
		}
	}
}

// placed reports whether every module has the place that Register would give.
func (ms Modules) placed() bool {
	for i, m := range ms {
		if !m.placed || m.index != i {
			return false
		}
	}
	return true
}

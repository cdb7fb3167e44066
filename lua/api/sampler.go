package api

import (
	"context"
	"maps"
	"runtime/pprof"
	"sync"

	"weir/lua/vm"
)

// Sampler looks where the Lua of a worker spends its time, as long as it stands in Worker.Sampler: at every so many
// steps, the stack gets the time that its script has taken since the sample before. A step is the end of a loop or a
// call of a Lua function, so what a function of Go takes is found at the next one. It is put there and taken away by
// any goroutine; the VMs of the worker notice with their next script, or in the midst of one that runs long.
type Sampler struct {
	// Every is how many steps there are between samples; immutable.
	Every int64
	// Labels has the goroutines that Lua runs on carry the labels script and phase, for a profile of the process that
	// is taken meanwhile; immutable.
	Labels bool

	mu     sync.Mutex
	stacks map[string]int64 // nanoseconds
	key    []byte           // scratch
}

// maxStacks bounds the stacks of a Sampler; what comes when there are so many is counted by phase and script.
const maxStacks = 8192

// Stacks returns the nanoseconds by stack: phase, script and frames, separated by semicolons.
func (s *Sampler) Stacks() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.stacks)
}

func (s *Sampler) add(l *vm.State, m *Meter, ns int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := append(append(append(s.key[:0], m.Phase.Name()...), ';'), m.Name...)
	script := len(b)
	b = l.AppendStack(b)
	s.key = b
	if _, known := s.stacks[string(b)]; !known {
		if s.stacks == nil {
			s.stacks = map[string]int64{}
		}
		if len(s.stacks) >= maxStacks {
			b = b[:script]
		}
	}
	s.stacks[string(b)] += ns
}

// followSampler takes the worker's sampler on, or off.
func (e *Env) followSampler() {
	if e.own == nil {
		return
	}
	s := e.own.Sampler.Load()
	if s == e.sampler {
		return
	}
	e.sampler = s
	e.labels = s != nil && s.Labels
	if s == nil {
		e.VM.OnSample = nil
		return
	}
	for _, m := range e.own.Meters.list {
		m.recent = 0
	}
	e.VM.OnSample, e.VM.SampleEvery = e.sample, s.Every
}

// sample is the VM's OnSample.
func (e *Env) sample(l *vm.State) {
	s := &e.slice
	if s.m == nil || e.sampler == nil {
		return
	}
	if s.at != 0 {
		s.spend(clock())
	}
	ns := s.m.recent
	s.m.recent = 0
	e.sampler.add(l, s.m, ns)
}

// label marks the running goroutine with m; nil: with nothing.
func label(m *Meter) {
	if m == nil {
		pprof.SetGoroutineLabels(context.Background())
		return
	}
	if m.labels == nil {
		m.labels = pprof.WithLabels(context.Background(), pprof.Labels("script", m.Name, "phase", m.Phase.Name()))
	}
	pprof.SetGoroutineLabels(m.labels)
}

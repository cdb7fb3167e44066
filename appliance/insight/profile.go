package insight

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/lua/api"
)

// Bounds of a profile.
const (
	sampleEvery = 499 // steps between samples, no multiple of what loops count in
	maxSeconds  = 300
)

// profile watches the workers for a while. kind says what is made of it:
//
//	folded   stacks of Lua and their microseconds, a line each: the form that flame graphs are drawn from
//	lines    places in Lua and the share of the time that was taken there, the hottest first
//	go       a CPU profile of the process in the form of pprof, whose samples carry the labels script and phase
func (s *Service) profile(q url.Values) ([]byte, error) {
	seconds, err := strconv.ParseFloat(q.Get("seconds"), 64)
	if err != nil || !(seconds > 0) || seconds > maxSeconds {
		return nil, fmt.Errorf("seconds must be a number up to %d", maxSeconds)
	}
	form, known := map[string]func([]stack) []byte{"": folded, "folded": folded, "lines": lines, "go": nil}[q.Get("kind")]
	if !known {
		return nil, errors.New("kind must be folded, lines or go")
	}
	if !s.profiling.TryLock() {
		return nil, errors.New("another profile is being taken")
	}
	defer s.profiling.Unlock()
	var program bytes.Buffer
	if form == nil {
		if err := pprof.StartCPUProfile(&program); err != nil {
			return nil, err
		}
	}
	stacks := s.sample(time.Duration(seconds*float64(time.Second)), form == nil)
	if form == nil {
		pprof.StopCPUProfile()
		return program.Bytes(), nil
	}
	return form(stacks), nil
}

// stack is what took time.
type stack struct {
	frames string // phase, script and frames, the outermost first, separated by semicolons
	ns     int64
}

// sample has all workers take samples for a while.
func (s *Service) sample(d time.Duration, labels bool) []stack {
	samplers := make(map[*api.Worker]*api.Sampler)
	for _, w := range s.workers() {
		if local := api.Workers.Try(w); local != nil {
			samplers[local] = &api.Sampler{Every: sampleEvery, Labels: labels}
			local.Sampler.Store(samplers[local])
		}
	}
	time.Sleep(d)
	sum := make(map[string]int64)
	for local, sp := range samplers {
		local.Sampler.Store(nil)
		for frames, ns := range sp.Stacks() {
			sum[frames] += ns
		}
	}
	return ranked(sum)
}

// ranked returns the stacks of a sum, the one that took most time first.
func ranked(sum map[string]int64) []stack {
	stacks := make([]stack, 0, len(sum))
	for frames, ns := range sum {
		stacks = append(stacks, stack{frames, ns})
	}
	slices.SortFunc(stacks, func(a, b stack) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.frames, b.frames))
	})
	return stacks
}

func folded(stacks []stack) []byte {
	var b []byte
	for _, s := range stacks {
		if us := s.ns / 1000; us > 0 {
			b = fmt.Appendf(b, "%s %d\n", strings.ReplaceAll(s.frames, "\n", " "), us)
		}
	}
	return b
}

// maxLines bounds the places shown.
const maxLines = 40

// lines adds up the innermost places.
func lines(stacks []stack) []byte {
	sum := make(map[string]int64)
	total := int64(0)
	for _, s := range stacks {
		sum[place(s.frames)] += s.ns
		total += s.ns
	}
	list := ranked(sum)
	b := fmt.Appendf(nil, "%7s %10s  %s\n", "%", "ms", "LUA")
	for _, l := range list[:min(len(list), maxLines)] {
		b = fmt.Appendf(b, "%7.2f %10.2f  %s\n", 100*float64(l.ns)/float64(max(total, 1)), float64(l.ns)/1e6, l.frames)
	}
	return b
}

// place is the innermost frame of Lua: where it is, and in which function.
func place(frames string) string {
	all := strings.Split(frames, ";")
	for _, f := range slices.Backward(all[min(2, len(all)):]) {
		if name, at, ok := strings.Cut(f, " "); ok && at != "[C]" {
			return at + " in " + name
		}
	}
	return strings.Join(all, " ")
}

package top

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"weir/appliance/insight"
)

// maxScripts bounds the scripts of a table: a screen's worth.
const maxScripts = 30

// table shows what happened between two reports; with an empty one before, since the start.
func table(before, now *insight.Report) []byte {
	if now.Clock <= before.Clock { // of another process
		before = &insight.Report{}
	}
	seconds := float64(now.Clock-before.Clock) / 1e9
	old := map[int]insight.Worker{}
	for _, w := range before.Workers {
		old[w.ID] = w
	}
	b := fmt.Appendf(nil, "weir %s   workers: %d   over %s\n\n", now.Version, len(now.Workers), time.Duration(seconds*1e9).Round(time.Millisecond))
	b = fmt.Appendf(b, "%6s %9s %8s %6s %6s %8s  %s\n", "WORKER", "REQ/S", "CONNS", "CPU%", "LUA%", "LAG ms", "BUSY WITH")
	for _, w := range now.Workers {
		o, met := old[w.ID]
		busy, lag := "", fmt.Sprintf("%.2f", float64(w.Lag)/1e6)
		if w.Busy != nil {
			busy = fmt.Sprintf("%s %s, at %s:%d, for %d ms", w.Busy.Phase, w.Busy.Script, w.Busy.Place, w.Busy.Line, w.Busy.For/1e6)
		}
		if !w.Up {
			lag = ">" + lag
		}
		if !w.Known || met && !o.Known { // nothing to show, or nothing to compare it with
			b = fmt.Appendf(b, "%6d %9s %8s %6s %6s %8s  %s\n", w.ID, "-", "-", "-", "-", lag, busy)
			continue
		}
		b = fmt.Appendf(b, "%6d %9.0f %8d %6.1f %6.1f %8s  %s\n", w.ID, rate(w.Requests, o.Requests, seconds), w.Connections,
			percent(w.CPU, o.CPU, seconds), percent(int64(w.Lua), int64(o.Lua), seconds), lag, busy)
	}
	return appendScripts(append(b, '\n'), before, now, seconds)
}

func appendScripts(b []byte, before, now *insight.Report, seconds float64) []byte {
	old := map[[2]string]insight.Script{}
	for _, s := range before.Scripts {
		old[[2]string{s.Phase, s.Name}] = s
	}
	var list []insight.Script
	for _, s := range now.Scripts {
		o := old[[2]string{s.Phase, s.Name}]
		s.Runs, s.Parks, s.Errors = less(s.Runs, o.Runs), less(s.Parks, o.Parks), less(s.Errors, o.Errors)
		s.Steps, s.Bytes, s.Time = less(s.Steps, o.Steps), less(s.Bytes, o.Bytes), less(s.Time, o.Time)
		if s.Runs+s.Time+s.Steps > 0 {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b insight.Script) int { return cmp.Compare(b.Time, a.Time) })
	b = fmt.Appendf(b, "%6s %9s %9s %9s %9s %8s %8s  %-14s %s\n", "LUA%", "RUNS/S", "us/RUN", "STEPS/RUN", "BYTES/RUN", "WAITS/S", "ERRORS", "PHASE", "SCRIPT")
	for _, s := range list[:min(len(list), maxScripts)] {
		runs := float64(max(s.Runs, 1))
		b = fmt.Appendf(b, "%6.1f %9.0f %9.1f %9.0f %9.0f %8.0f %8d  %-14s %s\n", percent(int64(s.Time), 0, seconds), float64(s.Runs)/seconds,
			float64(s.Time)/1e3/runs, float64(s.Steps)/runs, float64(s.Bytes)/runs, float64(s.Parks)/seconds, s.Errors, s.Phase, s.Name)
	}
	if n := len(list) - maxScripts; n > 0 {
		b = fmt.Appendf(b, "and %d more\n", n)
	}
	return b
}

// less is what a counter grew by; one that fell began anew.
func less(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

func rate(now, before uint64, seconds float64) float64 { return float64(less(now, before)) / seconds }

func percent(now, before int64, seconds float64) float64 {
	return max(0, float64(now-before)/seconds/1e7)
}

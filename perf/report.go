package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report collects what was measured.
type report struct {
	o       *options
	lab     *lab
	started time.Time
	parts   []string
}

func newReport(o *options, l *lab) *report {
	return &report{o: o, lab: l, started: time.Now()}
}

// median returns the median of a figure over samples.
func median(samples []sample, of func(sample) float64) float64 {
	return middle(collect(samples, of))
}

func collect(samples []sample, of func(sample) float64) []float64 {
	var v []float64
	for _, s := range samples {
		v = append(v, of(s))
	}
	return v
}

func middle(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// ratio returns the median over rounds of a figure's ratio to another
// server's in the same round, or "".
func ratio(of func(sample) float64, a, b *result) string {
	if a == nil || b == nil || a == b {
		return ""
	}
	var v []float64
	for i := range a.samples {
		if i < len(b.samples) && of(b.samples[i]) > 0 {
			v = append(v, of(a.samples[i])/of(b.samples[i]))
		}
	}
	if len(v) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", middle(v))
}

// column is one column of a scenario's table.
type column struct {
	head string
	cell func(r *result, all map[string]*result) string
}

func number(head, format string, of func(sample) float64) column {
	return column{head, func(r *result, _ map[string]*result) string {
		return fmt.Sprintf(format, median(r.samples, of))
	}}
}

func ratioTo(peer string, of func(sample) float64) column {
	return column{"of " + peer + "'s", func(r *result, all map[string]*result) string {
		return ratio(of, r, all[peer])
	}}
}

// columns returns the columns that a scenario's table has.
func columns(sc scenario) []column {
	cpu := func(s sample) float64 { return s.cpu }
	p99 := func(s sample) float64 { return s.p99 }
	perCPU := func(s sample) float64 { return s.perCPU }
	mem := func(s sample) float64 { return s.memory }
	switch sc.kind {
	case idleConns:
		return []column{number("KB per connection", "%.2f", mem), ratioTo("nginx", mem), ratioTo("haproxy", mem)}
	case slowReader:
		return []column{number("resident MB at most", "%.1f", mem), ratioTo("nginx", mem), ratioTo("haproxy", mem)}
	}
	var cols []column
	switch {
	case sc.bytes:
		cols = append(cols, number("MB per CPU second", "%.0f", perCPU), ratioTo("nginx", perCPU), ratioTo("haproxy", perCPU))
	case sc.kind == fixedRate:
		cols = append(cols, number("p99 us", "%.0f", p99), ratioTo("nginx", p99), ratioTo("haproxy", p99), number("CPU us per request", "%.2f", cpu))
	default:
		cols = append(cols, number("CPU us per request", "%.2f", cpu), ratioTo("nginx", cpu), ratioTo("haproxy", cpu))
	}
	cols = append(cols, number("requests/s", "%.0f", func(s sample) float64 { return s.rate }),
		number("p50 us", "%.0f", func(s sample) float64 { return s.p50 }))
	if sc.kind != fixedRate {
		cols = append(cols, number("p99 us", "%.0f", p99))
	}
	cols = append(cols, number("resident MB", "%.1f", mem),
		number("waited %", "%.0f", func(s sample) float64 { return 100 * s.waited }), column{"failed", func(r *result, _ map[string]*result) string {
			n := 0
			for _, s := range r.samples {
				n += s.bad
			}
			return fmt.Sprint(n)
		}})
	if sc.calls {
		cols = append(cols, column{"recv + send calls per request (epoll, other)", func(r *result, _ map[string]*result) string {
			if r.calls == nil {
				return "not counted"
			}
			return fmt.Sprintf("%.2f + %.2f (%.2f, %.2f)", r.calls.recv, r.calls.send, r.calls.epoll, r.calls.other)
		}})
	}
	return cols
}

// add puts one scenario's table into the report.
func (r *report) add(sc scenario, res map[string]*result) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n| server |", sc.name, sc.about)
	cols := columns(sc)
	for _, c := range cols {
		fmt.Fprintf(&b, " %s |", c.head)
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(cols)+1) + "\n")
	for _, name := range peers {
		got := res[name]
		if got == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range cols {
			fmt.Fprintf(&b, " %s |", c.cell(got, res))
		}
		b.WriteString("\n")
	}
	r.parts = append(r.parts, b.String())
}

// markdown returns the whole report.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured %s\n\n", r.started.UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "%d rounds of %v, medians, servers in turn; one worker each, alone on CPU %s, load and backend on CPU %s.\n",
		r.o.rounds, r.o.duration, serverCPU, loadCPU)
	fmt.Fprintf(&b, "Ratios are medians of each round's. Machine: %s, %d CPUs, Linux %s.\n\n", model(), runtime.NumCPU(), kernel())
	for _, s := range r.lab.servers {
		fmt.Fprintf(&b, "- %s: %s\n", s.name, s.version)
	}
	for _, a := range r.lab.absent {
		fmt.Fprintf(&b, "- not measured: %s\n", a)
	}
	return b.String() + "\n" + strings.Join(r.parts, "\n")
}

func model() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	out, _ := exec.Command("uname", "-r").Output()
	return strings.TrimSpace(string(out))
}

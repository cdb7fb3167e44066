package metrics

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"weir/appliance/http"
)

// countID is one metric of a module: a family and the values of its labels.
type countID struct {
	family *http.MetricFamily
	labels string // joined by zero bytes
}

// counts are what modules have counted.
type counts map[countID]float64

// measure asks the modules; it runs on the worker's loop.
func measure(w *http.Worker) counts {
	var c counts
	for _, m := range w.Generation().Modules() {
		if m.Metrics == nil {
			continue
		}
		if c == nil {
			c = make(counts)
		}
		m.Metrics.Measure(w, func(family int, v float64, labels ...string) {
			c[countID{&m.Metrics.Families[family], strings.Join(labels, "\x00")}] += v
		})
	}
	return c
}

// plus is the sum of c and d; c may be changed for it.
func (c counts) plus(d counts) counts {
	if c == nil {
		c = make(counts, len(d))
	}
	for id, v := range d {
		c[id] += v
	}
	return c
}

// lasting is what goes on to count when its worker has ended.
func (c counts) lasting() counts {
	sum := make(counts, len(c))
	for id, v := range c {
		if id.family.Kind == counter {
			sum[id] = v
		}
	}
	return sum
}

// modules shows what modules have counted on all workers.
func (t *totals) modules(out chan<- prometheus.Metric) {
	sum := counts(nil).plus(t.gone)
	for i := range t.workers {
		sum = sum.plus(t.workers[i].modules)
	}
	known := make(map[*http.MetricFamily]*prometheus.Desc)
	for id, v := range sum {
		f := id.family
		if known[f] == nil {
			known[f] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		}
		var labels []string
		if len(f.Labels) > 0 {
			labels = strings.Split(strings.ToValidUTF8(id.labels, "?"), "\x00")
		}
		out <- prometheus.MustNewConstMetric(known[f], valueTypes[f.Kind], v, labels...)
	}
}

// Families returns what a scrape of a program with these modules shows besides
// the metrics of the Go runtime (go_...) and of the process (process_...), for
// the reference.
func Families(modules http.Modules) []Family {
	list := slices.Clone(families[:])
	for _, m := range modules {
		if m.Metrics == nil {
			continue
		}
		for _, f := range m.Metrics.Families {
			list = append(list, Family(f))
		}
	}
	return list
}

// ended is what modules have counted on workers that have ended.
func (h *hub) ended() counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.gone)
}

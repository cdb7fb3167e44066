package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/appliance/http"
	"weir/appliance/http/upstream"
)

// totals is all that one scrape knows. It is a prometheus.Collector.
type totals struct {
	process *http.Process
	gen     *http.Generation
	workers []report
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("weir_"+name, help, labels, nil)
}

var (
	descBuild      = desc("build_info", "Version of the program; the value is 1.", "version")
	descGeneration = desc("config_generation", "Number of the configuration in use; it rises with each reload.")

	descConns    = desc("connections", "Client connections open now, by what they do.", "state")
	descAccepted = desc("connections_accepted_total", "Client connections accepted.")
	descRefused  = desc("connections_refused_total", "Connections closed at once because worker_connections were not enough.")
	descAcceptE  = desc("accept_errors_total", "Failed accept calls.")
	descDialled  = desc("upstream_connections_opened_total", "Connections begun to backends.")
	descRequests = desc("requests_total", "Client requests whose head was read, good or bad.")
	descByClass  = desc("responses_total", "Finished requests by the class of their status; none: closed without an answer.", "class")
	descLatency  = desc("request_duration_seconds", "Time from the first byte of a request to the end of its response.")
	descPanics   = desc("panics_total", "Handlers that panicked and were contained.")

	descPeerConns = desc("upstream_peer_connections", "Requests being passed to a peer now.", "upstream", "peer")
	descPeerFails = desc("upstream_peer_fails", "Failures of a peer within its fail_timeout.", "upstream", "peer")
	descPeerUp    = desc("upstream_peer_up", "Whether a peer may be chosen now.", "upstream", "peer")
)

// Describe implements prometheus.Collector; peers come and go, so nothing is
// promised.
func (t *totals) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (t *totals) Collect(out chan<- prometheus.Metric) {
	add := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	add(descBuild, gauge, 1, t.process.Version)
	add(descGeneration, gauge, float64(t.gen.Cycle.Generation))
	t.requests(add, out)
	for i := range t.workers {
		t.workers[i].collect(add)
	}
	t.peers(add)
}

// adder emits one metric.
type adder = func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string)

// classes are the labels of http.Stats.ByClass.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// requests sums up connections and requests over all workers there were.
func (t *totals) requests(add adder, out chan<- prometheus.Metric) {
	ended := t.process.Retired()
	sum, active := ended.Stats, 0
	refused, failed, dialled := ended.Conns.Refused, ended.Conns.AcceptErr, ended.Conns.Dialled
	for i := range t.workers {
		w := &t.workers[i]
		sum.Add(&w.stats)
		active += w.active
		refused += w.conns.Refused
		failed += w.conns.AcceptErr
		dialled += w.conns.Dialled
	}
	add(descConns, gauge, float64(sum.Reading), "reading")
	add(descConns, gauge, float64(sum.Writing), "writing")
	add(descConns, gauge, float64(max(0, int64(active)-sum.Reading-sum.Writing)), "waiting")
	add(descAccepted, counter, float64(sum.Accepted))
	add(descRefused, counter, float64(refused))
	add(descAcceptE, counter, float64(failed))
	add(descDialled, counter, float64(dialled))
	add(descRequests, counter, float64(sum.Requests))
	for i, n := range sum.ByClass {
		add(descByClass, counter, float64(n), classes[i])
	}
	add(descPanics, counter, float64(sum.Panics))
	out <- latency(&sum)
}

// latency is the histogram of s: bucket b of it holds what took less than 2^b
// milliseconds, the last one all the rest.
func latency(s *http.Stats) prometheus.Metric {
	buckets := make(map[float64]uint64, len(s.Latency))
	count := uint64(0)
	for b, n := range s.Latency {
		count += n
		if b < len(s.Latency)-1 {
			buckets[float64(uint64(1)<<b)/1000] = count
		}
	}
	return prometheus.MustNewConstHistogram(descLatency, count, float64(s.LatencySum)/1000, buckets)
}

// workerMetric is one metric that each worker has by itself.
type workerMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(r *report) float64
}

func perWorker(name, help string, kind prometheus.ValueType, value func(r *report) float64) workerMetric {
	return workerMetric{desc("worker_"+name, help, "worker"), kind, value}
}

var workerMetrics = []workerMetric{
	perWorker("up", "Whether the worker answered in time; if not, its values are those of the scrape before.", gauge,
		func(r *report) float64 { return truth(r.up) }),
	perWorker("connections", "Client connections of the worker.", gauge, func(r *report) float64 { return float64(r.active) }),
	perWorker("upstream_idle_connections", "Idle connections to backends kept.", gauge, func(r *report) float64 { return float64(r.idle) }),
	perWorker("receives_total", "Receive calls made.", counter, func(r *report) float64 { return float64(r.conns.Recvs) }),
	perWorker("sends_total", "Send calls made.", counter, func(r *report) float64 { return float64(r.conns.Sends) }),
	perWorker("mailbox_seconds", "Time a task from outside waited for its turn on the loop, at this scrape.", gauge,
		func(r *report) float64 { return r.lag.Seconds() }),

	perWorker("loop_turns_total", "Batches of events handled.", counter, func(r *report) float64 { return float64(r.w.Loop.Stats().Turns) }),
	perWorker("loop_events_total", "Events handled.", counter, func(r *report) float64 { return float64(r.w.Loop.Stats().Events) }),
	perWorker("loop_sleeps_total", "Times the loop waited for events.", counter, func(r *report) float64 { return float64(r.w.Loop.Stats().Sleeps) }),
	perWorker("loop_busy_seconds_total", "Time spent in turns.", counter, func(r *report) float64 { return seconds(r.w.Loop.Stats().BusyNS) }),
	perWorker("loop_idle_seconds_total", "Time spent waiting for events.", counter, func(r *report) float64 { return seconds(r.w.Loop.Stats().IdleNS) }),
	perWorker("loop_worst_turn_seconds", "The longest turn there was.", gauge, func(r *report) float64 { return seconds(r.w.Loop.Stats().WorstNS) }),

	perWorker("buffer_gets_total", "Buffers taken from the pool.", counter, func(r *report) float64 { return float64(r.buffers.Gets) }),
	perWorker("buffer_misses_total", "Buffers that had to be allocated.", counter, func(r *report) float64 { return float64(r.buffers.Misses) }),
	perWorker("buffer_odd_total", "Buffers too large for the pool.", counter, func(r *report) float64 { return float64(r.buffers.Odd) }),
	perWorker("buffer_dropped_total", "Buffers that the pool did not keep.", counter, func(r *report) float64 { return float64(r.buffers.Dropped) }),
	perWorker("buffer_retained_bytes", "Bytes of free buffers in the pool.", gauge, func(r *report) float64 { return float64(r.buffers.Retained) }),
	perWorker("buffer_in_use_bytes", "Bytes of the pool's buffers in use.", gauge, func(r *report) float64 { return float64(r.buffers.InUse) }),
	perWorker("buffer_links", "Links of output chains in use.", gauge, func(r *report) float64 { return float64(r.buffers.Links) }),
	perWorker("buffer_pipes", "Pairs of pipes open.", gauge, func(r *report) float64 { return float64(r.buffers.Pipes) }),
}

func (r *report) collect(add adder) {
	id := strconv.Itoa(r.w.ID)
	for i := range workerMetrics {
		m := &workerMetrics[i]
		add(m.desc, m.kind, m.value(r), id)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(ns uint64) float64 { return float64(ns) / 1e9 }

// peers shows the state of backends, which workers share. A peer that a group
// lists several times is shown once.
func (t *totals) peers(add adder) {
	type key struct{ group, peer string }
	seen := make(map[key]int)
	var list []upstream.PeerStatus
	for _, p := range upstream.Status(t.gen, time.Now().Unix()) {
		k := key{p.Group, p.Address}
		i, again := seen[k]
		if !again {
			seen[k] = len(list)
			list = append(list, p)
			continue
		}
		list[i].Conns += p.Conns
		list[i].Fails += p.Fails
		list[i].Available = list[i].Available || p.Available
	}
	for _, p := range list {
		add(descPeerConns, gauge, float64(p.Conns), p.Group, p.Address)
		add(descPeerFails, gauge, float64(p.Fails), p.Group, p.Address)
		add(descPeerUp, gauge, truth(p.Available), p.Group, p.Address)
	}
}

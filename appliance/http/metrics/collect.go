package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
)

// totals is all that one scrape knows. It is a prometheus.Collector.
type totals struct {
	process *http.Process
	gen     *http.Generation
	workers []report
	gone    counts             // of modules, on workers that have ended
	filter  *cycle.FilterState // nil without a packet filter
}

// Describe implements prometheus.Collector; peers come and go, so nothing is
// promised.
func (t *totals) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (t *totals) Collect(out chan<- prometheus.Metric) {
	add := func(m int, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(descs[m], valueTypes[families[m].Kind], v, labels...)
	}
	add(build, 1, t.process.Version)
	add(generation, float64(t.gen.Cycle.Generation))
	add(steering, 1, t.gen.Cycle.Steering.Mode, t.gen.Cycle.Steering.Rung)
	t.packets(add)
	k := t.process.TLS.KTLS
	add(kernelTLS, 1, k.TX.String(), k.RX.String())
	t.requests(add, out)
	for i := range t.workers {
		t.workers[i].collect(add)
	}
	t.peers(add)
	t.certificates(add)
	t.modules(out)
}

// certificates shows when those of the configuration end. Copies in several
// files are shown once.
func (t *totals) certificates(add adder) {
	seen := make(map[[2]string]bool)
	for _, c := range t.gen.Certificates() {
		if id := [2]string{c.Subject, c.Serial}; !seen[id] {
			seen[id] = true
			add(certificateExpiry, float64(c.NotAfter.Unix()), c.Subject, c.Serial)
		}
	}
}

// packets shows what the packet filter has counted.
func (t *totals) packets(add adder) {
	if t.filter == nil {
		return
	}
	for device, mode := range t.filter.Devices {
		add(filterInfo, 1, device, mode)
	}
	for verdict, n := range t.filter.Verdicts {
		add(filterPackets, float64(n.Packets), verdict)
		add(filterBytes, float64(n.Bytes), verdict)
	}
	for list, n := range t.filter.Networks {
		add(filterNetworks, float64(n), list)
	}
	add(filterPending, truth(t.filter.Pending))
}

// adder emits one value of the family with that index.
type adder = func(m int, v float64, labels ...string)

// classes are the labels of http.Stats.ByClass.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// requests sums up connections and requests over all workers there were.
func (t *totals) requests(add adder, out chan<- prometheus.Metric) {
	ended := t.process.Retired()
	sum, active := ended.Stats, 0
	conns := ended.Conns
	for i := range t.workers {
		w := &t.workers[i]
		sum.Add(&w.stats)
		active += w.active
		conns.Refused += w.conns.Refused
		conns.AcceptErr += w.conns.AcceptErr
		conns.Dialled += w.conns.Dialled
	}
	add(connections, float64(sum.Reading), "reading")
	add(connections, float64(sum.Writing), "writing")
	add(connections, float64(max(0, int64(active)-sum.Reading-sum.Writing)), "waiting")
	add(accepted, float64(sum.Accepted))
	add(refused, float64(conns.Refused))
	add(acceptErrors, float64(conns.AcceptErr))
	add(dialled, float64(conns.Dialled))
	add(requestsRead, float64(sum.Requests))
	for i, n := range sum.ByClass {
		add(responses, float64(n), classes[i])
	}
	add(panics, float64(sum.Panics))
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
	return prometheus.MustNewConstHistogram(descs[duration], count, float64(s.LatencySum)/1000, buckets)
}

// collect shows what each worker has by itself.
func (r *report) collect(add adder) {
	id, loop := r.w.Name(), r.w.Loop.Stats()
	add(workerUp, truth(r.up), id)
	add(workerConnections, float64(r.active), id)
	add(workerAccepted, float64(r.conns.Accepted), id)
	add(workerUpstreamIdleConnections, float64(r.idle), id)
	add(workerReceives, float64(r.conns.Recvs), id)
	add(workerSends, float64(r.conns.Sends), id)
	add(workerSendfileBytes, float64(r.conns.FileBytes), id)
	t := &r.tls
	add(workerTLSHandshakes, float64(t.Accepted-t.Resumed), id, "full")
	add(workerTLSHandshakes, float64(t.Resumed), id, "resumed")
	add(workerTLSHandshakes, float64(t.Connected), id, "upstream")
	add(workerTLSHandshakes, float64(t.Failed-t.TimedOut), id, "failed")
	add(workerTLSHandshakes, float64(t.TimedOut), id, "timeout")
	add(workerTLSHandshakes, float64(t.Refused), id, "refused")
	add(workerTLSConnections, float64(t.Active), id)
	add(workerTLSKernel, float64(t.KernelTX), id, "send")
	add(workerTLSKernel, float64(t.KernelRX), id, "receive")
	add(workerMailboxSeconds, r.lag.Seconds(), id)
	add(workerLoopTurns, float64(loop.Turns), id)
	add(workerLoopEvents, float64(loop.Events), id)
	add(workerLoopSleeps, float64(loop.Sleeps), id)
	add(workerLoopBusySeconds, seconds(loop.BusyNS), id)
	add(workerLoopIdleSeconds, seconds(loop.IdleNS), id)
	add(workerLoopWorstTurnSeconds, seconds(loop.WorstNS), id)
	add(workerBufferGets, float64(r.buffers.Gets), id)
	add(workerBufferMisses, float64(r.buffers.Misses), id)
	add(workerBufferOdd, float64(r.buffers.Odd), id)
	add(workerBufferDropped, float64(r.buffers.Dropped), id)
	add(workerBufferRetainedBytes, float64(r.buffers.Retained), id)
	add(workerBufferInUseBytes, float64(r.buffers.InUse), id)
	add(workerBufferLinks, float64(r.buffers.Links), id)
	add(workerBufferPipes, float64(r.buffers.Pipes), id)
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
		add(peerConns, float64(p.Conns), p.Group, p.Address)
		add(peerFails, float64(p.Fails), p.Group, p.Address)
		add(peerUp, truth(p.Available), p.Group, p.Address)
	}
}

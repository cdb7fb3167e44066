package main

import (
	"sync"

	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/insight"
	"weir/appliance/server"
	"weir/appliance/worker"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/tlsio"
	"weir/tuning/cpu"
)

// keptBuffers is how many bytes of free buffers a worker keeps at most; what is
// above goes to the collector. It is enough for a few hundred busy connections.
const keptBuffers = 8 << 20

// services makes the HTTP service of each worker of the process.
type services struct {
	process http.Process
	insight insight.Service
	tls     sync.Once  // process.TLS is set
	mu      sync.Mutex // held while the list of workers changes
}

func newServices() *services {
	s := &services{process: http.Process{Version: version}}
	s.insight.Process = &s.process
	return s
}

// worker is a server.Factory; it runs on the worker's thread.
func (s *services) worker(loop *poll.Loop, id int) worker.Service {
	s.tls.Do(func() { s.process.TLS = tlsOptions() })
	d := conn.NewDriver(loop, buf.NewPool(keptBuffers))
	w := &service{Worker: http.NewWorker(d, id, &s.process), all: s}
	s.list(func(ws []*http.Worker) []*http.Worker { return append(ws, w.Worker) })
	return w
}

// signers is how many goroutines make slow signatures for all workers: as many
// as may run beside them.
const signers = 2

// tlsOptions fits TLS to the processor and the kernel. The signers live as long
// as the process.
func tlsOptions() tlsio.Options {
	c := cpu.Detect().Choose()
	return tlsio.Options{
		Signers: tlsio.NewSigners(signers), KTLS: tlsio.ProbeKTLS(), Suites12: c.Suites12, Curves: c.Curves,
		VectorAES: c.AEAD == cpu.AESVector && tlsio.VectorAES(),
	}
}

// kernelTLS is for the status.
func (s *services) kernelTLS() server.KernelTLS {
	k := s.process.TLS.KTLS
	return server.KernelTLS{Sends: k.TX.String(), Receives: k.RX.String()}
}

// list replaces the process's list of workers by a changed copy: metrics read it
// from other threads.
func (s *services) list(change func([]*http.Worker) []*http.Worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*http.Worker
	if old := s.process.Workers.Load(); old != nil {
		list = append(list, *old...)
	}
	list = change(list)
	s.process.Workers.Store(&list)
}

// service is an http.Worker as package worker wants it.
type service struct {
	*http.Worker
	all *services
}

// Driver makes the connections of the worker.
func (s *service) Driver() *conn.Driver { return s.Worker.Driver }

// Prepare begins what comes before the first request under c.
func (s *service) Prepare(c *cycle.Cycle) <-chan struct{} { return s.Worker.Prepare(generation(c)) }

// Use makes c the configuration of new requests.
func (s *service) Use(c *cycle.Cycle) { s.Worker.Use(generation(c)) }

// generation is the HTTP part of c, nil without an http block.
func generation(c *cycle.Cycle) *http.Generation {
	g, _ := c.HTTP.(*http.Generation)
	return g
}

// Close ends the worker for good.
func (s *service) Close() {
	s.Abort()
	s.TLS.Close()
	s.End()
	s.Worker.TLS.Close()
	s.all.process.Retire(s.Worker)
	s.all.list(func(ws []*http.Worker) []*http.Worker {
		var left []*http.Worker
		for _, w := range ws {
			if w != s.Worker {
				left = append(left, w)
			}
		}
		return left
	})
}

package tlsio

import (
	"crypto/tls"
	"sync"

	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/tlsio/gcm512"
)

const (
	// DefaultHandshakes is how many handshakes a worker has under way at
	// most, when its Options do not say.
	DefaultHandshakes = 4096
	// sweepEvery is how often, in milliseconds, connections without
	// traffic give up their ciphers: their keys remain.
	sweepEvery = 5000
)

// Options configures an Engine. The zero value is usable.
type Options struct {
	// Handshakes bounds the handshakes under way; 0 means DefaultHandshakes.
	// A connection beyond it is closed.
	Handshakes int
	// Signers makes slow signatures; nil makes all of them on the loop.
	Signers *Signers
	// KTLS says what the kernel offers; see ProbeKTLS.
	KTLS KTLS
	// Suites12 and Curves are what a Config offers that names no cipher
	// suites of TLS 1.2, or no key exchanges, of its own: a choice by the
	// processor. Nil means all that the record layer speaks, and crypto/tls's
	// own.
	Suites12 []uint16
	Curves   []tls.CurveID
	// VectorAES has AES-GCM done on 512-bit registers; see VectorAES.
	VectorAES bool
}

// VectorAES reports whether the processor and the kernel allow
// Options.VectorAES.
func VectorAES() bool { return gcm512.Supported() }

// Engine is the TLS of one worker.
type Engine struct {
	d       *conn.Driver
	o       Options
	scratch scratch
	vector  gcm512.Scratch
	control [64]byte // a record of a few bytes

	current *Handshake   // whose coroutine runs
	idle    []*coroutine // pooled
	awake   *Conn        // connections with ciphers, chained
	sweep   poll.Timer
	stats   Stats
}

// Stats counts what an engine did. It is the worker's own; others get a copy
// made on the worker.
type Stats struct {
	Accepted   uint64 // handshakes that succeeded as a server
	Resumed    uint64 // of these, by a ticket
	Connected  uint64 // handshakes that succeeded as a client
	Failed     uint64 // handshakes that did not
	TimedOut   uint64 // of these, by their timeout
	Refused    uint64 // connections beyond Options.Handshakes
	Signed     uint64 // signatures made off the loop
	Handshakes int64  // under way now
	Active     int64  // connections past their handshake now
	Sleeping   int64  // of these, without ciphers
	KernelTX   uint64 // connections that the kernel seals
	KernelRX   uint64 // connections that the kernel opens
}

// NewEngine returns the TLS of the worker whose driver is d.
func NewEngine(d *conn.Driver, o Options) *Engine {
	if o.Handshakes == 0 {
		o.Handshakes = DefaultHandshakes
	}
	e := &Engine{d: d, o: o}
	e.sweep.Owner = (*sweeper)(e)
	return e
}

// Stats returns a copy of the counters.
func (e *Engine) Stats() Stats { return e.stats }

// KTLS returns what the kernel does for the engine's connections.
func (e *Engine) KTLS() KTLS { return e.o.KTLS }

// Close ends the pooled coroutines. No handshake may be under way. Like every
// method it is called on the worker's thread: the Go runtime ends the process
// when a coroutine of a locked thread is resumed on another.
func (e *Engine) Close() {
	for _, co := range e.idle {
		co.stop()
	}
	e.idle = nil
	e.d.Loop.RemoveTimer(&e.sweep)
}

// list adds a connection to those that have ciphers.
func (e *Engine) list(t *Conn) {
	t.before, t.after = nil, e.awake
	if e.awake != nil {
		e.awake.before = t
	}
	e.awake = t
	if t.sleeps {
		t.sleeps = false
		e.stats.Sleeping--
	}
	if !e.sweep.Active() {
		e.d.Loop.SetTimer(&e.sweep, sweepEvery)
	}
}

func (e *Engine) unlist(t *Conn) {
	if t.before != nil {
		t.before.after = t.after
	} else {
		e.awake = t.after
	}
	if t.after != nil {
		t.after.before = t.before
	}
	t.after, t.before = nil, nil
}

// sweeper is the engine's timer.
type sweeper Engine

// Expired takes the ciphers of connections that were not used since it last
// ran, and of which nothing waits: an AES-GCM cipher of the standard library
// is 768 bytes, its key 16.
func (s *sweeper) Expired(*poll.Timer) {
	e := (*Engine)(s)
	for t := e.awake; t != nil; {
		next := t.after
		switch {
		case t.used || t.in != nil || t.out != nil:
			t.used = false
		default:
			e.unlist(t)
			t.rd.aead, t.wr.aead = nil, nil
			t.tail = nil
			t.sleeps = true
			e.stats.Sleeping++
		}
		t = next
	}
	if e.awake != nil {
		e.d.Loop.SetTimer(&e.sweep, sweepEvery)
	}
}

// Config says how handshakes go. It is immutable once it is used, and shared
// by workers.
type Config struct {
	// TLS is what crypto/tls is to do. These fields are used as they are,
	// with their callbacks: certificates, protocols, curves, client
	// authentication, ticket keys (EncryptTicket, WrapSession and so on),
	// ClientSessionCache, ServerName and the verification hooks. Of the
	// cipher suites those without AEAD are left out, versions before 1.2
	// and renegotiation are off. KeyLogWriter and GetConfigForClient are
	// ignored: see KeyLog and Select.
	TLS *tls.Config
	// Select chooses another configuration by what the client said: nil
	// keeps this one. An error ends the handshake. It may park.
	Select func(h *Handshake, hello *tls.ClientHelloInfo) (*Config, error)
	// KeepHello keeps the client's hello for Select, which finds it by
	// Handshake.Hello.
	KeepHello bool
	// KeepExporter keeps Conn.Exporter, some 500 bytes for each connection.
	KeepExporter bool
	// Wrap and Unwrap stand in for the hooks WrapSession and UnwrapSession of
	// TLS, and are told which handshake they run in. They may park.
	Wrap   func(h *Handshake, cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error)
	Unwrap func(h *Handshake, ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error)
	// Timeout bounds the handshake, in milliseconds; 0 means 60,000.
	Timeout int64
	// MaxRecord is the most content a record carries, 512 to 16384 bytes; 0
	// means 16384 (nginx's ssl_buffer_size).
	MaxRecord int
	// FixedRecords makes all records as large as possible from the first.
	FixedRecords bool
	// KTLS lets the kernel take over records where it can.
	KTLS bool
	// KeyLog is given the secrets of every handshake in NSS key log
	// format; nil, as nearly always, gives them to nobody. It is written to
	// on the loop.
	KeyLog interface{ Write(p []byte) (int, error) }
	// Owner is whatever hooks want to find from a configuration.
	Owner any

	mu    sync.Mutex
	bound map[*Engine]*tls.Config // by engine, hooks added; guarded by mu
}

// With is the configuration with another TLS, for one handshake: as a client,
// or as what Select returns.
func (f *Config) With(t *tls.Config) *Config {
	return &Config{TLS: t, Wrap: f.Wrap, Unwrap: f.Unwrap, Timeout: f.Timeout, MaxRecord: f.MaxRecord, FixedRecords: f.FixedRecords,
		KTLS: f.KTLS, KeyLog: f.KeyLog, KeepExporter: f.KeepExporter, Owner: f.Owner}
}

package tlsio

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
)

// takeover makes the record layer that goes on where crypto/tls stands.
func (h *Handshake) takeover() (*Conn, error) {
	st := h.tls.ConnectionState()
	s := suiteOf(st.CipherSuite)
	if s == nil {
		return nil, errSuite
	}
	e := h.e
	t := &Conn{e: e, suite: s, version: st.Version, client: h.client, Data: h.Data, used: true}
	t.Info = Info{
		Version: st.Version, Suite: st.CipherSuite, Curve: st.CurveID, Resumed: st.DidResume, HelloRetry: st.HelloRetryRequest, ECH: st.ECHAccepted,
		ServerName: st.ServerName, ALPN: st.NegotiatedProtocol,
		Peer: st.PeerCertificates,
	}
	if err := t.takeKeys(h); err != nil {
		return nil, err
	}
	if h.conf.KeepExporter {
		t.Exporter = &Exporter{ServerRandom: h.sec.randoms[serverHello-1].b, export: st.ExportKeyingMaterial}
	}
	t.maxRecord = min(max(h.conf.MaxRecord, 512), maxPlain)
	if h.conf.MaxRecord == 0 {
		t.maxRecord = maxPlain
	}
	t.growing = !h.conf.FixedRecords
	if h.client && st.Version == tls.VersionTLS13 && h.conf.TLS.ClientSessionCache != nil {
		t.tail = &tail{tls: h.tls, h: h}
	}
	if h.pos < len(h.in) {
		t.in, t.pos = h.in, h.pos
		h.in = nil
	}
	e.stats.Active++
	e.list(t)
	switch {
	case h.client:
		e.stats.Connected++
	default:
		e.stats.Accepted++
		if st.DidResume {
			e.stats.Resumed++
		}
	}
	return t, nil
}

// takeKeys derives both directions' keys.
func (t *Conn) takeKeys(h *Handshake) error {
	sec := &h.sec
	if t.version != tls.VersionTLS13 {
		if t.Info.Resumed {
			sec.master = sec.resumed
		}
		if sec.master.n == 0 || sec.randoms[0].b == [32]byte{} || sec.randoms[1].b == [32]byte{} {
			return errSecrets
		}
		client, server, err := keys12(t.e, t.suite, sec)
		t.rd, t.wr = client, server
		if h.client {
			t.rd, t.wr = server, client
		}
		return err
	}
	if sec.client.n == 0 || sec.server.n == 0 {
		return errSecrets
	}
	rd, wr := &sec.client, &sec.server
	if h.client {
		rd, wr = wr, rd
	}
	if err := t.rd.useTraffic(t.e, t.suite, rd.bytes()); err != nil {
		return err
	}
	err := t.wr.useTraffic(t.e, t.suite, wr.bytes())
	t.wr.seq = h.tickets
	return err
}

// bind returns the configuration for crypto/tls on one engine, made at the
// first handshake.
func (f *Config) bind(e *Engine) *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.bound[e]; b != nil {
		return b
	}
	b := f.hooked(e)
	if f.bound == nil {
		f.bound = make(map[*Engine]*tls.Config)
	}
	f.bound[e] = b
	return b
}

// hooked is a copy of the configuration with the engine's hooks. Those run
// within a handshake, which is then e.current.
func (f *Config) hooked(e *Engine) *tls.Config {
	base := f.TLS
	b := base.Clone()
	b.MinVersion = max(b.MinVersion, tls.VersionTLS12)
	b.Renegotiation = tls.RenegotiateNever
	b.CipherSuites = e.offered(base.CipherSuites)
	if base.CurvePreferences == nil {
		b.CurvePreferences = e.o.Curves
	}
	b.KeyLogWriter = (*keyLog)(e)
	b.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		wrap := base.WrapSession
		if wrap == nil {
			wrap = base.EncryptTicket
		}
		if f.Wrap != nil {
			wrap = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) { return f.Wrap(e.current, cs, ss) }
		}
		ticket, err := wrap(cs, ss)
		if err == nil && cs.Version == tls.VersionTLS13 {
			e.current.tickets += ticketRecords(len(ticket))
		}
		return ticket, err
	}
	b.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		unwrap := base.UnwrapSession
		if unwrap == nil {
			unwrap = base.DecryptTicket
		}
		if f.Unwrap != nil {
			unwrap = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
				return f.Unwrap(e.current, ticket, cs)
			}
		}
		ss, err := unwrap(ticket, cs)
		if err == nil && ss != nil && cs.Version != tls.VersionTLS13 {
			err = e.current.sec.offer(ss)
		}
		return ss, err
	}
	if base.ClientSessionCache != nil {
		b.ClientSessionCache = &sessionCache{base.ClientSessionCache, e}
	}
	b.GetConfigForClient = nil
	if f.Select != nil {
		b.GetConfigForClient = e.selectConfig
	}
	e.bindKeys(b, base)
	return b
}

// sessionCache is a client's cache that remembers what a handshake offers.
type sessionCache struct {
	tls.ClientSessionCache
	e *Engine
}

// Get implements tls.ClientSessionCache.
func (c *sessionCache) Get(key string) (*tls.ClientSessionState, bool) {
	cs, ok := c.ClientSessionCache.Get(key)
	if cs == nil {
		return cs, ok
	}
	_, ss, err := cs.ResumptionState()
	if err != nil || ss == nil || c.e.current.sec.offer(ss) != nil {
		return nil, false
	}
	return cs, ok
}

// selectConfig asks the configuration which one a client gets.
func (e *Engine) selectConfig(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	h := e.current
	f, err := h.conf.Select(h, hello)
	h.heard, h.hello = true, nil
	if err != nil || f == nil {
		return nil, err
	}
	h.conf = f
	return f.bind(e), nil
}

// Suites are the cipher suites of TLS 1.2 that a configuration offers on the
// engine's connections.
func (e *Engine) Suites(f *Config) []uint16 { return e.offered(f.TLS.CipherSuites) }

// offered leaves out of a configuration's suites what the record layer does not
// speak. Nil asks for the default ones.
func (e *Engine) offered(ids []uint16) []uint16 {
	if ids == nil {
		ids = e.o.Suites12
	}
	if ids == nil {
		return defaultSuites12()
	}
	out := make([]uint16, 0, len(ids))
	for _, id := range ids {
		if Supported(id) {
			out = append(out, id)
		}
	}
	return out
}

// ticketRecords is how many records a NewSessionTicket message with a ticket
// of n bytes takes: header, lifetime, age, empty nonce, length, no extensions
// (RFC 8446 section 4.6.1).
func ticketRecords(n int) uint64 {
	size := 4 + 4 + 4 + 1 + 2 + n + 2
	return uint64((size + maxPlain - 1) / maxPlain)
}

// keyLog is the Config.KeyLogWriter of an engine's configurations.
type keyLog Engine

// Write takes one line.
func (k *keyLog) Write(line []byte) (int, error) {
	h := k.current
	if err := h.sec.line(line); err != nil {
		return 0, err
	}
	if w := h.conf.KeyLog; w != nil {
		if n, err := w.Write(line); err != nil {
			return n, err
		}
	}
	return len(line), nil
}

// tail keeps crypto/tls behind a client's handshake, for the session tickets
// that follow it.
type tail struct {
	tls *tls.Conn
	h   *Handshake
}

// notYet is what the shim says when crypto/tls wants more than the record it
// was given. Being temporary, it does not end the tls.Conn.
type notYet struct{}

// Error implements error.
func (notYet) Error() string { return "no more records" }

// Timeout implements net.Error.
func (notYet) Timeout() bool { return true }

// Temporary implements net.Error.
func (notYet) Temporary() bool { return true }

var _ net.Error = notYet{}

// forward gives a record to crypto/tls if it carries nothing but session
// tickets, and reports whether it did. The first other record ends the tail.
func (t *Conn) forward(rec []byte) bool {
	old := t.rd
	b := append(t.e.d.Pool.Get(len(rec)), rec...)
	typ, content, _, err := t.open(b, nil)
	tickets := err == nil && typ == typeHandshake && onlyTickets(content)
	t.e.d.Pool.Put(b)
	if !tickets || t.idleRecords >= maxIdle {
		t.rd = old
		t.tail = nil
		return false
	}
	t.idleRecords++
	h := t.tail.h
	h.tailRecord = rec
	_, err = t.tail.tls.Read(make([]byte, 1))
	h.tailRecord = nil
	if !errors.As(err, new(notYet)) {
		t.tail = nil // it saw something that we did not: no more tickets
	}
	return true
}

// onlyTickets reports whether b is one or more whole NewSessionTickets.
func onlyTickets(b []byte) bool {
	for len(b) >= 4 && b[0] == msgNewSessionTicket {
		n := 4 + int(binary.BigEndian.Uint32(b)&0xffffff)
		if n > len(b) {
			return false
		}
		if b = b[n:]; len(b) == 0 {
			return true
		}
	}
	return false
}

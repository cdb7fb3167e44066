package tlsio

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

func TestSlowKeysSignOffTheLoop(t *testing.T) {
	s := NewSigners(1)
	defer s.Close()
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		signed uint64
	}{
		{"RSA", theAuthority().rsa, 3},
		{"P-384", theAuthority().p384, 3},
		{"P-256", theAuthority().ecdsa, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Signers: s})
			conf := &Config{TLS: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &c.cert, nil }}}
			for _, f := range []*Config{serverConfig(c.cert), conf} {
				for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
					if v == tls.VersionTLS12 && f == conf {
						continue
					}
					sd := &side{conf: f, echo: true}
					a := w.listen(sd)
					err := w.goClient(a, &tls.Config{MinVersion: v, MaxVersion: v}, func(c *tls.Conn) error {
						_, err := exchange(c, []byte("hello"))
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if n := w.e.Stats().Signed; n != c.signed {
				t.Errorf("%d signatures were made off the loop, want %d", n, c.signed)
			}
		})
	}
}

func TestHooksChooseAndMayPark(t *testing.T) {
	w := newWorld(t, Options{})
	chosen := &Config{TLS: &tls.Config{Certificates: []tls.Certificate{theAuthority().rsa}, NextProtos: []string{"h2", "http/1.1"}}}
	var loopWasFree bool
	conf := serverConfig()
	conf.Select = func(h *Handshake, hello *tls.ClientHelloInfo) (*Config, error) {
		if HandshakeOf(hello) != h || h.Config() != conf || h.Conn() == nil || h.Engine() != w.e {
			t.Error("the handshake is not what the hook was given")
		}
		h.Data = hello.ServerName
		w.d.Loop.Defer(task(func() { loopWasFree = true; h.Wake() }))
		if err := h.Park(); err != nil {
			return nil, err
		}
		return chosen, nil
	}
	s := &side{conf: conf, echo: true}
	a := w.listen(s)
	err := w.goClient(a, &tls.Config{NextProtos: []string{"http/1.1"}}, func(c *tls.Conn) error {
		if c.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm != x509.RSA {
			return errors.New("not the certificate of the chosen configuration")
		}
		_, err := exchange(c, []byte("hello"))
		return err
	})
	if err != nil || !loopWasFree || s.t.Data != "localhost" || s.t.Info.ALPN != "http/1.1" || s.t.Info.ServerName != "localhost" {
		t.Errorf("%v, loop ran %v, %+v", err, loopWasFree, s.t)
	}
	conf.Select = func(*Handshake, *tls.ClientHelloInfo) (*Config, error) { return nil, errors.New("not welcome") }
	err = w.goClient(a, nil, func(*tls.Conn) error { return nil })
	if err == nil || !strings.Contains(s.err.Error(), "not welcome") {
		t.Errorf("client %v, server %v", err, s.err)
	}
}

func TestClientCertificates(t *testing.T) {
	w := newWorld(t, Options{})
	conf := serverConfig()
	conf.TLS.ClientAuth, conf.TLS.ClientCAs = tls.RequireAndVerifyClientCert, theAuthority().pool
	s := &side{conf: conf, echo: true}
	a := w.listen(s)
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for range 2 { // the second resumes
			cc := clientConfig()
			cc.TLS.MaxVersion = v
			cc.TLS.Certificates = []tls.Certificate{theAuthority().client}
			c := &side{conf: cc}
			w.dial(c, a, "localhost")
			w.until("the handshake", func() bool { return c.handshaken > 0 })
			if c.err != nil {
				t.Fatal(c.err)
			}
			c.send("hello")
			w.until("the echo", func() bool { return string(c.got) == "hello" })
			if len(s.t.Info.Peer) != 1 || s.t.Info.Peer[0].Subject.CommonName != "a client" {
				t.Errorf("the server saw %v", s.t.Info.Peer)
			}
			c.c.Close()
		}
	}
	c := &side{conf: clientConfig()}
	w.dial(c, a, "")
	w.until("the refusal", func() bool { return c.end != nil || c.err != nil })
	if c.end != Alert(116) { // certificate_required comes after a TLS 1.3 client is done
		t.Errorf("a client without a certificate: %v, %v", c.err, c.end)
	}
}

func TestClientsVerify(t *testing.T) {
	w := newWorld(t, Options{})
	s := &side{conf: serverConfig()}
	a := w.listen(s)
	for _, c := range []struct {
		name string
		conf *Config
		want string
	}{
		{"elsewhere.example", clientConfig(), "not elsewhere.example"},
		{"", &Config{TLS: &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}}, "unknown authority"},
	} {
		cl := &side{conf: c.conf}
		w.dial(cl, a, c.name)
		w.until("the handshakes", func() bool { return cl.handshaken > 0 && s.handshaken > 0 })
		if cl.err == nil || !strings.Contains(cl.err.Error(), c.want) {
			t.Errorf("%v, want %q", cl.err, c.want)
		}
		w.until("the alert", func() bool { return s.err != nil || s.end != nil })
		s.err, s.end, s.handshaken = nil, nil, 0
	}
}

func TestSessionsResume(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			s := &side{conf: serverConfig(), echo: true}
			a := w.listen(s)
			conf := clientConfig()
			conf.TLS.MinVersion, conf.TLS.MaxVersion = v.version, v.version
			conf.TLS.ClientSessionCache = newSessions()
			if v.suite != 0 {
				conf.TLS.CipherSuites = []uint16{v.suite}
			}
			for i := range 3 {
				c := &side{conf: conf}
				w.dial(c, a, "")
				w.until("the handshake", func() bool { return c.handshaken > 0 })
				if c.err != nil || c.t.Info.Resumed != (i > 0) {
					t.Fatalf("connection %d: %v, resumed %v", i, c.err, c.err == nil && c.t.Info.Resumed)
				}
				c.send("hello")
				w.until("the echo", func() bool { return string(c.got) == "hello" })
				if s.t.Info.Resumed != (i > 0) || c.t.tail != nil {
					t.Errorf("server resumed %v, the client's tail is %v", s.t.Info.Resumed, c.t.tail)
				}
				c.c.Close()
			}
		})
	}
}

func TestPlainBytesComeBack(t *testing.T) {
	w := newWorld(t, Options{})
	s := &side{conf: serverConfig(), echo: true}
	a := w.listen(s)
	var got []byte
	err := w.beside(func() error {
		c, err := net.Dial("tcp", host(a))
		if err != nil {
			return err
		}
		defer c.Close()
		got, err = exchange(c, []byte("GET / HTTP/1.1\r\n\r\n"))
		return err
	})
	if err != nil || s.err != ErrNotTLS || string(got) != "GET / HTTP/1.1\r\n\r\n" || !s.c.CanSpliceIn() {
		t.Errorf("%v, handshake %v, echo %q", err, s.err, got)
	}
	s.c.Close()
	if st := w.d.Pool.Stats(); st.InUse != 0 {
		t.Errorf("%d bytes of buffers are still out", st.InUse)
	}
}

func TestEngineChoosesWhatAConfigurationLeavesOpen(t *testing.T) {
	w := newWorld(t, Options{
		Suites12: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, Curves: []tls.CurveID{tls.CurveP384},
	})
	named := serverConfig()
	named.TLS.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	named.TLS.CurvePreferences = []tls.CurveID{tls.CurveP256}
	for _, c := range []struct {
		conf  *Config
		suite uint16
		curve tls.CurveID
	}{
		{serverConfig(), tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.CurveP384},
		{named, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.CurveP256},
	} {
		s := &side{conf: c.conf}
		a := w.listen(s)
		if err := w.goClient(a, &tls.Config{MaxVersion: tls.VersionTLS12}, func(*tls.Conn) error { return nil }); err != nil {
			t.Fatal(err)
		}
		w.until("the handshake", func() bool { return s.handshaken > 0 })
		if s.t.Info.Suite != c.suite || s.t.Info.Curve != c.curve {
			t.Errorf("agreed on %x and %v", s.t.Info.Suite, s.t.Info.Curve)
		}
	}
}

// rawDial connects and sends p, without TLS.
func (w *world) rawDial(a sock.Addr, p []byte) net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", host(a))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	if _, err := c.Write(p); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// clientHelloOf is the first flight of a crypto/tls client.
func clientHelloOf(t testing.TB) []byte {
	near, far := net.Pipe()
	go tls.Client(near, &tls.Config{ServerName: "localhost"}).HandshakeContext(context.Background())
	b := make([]byte, 8192)
	n, err := far.Read(b)
	far.Close()
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestHandshakesEnd ends handshakes at every point from outside: nothing of
// them stays.
func TestHandshakesEnd(t *testing.T) {
	hello := clientHelloOf(t)
	w := newWorld(t, Options{})
	s := &side{conf: &Config{TLS: serverConfig().TLS, Timeout: 30}}
	a := w.listen(s)
	clean := func(what string, failed uint64) {
		t.Helper()
		if st := w.e.Stats(); st.Handshakes != 0 || st.Failed != failed || w.d.Pool.Stats().InUse != 0 || len(w.e.idle) > 1 {
			t.Errorf("%s: %+v, %d bytes out, %d idle coroutines", what, st, w.d.Pool.Stats().InUse, len(w.e.idle))
		}
		s.handshaken, s.err = 0, nil
	}
	for i, sent := range [][]byte{nil, hello[:3], hello[:100], hello} {
		c := w.rawDial(a, sent)
		w.until("the timeout", func() bool { return s.handshaken > 0 })
		if s.err != ErrTimeout {
			t.Errorf("%d bytes: %v", len(sent), s.err)
		}
		c.Close()
		clean("timeout", uint64(i+1))
	}
	s.conf = serverConfig()
	for i, sent := range [][]byte{nil, hello[:3], hello[:100], hello} {
		w.rawDial(a, sent).Close()
		w.until("the close", func() bool { return s.handshaken > 0 })
		if s.err != ErrClosedEarly && !strings.Contains(s.err.Error(), "reset") {
			t.Errorf("%d bytes: %v", len(sent), s.err)
		}
		clean("close", uint64(i+5))
	}
	for i, sent := range [][]byte{nil, hello[:100], hello} {
		s.c = nil
		w.rawDial(a, sent)
		w.until("the bytes", func() bool { return s.c != nil && s.c.Received == int64(len(sent)) })
		s.c.Close() // by this side, in the middle
		if s.handshaken != 0 {
			t.Error("a closed connection was handed on")
		}
		clean("own close", uint64(i+9))
	}
	w.rawDial(a, append([]byte{typeHandshake, 3, 1, 0, 100, 99}, make([]byte, 99)...))
	w.until("the refusal", func() bool { return s.handshaken > 0 })
	if s.err == nil {
		t.Error("garbage was accepted")
	}
	clean("garbage", 12)
}

func TestTooManyHandshakesAreRefused(t *testing.T) {
	w := newWorld(t, Options{Handshakes: 1})
	s := &side{conf: serverConfig()}
	a := w.listen(s)
	w.rawDial(a, clientHelloOf(t)[:10])
	w.until("the first", func() bool { return w.e.Stats().Handshakes == 1 })
	w.rawDial(a, nil)
	w.until("the second", func() bool { return s.handshaken == 1 })
	if s.err != ErrBusy || w.e.Stats().Refused != 1 {
		t.Errorf("%v, %+v", s.err, w.e.Stats())
	}
}

// TestPanicsOfHooksReachTheLoop proves that a panic on a coroutine is the
// loop's to report, with its stack, and leaves nothing behind.
func TestPanicsOfHooksReachTheLoop(t *testing.T) {
	var value any
	w := newWorldOn(t, poll.Config{OnPanic: func(_, v any, _ []byte) { value = v }}, Options{})
	conf := serverConfig()
	conf.Select = func(*Handshake, *tls.ClientHelloInfo) (*Config, error) { panic("a hook's fault") }
	s := &side{conf: conf}
	a := w.listen(s)
	w.rawDial(a, clientHelloOf(t))
	w.until("the panic", func() bool { return value != nil })
	text, _ := value.(string)
	if !strings.Contains(text, "a hook's fault in a TLS handshake") || !strings.Contains(text, "TestPanicsOfHooks") {
		t.Errorf("the loop was told %v", value)
	}
	if st := w.e.Stats(); st.Handshakes != 0 || st.Failed != 1 || s.handshaken != 0 || w.d.Pool.Stats().InUse != 0 {
		t.Errorf("%+v", st)
	}
}

// TestManyHandshakesShareFewGoroutines holds that what is at rest costs no
// goroutine.
func TestManyHandshakesShareFewGoroutines(t *testing.T) {
	w := newWorld(t, Options{})
	before := runtime.NumGoroutine()
	s := &side{conf: serverConfig(), echo: true}
	a := w.listen(s)
	cc := clientConfig()
	var open []*side
	for range 20 {
		c := &side{conf: cc}
		w.dial(c, a, "")
		w.until("the handshake", func() bool { return c.handshaken > 0 })
		if c.err != nil {
			t.Fatal(c.err)
		}
		open = append(open, c)
	}
	if n := runtime.NumGoroutine(); n > before+3 {
		t.Errorf("%d goroutines for %d connections, %d before", n, 2*len(open), before)
	}
	for _, c := range open {
		c.c.Close()
	}
}

// TestFullSocketsHoldOutput has a reader that is slow: everything arrives once
// it reads, and a close meanwhile frees what waits.
func TestFullSocketsHoldOutput(t *testing.T) {
	for _, v := range versions[:2] {
		w := newWorld(t, Options{})
		s := &side{conf: serverConfig()}
		a := w.listen(s)
		c := &side{conf: clientConfig()}
		c.conf.TLS.MaxVersion = v.version
		w.dial(c, a, "")
		w.until("the handshake", func() bool { return c.handshaken > 0 && s.handshaken > 0 })
		c.c.SetHandler(deaf{})
		p := pattern(8 << 20)
		s.send(string(p))
		w.until("a full socket", func() bool { return s.c.WriteBlocked() })
		if s.out.Empty() || s.t.out == nil || s.c.Sent >= int64(len(p)) {
			t.Fatalf("%s: nothing waits after %d bytes", v.name, s.c.Sent)
		}
		c.c.SetHandler(c)
		c.Readable(c.c)
		w.until("all bytes", func() bool { return len(c.got) == len(p) })
		if !bytes.Equal(c.got, p) || s.c.Sent != int64(len(p)) || !s.out.Empty() || s.end != nil {
			t.Errorf("%s: %d bytes sent, end %v", v.name, s.c.Sent, s.end)
		}
		c.c.SetHandler(deaf{})
		s.send(string(p))
		w.until("a full socket", func() bool { return s.c.WriteBlocked() })
		w.d.Pool.DoneChain(&s.out)
		s.c.Close()
		c.c.Close()
		if st := w.d.Pool.Stats(); st.InUse != 0 {
			t.Errorf("%d bytes of buffers are still out", st.InUse)
		}
	}
}

// deaf is a handler that reads nothing.
type deaf struct{}

func (deaf) Readable(*conn.Conn)              {}
func (deaf) Writable(*conn.Conn)              {}
func (deaf) Expired(*conn.Conn, conn.TimerID) {}

func TestKeysAreLoggedOnlyWhenAsked(t *testing.T) {
	w := newWorld(t, Options{})
	var log bytes.Buffer
	conf := serverConfig()
	conf.KeyLog = &log
	a := w.listen(&side{conf: conf})
	if err := w.goClient(a, nil, func(*tls.Conn) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "SERVER_TRAFFIC_SECRET_0 ") {
		t.Errorf("logged %q", log.String())
	}
}

// TestOneByteAtATime has a handshake arrive in the smallest pieces.
func TestOneByteAtATime(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		w := newWorld(t, Options{})
		s := &side{conf: serverConfig(), echo: true}
		a := w.listen(s)
		err := w.beside(func() error {
			raw, err := net.Dial("tcp", host(a))
			if err != nil {
				return err
			}
			defer raw.Close()
			raw.SetDeadline(time.Now().Add(time.Minute))
			c := tls.Client(slowly{raw}, &tls.Config{RootCAs: theAuthority().pool, ServerName: "localhost", MaxVersion: v})
			got, err := exchange(c, []byte("hello"))
			if err == nil && string(got) != "hello" {
				err = io.ErrUnexpectedEOF
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// slowly writes byte by byte.
type slowly struct{ net.Conn }

func (s slowly) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestIdleConnectionsAreSmall holds what a connection keeps on the heap when
// it has slept: less than half of the 2 KB that may be resident, since the
// collector lets the heap double.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const n, limit = 200, 1000
	w := newWorld(t, Options{VectorAES: VectorAES()})
	s := &side{conf: serverConfig()}
	a := w.listen(s)
	heap := func() int64 { return int64(memory().HeapAlloc) }
	connect := func(n int) (open []*conn.Conn) {
		cc := clientConfig()
		for range n {
			c := &side{conf: cc}
			s.handshaken = 0
			w.dial(c, a, "")
			w.until("the handshakes", func() bool { return c.handshaken > 0 && s.handshaken > 0 })
			c.c.SetHandler(deaf{})
			open = append(open, c.c, s.c)
		}
		(*sweeper)(w.e).Expired(nil)
		(*sweeper)(w.e).Expired(nil)
		return open
	}
	connect(10) // pools, caches and what is made once
	before := heap()
	open := connect(n)
	each := (heap() - before) / int64(len(open))
	if st := w.e.Stats(); st.Sleeping != 2*(n+10) {
		t.Errorf("%d connections sleep", st.Sleeping)
	}
	t.Logf("%d bytes each, of which the record layer has %d and the connection below %d", each, reflect.TypeFor[Conn]().Size(), reflect.TypeFor[conn.Conn]().Size())
	if each > limit {
		t.Errorf("a sleeping connection keeps %d bytes, want %d at most", each, limit)
	}
	for _, c := range open {
		c.Close()
	}
}

// TestHooksMayStartCoroutines has a hook start a coroutine within the
// handshake's own, on a locked thread, and the loop continue it: what Lua in a
// handshake does. It is the first to fail if a new Go forbids it.
func TestHooksMayStartCoroutines(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread) // after the engine's coroutines ended: they belong to the thread
	w := newWorld(t, Options{})
	conf := serverConfig()
	steps := ""
	conf.Select = func(h *Handshake, _ *tls.ClientHelloInfo) (*Config, error) {
		next, stop := iter.Pull(func(yield func(string) bool) {
			steps += "a"
			yield("parked")
			steps += "b"
		})
		next() // runs to its first yield
		w.d.Loop.Defer(task(func() {
			next() // to its end, from the loop's own stack
			stop()
			h.Wake()
		}))
		return nil, h.Park()
	}
	s := &side{conf: conf, echo: true}
	a := w.listen(s)
	for range 3 {
		if err := w.goClient(a, nil, func(c *tls.Conn) error {
			_, err := exchange(c, []byte("hello"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if steps != "ababab" {
		t.Errorf("ran %q", steps)
	}
}

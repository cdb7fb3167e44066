package tlsio

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// world is one worker with its TLS, driven by the test.
type world struct {
	t testing.TB
	d *conn.Driver
	e *Engine
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	return newWorldOn(t, poll.Config{}, o)
}

func newWorldOn(t testing.TB, pc poll.Config, o Options) *world {
	t.Helper()
	l, err := poll.New(pc)
	if err != nil {
		t.Fatal(err)
	}
	d := conn.NewDriver(l, buf.NewPool(0))
	w := &world{t, d, NewEngine(d, o)}
	t.Cleanup(func() { w.e.Close(); d.Pool.Close(); l.Close() })
	return w
}

type expire func()

func (f expire) Expired(*poll.Timer) { f() }

// until drives the loop until done, with patience for a busy machine.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	var guard poll.Timer
	late := false
	guard.Owner = expire(func() { late = true })
	w.d.Loop.SetTimer(&guard, 60_000)
	defer w.d.Loop.RemoveTimer(&guard)
	for !done() {
		w.d.Loop.Step()
		if late {
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

type task func()

func (f task) Run() { f() }

// side is the owner of a TLS connection of the world: it keeps what it was
// told and what came, and echoes if asked.
type side struct {
	w    *world
	conf *Config
	c    *conn.Conn
	t    *Conn
	err  error
	got  []byte
	end  error // what ended receiving
	echo bool
	out  buf.Chain
	in   []byte

	handshaken int
	onReady    func()
}

// Accepted implements conn.Acceptor.
func (s *side) Accepted(c *conn.Conn) {
	s.c = c
	s.w.e.Accept(c, s.conf, nil, s)
}

// Handshaken implements Peer.
func (s *side) Handshaken(c *conn.Conn, t *Conn, err error) {
	s.handshaken++
	s.t, s.err = t, err
	if err != nil && err != ErrNotTLS {
		c.Close()
		return
	}
	c.SetHandler(s)
	if s.onReady != nil {
		s.onReady()
	}
	if c.ReadReady() {
		s.Readable(c)
	}
}

// Readable implements conn.Handler.
func (s *side) Readable(c *conn.Conn) {
	if s.in == nil {
		s.in = make([]byte, 4096)
	}
	b := s.in
	for !c.Closed() {
		n, err := c.Recv(b)
		if err == conn.ErrAgain {
			break
		}
		if err != nil {
			s.end = err
			break
		}
		s.got = append(s.got, b[:n]...)
		if s.echo {
			s.send(string(b[:n]))
		}
	}
}

// send queues bytes and sends what goes.
func (s *side) send(p string) {
	s.out.Append(s.w.d.Pool.MemLink([]byte(p)))
	s.flush()
}

func (s *side) flush() {
	if _, err := s.c.Send(&s.out, 0); err != nil && err != conn.ErrAgain {
		s.end = err
		s.w.d.Pool.DoneChain(&s.out)
	}
}

// Writable implements conn.Handler.
func (s *side) Writable(*conn.Conn) { s.flush() }

// Expired implements conn.Handler.
func (s *side) Expired(*conn.Conn, conn.TimerID) {}

// listen makes a listener for s and returns its address.
func (w *world) listen(s *side) sock.Addr {
	w.t.Helper()
	return w.listenAcceptor(s, s)
}

func (w *world) listenAcceptor(s *side, acc conn.Acceptor) sock.Addr {
	w.t.Helper()
	a, err := sock.ParseAddr("127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	fd, err := sock.Listen(sock.ListenOptions{Addr: a})
	if err != nil {
		w.t.Fatal(err)
	}
	a, _ = sock.Getsockname(fd)
	s.w = w
	l, err := conn.NewListener(w.d, fd, acc, conn.ListenerOptions{Addr: a})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close(); sock.Close(fd) })
	return a
}

// dialer begins the client side when the connection stands.
type dialer struct {
	*side
	name string
}

func (d dialer) Writable(c *conn.Conn) {
	if err := c.ConnectError(); err != nil {
		d.err = err
		d.handshaken++
		return
	}
	d.w.e.Connect(c, d.conf, d.name, d.side)
}

// dial connects s to an address and begins its handshake.
func (w *world) dial(s *side, a sock.Addr, name string) {
	w.t.Helper()
	s.w = w
	c, err := conn.Dial(w.d, a, conn.DialOptions{}, dialer{s, name})
	if err != nil {
		w.t.Fatal(err)
	}
	s.c = c
}

// authority is the test's certificate authority with its certificates.
type authority struct {
	pool             *x509.CertPool
	ca               []byte
	ecdsa, rsa, p384 tls.Certificate // for localhost and 127.0.0.1
	client           tls.Certificate
}

var theAuthority = sync.OnceValue(makeAuthority)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func makeAuthority() *authority {
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weir test CA"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER := must(x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey))
	caCert := must(x509.ParseCertificate(caDER))
	issue := func(n int64, name string, use x509.ExtKeyUsage, pub any, key any) tls.Certificate {
		der := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
			DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{use},
		}, caCert, pub, caKey))
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
	}
	ecKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	clientKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	a := &authority{pool: x509.NewCertPool(), ca: caDER}
	a.pool.AddCert(caCert)
	a.ecdsa = issue(2, "localhost", x509.ExtKeyUsageServerAuth, ecKey.Public(), ecKey)
	a.rsa = issue(3, "localhost", x509.ExtKeyUsageServerAuth, rsaKey.Public(), rsaKey)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	a.p384 = issue(5, "localhost", x509.ExtKeyUsageServerAuth, p384.Public(), p384)
	a.client = issue(4, "a client", x509.ExtKeyUsageClientAuth, clientKey.Public(), clientKey)
	return a
}

func serverConfig(certs ...tls.Certificate) *Config {
	if len(certs) == 0 {
		certs = []tls.Certificate{theAuthority().ecdsa}
	}
	return &Config{TLS: &tls.Config{Certificates: certs}}
}

func clientConfig() *Config {
	return &Config{TLS: &tls.Config{RootCAs: theAuthority().pool, ServerName: "localhost"}}
}

// goClient runs f over a crypto/tls client of a server side, on a goroutine,
// and drives the loop until it has returned.
func (w *world) goClient(a sock.Addr, conf *tls.Config, f func(c *tls.Conn) error) error {
	w.t.Helper()
	if conf == nil {
		conf = &tls.Config{}
	}
	conf.RootCAs, conf.ServerName = theAuthority().pool, "localhost"
	return w.beside(func() error {
		c, err := tls.Dial("tcp", a.String(), conf)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		return f(c)
	})
}

// beside drives the loop while f runs on a goroutine of its own.
func (w *world) beside(f func() error) error {
	w.t.Helper()
	var err error
	finished := false
	go func() {
		e := f()
		w.d.Loop.Post(task(func() { err, finished = e, true }))
	}()
	w.until("the other side", func() bool { return finished })
	return err
}

// exchange writes p and reads as much back.
func exchange(c io.ReadWriter, p []byte) ([]byte, error) {
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(p)
		done <- err
	}()
	b := make([]byte, len(p))
	if _, err := io.ReadFull(c, b); err != nil {
		return b, err
	}
	return b, <-done
}

// newSessions is a client's store of sessions.
func newSessions() tls.ClientSessionCache { return tls.NewLRUClientSessionCache(8) }

// memory is what is in use after the collector has done all it can.
func memory() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	runtime.ReadMemStats(&m)
	return m
}

package ssl

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"testing"

	"weir/appliance/certs"
	"weir/appliance/certs/certstest"
)

// helloOf is the hello that crypto/tls sends for conf.
func helloOf(t testing.TB, conf *tls.Config) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() { // ends when the pipe is closed
		_ = tls.Client(b, conf).Handshake() // nobody answers
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(a, head); err != nil {
		t.Fatal(err)
	}
	msg := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(a, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestHellosAreReadAsSent(t *testing.T) {
	msg := helloOf(t, &tls.Config{ServerName: "www.test"})
	h := parseHello(msg)
	if h == nil {
		t.Fatal("not read")
	}
	if name, ok := h.ServerName(); name != "www.test" || !ok {
		t.Errorf("got name %q, %v", name, ok)
	}
	if !slices.Contains(h.Ciphers, tls.TLS_AES_128_GCM_SHA256) || !bytes.Equal(h.Random, msg[6:38]) {
		t.Errorf("got suites %x, random %x", h.Ciphers, h.Random)
	}
	if v, ok := h.Extension(43); !ok || !bytes.Equal(v, []byte{4, 3, 4, 3, 3}) {
		t.Errorf("got versions %x", v)
	}
	if _, ok := h.Extension(12345); ok || h.offered(true) != nil || len(h.offered(false)) != 0 {
		t.Error("found what was not sent")
	}
	for n := range msg {
		if parseHello(msg[:n]) != nil {
			t.Fatalf("%d of %d bytes were taken for a hello", n, len(msg))
		}
	}
}

func TestNamesOfHellosAreStrict(t *testing.T) {
	for _, c := range []struct {
		name string
		data string
		want string
		ok   bool
	}{
		{"a host name", "\x00\x06\x00\x00\x03a.b", "a.b", true},
		{"an empty list", "\x00\x00", "", false},
		{"another type", "\x00\x06\x01\x00\x03a.b", "", false},
		{"a name beyond the list", "\x00\x06\x00\x00\x09a.b", "", false},
		{"an empty name", "\x00\x03\x00\x00\x00", "", false},
		{"nothing", "", "", false},
	} {
		h := &Hello{Extensions: []Extension{{extServerName, []byte(c.data)}}}
		if got, ok := h.ServerName(); got != c.want || ok != c.ok {
			t.Errorf("%s: got %q, %v", c.name, got, ok)
		}
	}
	if got, ok := new(Hello).ServerName(); got != "" || !ok {
		t.Errorf("without the extension: got %q, %v", got, ok)
	}
}

func TestTicketsOfferedAreFound(t *testing.T) {
	psk := Extension{extPreSharedKey, []byte("\x00\x09\x00\x03abc\x00\x00\x00\x00\x00\x03\x02xx")}
	for _, c := range []struct {
		name  string
		list  []Extension
		tls13 bool
		want  string
	}{
		{"TLS 1.2", []Extension{{extSessionTicket, []byte("ticket")}}, false, "ticket"},
		{"TLS 1.2 without", []Extension{psk}, false, ""},
		{"TLS 1.3", []Extension{{extPSKModes, []byte{1, 1}}, psk}, true, "abc"},
		{"TLS 1.3 without a fresh key exchange", []Extension{{extPSKModes, []byte{1, 0}}, psk}, true, ""},
		{"TLS 1.3 cut off", []Extension{{extPSKModes, []byte{1, 1}}, {extPreSharedKey, psk.Data[:5]}}, true, ""},
	} {
		if got := (&Hello{Extensions: c.list}).offered(c.tls13); string(got) != c.want {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add(helloOf(f, &tls.Config{ServerName: "www.test"}))
	f.Add(helloOf(f, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}))
	f.Add([]byte("\x01\x00\x00\x26\x03\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := parseHello(b)
		if h == nil {
			return
		}
		size := 0
		for _, e := range h.Extensions {
			size += 4 + len(e.Data)
		}
		if len(h.Random) != 32 || size > len(b) || 2*len(h.Ciphers) > len(b) {
			t.Errorf("%d bytes became %d suites, %d bytes of extensions", len(b), len(h.Ciphers), size)
		}
		h.ServerName()
		h.offered(true)
		h.offered(false)
	})
}

// session makes a session between crypto/tls's own two sides and returns what
// the server made of it.
func session(t *testing.T, version uint16, p tls.Certificate) *tls.SessionState {
	t.Helper()
	var made *tls.SessionState
	server := &tls.Config{Certificates: []tls.Certificate{p}, MaxVersion: version}
	server.WrapSession = func(_ tls.ConnectionState, ss *tls.SessionState) ([]byte, error) { made = ss; return []byte("x"), nil }
	a, b := net.Pipe()
	defer a.Close()
	go func() { // ends when the pipe is closed
		c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
		_, _ = c.Read(make([]byte, 1)) // takes the ticket until the end
	}()
	if err := tls.Server(a, server).Handshake(); err != nil {
		t.Fatal(err)
	}
	if made == nil {
		t.Fatal("no session")
	}
	return made
}

// TestSessionsAreDescribed holds what describe reads out of crypto/tls's
// encoding: a new Go that changes it fails here first.
func TestSessionsAreDescribed(t *testing.T) {
	p := certstest.Issue(t, nil, "x").TLS()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ss := session(t, version, p)
		d := describe(ss)
		suites := []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_CHACHA20_POLY1305_SHA256}
		if version == tls.VersionTLS12 {
			suites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		}
		if d.version != version || !slices.Contains(suites, d.suite) || d.clientCert {
			t.Errorf("version %x: got %+v", version, d)
		}
		if version == tls.VersionTLS12 && (!d.extended || standIn(ss) == nil) {
			t.Errorf("version %x: got %+v", version, d)
		}
	}
}

func TestHalvesOfCertificatesMeet(t *testing.T) {
	one, two := certstest.Issue(t, nil, "one"), certstest.Issue(t, nil, "two")
	first := one.TLS()
	r := &run{list: []*tls.Certificate{&first}}
	c := &Connection{run: r}
	chain := func(p *certstest.Pair) error { return c.SetChain([]*x509.Certificate{p.Cert}) }
	usableNow := func() int { return len(usable(r.slots)) }
	if err := c.SetKey(two.Key); err != certs.ErrMismatch {
		t.Errorf("a key of another certificate: %v", err)
	}
	if err := chain(two); err != nil || usableNow() != 0 {
		t.Errorf("a certificate whose key is missing: %v, %d usable", err, usableNow())
	}
	if err := c.SetKey(two.Key); err != nil || usableNow() != 1 {
		t.Errorf("its key: %v, %d usable", err, usableNow())
	}
	if err := c.ClearCertificates(); err != nil || usableNow() != 0 {
		t.Errorf("cleared: %v, %d usable", err, usableNow())
	}
	if err := c.SetKey(one.Key); err != nil || usableNow() != 0 {
		t.Errorf("a key first: %v, %d usable", err, usableNow())
	}
	if err := chain(one); err != nil || usableNow() != 1 {
		t.Errorf("then its certificate: %v, %d usable", err, usableNow())
	}
	c.run = nil
	if err := chain(one); err != ErrOver {
		t.Errorf("after the handshake: %v", err)
	}
}

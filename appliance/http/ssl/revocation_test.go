package ssl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	hosttest "net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	weirhttp "weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/ssl"
)

var modules = weirhttp.Modules{&weirhttp.Core, &ssl.Module, &rewrite.Module, &weirhttp.Copy, &weirhttp.Postpone}

// authority issues certificates into a folder.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate; the first one of an authority is its own.
func (a *authority) issue(serial int64, name, responder string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: a.cert == nil}
	if responder != "" {
		tmpl.OCSPServer = []string{responder}
	}
	by, signer := a.cert, a.key
	if by == nil {
		by, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == nil {
		a.key = key
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, b := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(b), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// get makes a request with a client certificate and returns the body.
func get(t *testing.T, s *httptest.Server, cert tls.Certificate) string {
	t.Helper()
	nc, err := net.FileConn(s.Dial(t).File)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}})
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(c) // the end without close_notify is none of this test's business
	_, body, _ := strings.Cut(string(all), "\r\n\r\n")
	return body
}

func TestRespondersDecideOverClients(t *testing.T) {
	a := &authority{t: t, dir: t.TempDir()}
	a.issue(1, "root", "")
	a.issue(2, "server", "")
	var status, asked atomic.Int64
	responder := hosttest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if status.Load() < 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		raw, err := ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{Status: int(status.Load()), SerialNumber: big.NewInt(3),
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now()}, a.key)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	defer responder.Close()
	person := a.issue(3, "person", responder.URL)
	alone := a.issue(4, "alone", "")
	text := func(more string) string {
		return `ssl_certificate DIR/server.crt; ssl_certificate_key DIR/server.key; ssl_client_certificate DIR/root.crt; ssl_verify_client optional; ssl_ocsp on;` + more +
			` server { listen %LISTEN% ssl; error_page 495 =200 /refused; location / { return 200 $ssl_client_verify; } location /refused { return 200 $ssl_client_verify; } }`
	}
	start := func(more string) *httptest.Server {
		return httptest.Start(t, modules, strings.ReplaceAll(text(more), "DIR", a.dir))
	}
	s := start("")
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		status int64
		want   string
		asked  int64
	}{
		{"good", person, ocsp.Good, "SUCCESS", 1},
		{"revoked", person, ocsp.Revoked, "FAILED:certificate revoked", 1},
		{"unknown", person, ocsp.Unknown, "FAILED:certificate status unknown", 1},
		{"no answer", person, -1, "FAILED:certificate status request failed", 1},
		{"nobody to ask", alone, ocsp.Good, "FAILED:certificate status request failed", 0},
		{"no certificate", tls.Certificate{}, ocsp.Good, "NONE", 0},
	} {
		asked.Store(0)
		status.Store(c.status)
		if got := get(t, s, c.cert); got != c.want || asked.Load() != c.asked {
			t.Errorf("%s: got %q after %d questions, want %q after %d", c.name, got, asked.Load(), c.want, c.asked)
		}
	}
	s = start("ssl_ocsp_cache shared:answers:1m; ssl_ocsp_responder " + responder.URL + ";")
	asked.Store(0)
	for _, st := range []int64{ocsp.Good, ocsp.Revoked} { // the second one is not heard
		status.Store(st)
		if got := get(t, s, person); got != "SUCCESS" {
			t.Errorf("with a cache: got %q, want SUCCESS", got)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("with a cache: %d questions, want 1", n)
	}
}

// TestAClientThatGoesAwayIsForgotten closes a connection while its responder
// is thinking.
func TestAClientThatGoesAwayIsForgotten(t *testing.T) {
	a := &authority{t: t, dir: t.TempDir()}
	a.issue(1, "root", "")
	a.issue(2, "server", "")
	came, answer := make(chan struct{}), make(chan struct{})
	responder := hosttest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		<-answer
	}))
	defer responder.Close()
	defer close(answer)
	person := a.issue(3, "person", responder.URL)
	s := httptest.Start(t, modules, strings.ReplaceAll(`ssl_certificate DIR/server.crt; ssl_certificate_key DIR/server.key; ssl_client_certificate DIR/root.crt;
		ssl_verify_client on; ssl_ocsp leaf; server { listen %LISTEN% ssl; location / { return 200 x; } }`, "DIR", a.dir))
	file := s.Dial(t).File
	nc, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{person}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	<-came
	open := func() (n int64) {
		s.Do(func(w *weirhttp.Worker) { n = w.TLS.Stats().Active })
		return n
	}
	if n := open(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	_ = nc.Close()
	for deadline := time.Now().Add(time.Minute); open() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the connection is still there")
		}
	}
}

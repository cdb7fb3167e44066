package ssl_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	hosttest "net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/appliance/certs/certstest"
	weirhttp "weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/ssl"
)

var modules = weirhttp.Modules{&weirhttp.Core, &ssl.Module, &rewrite.Module, &weirhttp.Copy, &weirhttp.Postpone}

// authority makes one, and a certificate for the server, in files of dir.
func authority(t *testing.T, dir string) *certstest.Pair {
	t.Helper()
	root := certstest.Issue(t, nil, "root", certstest.CA)
	root.Write(t, dir, "root")
	certstest.Issue(t, root, "server").Write(t, dir, "server")
	return root
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
	dir := t.TempDir()
	root := authority(t, dir)
	var status, asked atomic.Int64
	serial := big.NewInt(3)
	responder := hosttest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if status.Load() < 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		raw, err := ocsp.CreateResponse(root.Cert, root.Cert, ocsp.Response{Status: int(status.Load()), SerialNumber: serial,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now()}, root.Key)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	defer responder.Close()
	person := certstest.Issue(t, root, "person", certstest.Responder(responder.URL), func(c *x509.Certificate) { c.SerialNumber = serial }).TLS()
	alone := certstest.Issue(t, root, "alone").TLS()
	text := func(more string) string {
		return `ssl_certificate DIR/server.crt; ssl_certificate_key DIR/server.key; ssl_client_certificate DIR/root.crt; ssl_verify_client optional; ssl_ocsp on;` + more +
			` server { listen %LISTEN% ssl; error_page 495 =200 /refused; location / { return 200 $ssl_client_verify; } location /refused { return 200 $ssl_client_verify; } }`
	}
	start := func(more string) *httptest.Server {
		return httptest.Start(t, modules, strings.ReplaceAll(text(more), "DIR", dir))
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
	dir := t.TempDir()
	root := authority(t, dir)
	came, answer := make(chan struct{}), make(chan struct{})
	responder := hosttest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		<-answer
	}))
	defer responder.Close()
	defer close(answer)
	person := certstest.Issue(t, root, "person", certstest.Responder(responder.URL)).TLS()
	s := httptest.Start(t, modules, strings.ReplaceAll(`ssl_certificate DIR/server.crt; ssl_certificate_key DIR/server.key; ssl_client_certificate DIR/root.crt;
		ssl_verify_client on; ssl_ocsp leaf; server { listen %LISTEN% ssl; location / { return 200 x; } }`, "DIR", dir))
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

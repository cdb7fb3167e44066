package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/appliance/certs/certstest"
	"weir/appliance/server"
	"weir/netio/tlsio"
)

func TestReloadTakesNewCertificatesAndKeepsConnectionsAndSessions(t *testing.T) {
	in := newInstance(t, "on")
	certstest.Issue(t, nil, "first").Write(t, in.dir, "x")
	user := ""
	if os.Geteuid() == 0 {
		user = "user nobody nogroup;"
	}
	in.write("nginx.conf", fmt.Sprintf(`%s pid t.pid; error_log error.log info; events {}
		http { access_log off; server { listen %s ssl; ssl_certificate x.crt; ssl_certificate_key x.key; location / { return 200 ok; } } }`, user, in.addr))
	if err := os.Chmod(in.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	in.start()
	cache := tls.NewLRUClientSessionCache(1)
	dial := func() *tls.Conn {
		t.Helper()
		d := net.Dialer{Timeout: time.Minute}
		c, err := tls.DialWithDialer(&d, "tcp", in.addr, &tls.Config{InsecureSkipVerify: true, ServerName: "x", ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	ask := func(c *tls.Conn) {
		t.Helper()
		b := make([]byte, 4096)
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	name := func(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].Subject.CommonName }
	old := dial()
	ask(old)
	in.reload(2) // nothing has changed: the ticket keys stay, too
	c := dial()
	ask(c)
	if !c.ConnectionState().DidResume {
		t.Error("a session is not resumed after a reload")
	}
	certstest.Issue(t, nil, "second").Write(t, in.dir, "x")
	in.reload(3)
	c = dial()
	ask(c)
	if got := name(c); got != "second" || c.ConnectionState().DidResume {
		t.Errorf("after the reload: certificate of %q, resumed %v", got, c.ConnectionState().DidResume)
	}
	ask(old)
}

// TestTheStatusTellsWhatTheKernelDoesOfTLS compares it with what this process
// finds: it runs on the same kernel.
func TestTheStatusTellsWhatTheKernelDoesOfTLS(t *testing.T) {
	in := newInstance(t, "on")
	in.start()
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", filepath.Join(in.dir, "weir.sock"))
	}}}
	defer c.CloseIdleConnections()
	r, err := c.Get("http://weir/status")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var st struct{ Server server.Status }
	if err := json.NewDecoder(r.Body).Decode(&st); err != nil {
		t.Fatal(err)
	}
	k := tlsio.ProbeKTLS()
	if want := (server.KernelTLS{Sends: k.TX.String(), Receives: k.RX.String()}); st.Server.KernelTLS == nil || *st.Server.KernelTLS != want {
		t.Errorf("got %+v, want %+v", st.Server.KernelTLS, want)
	}
}

package cosocket_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"weir/appliance/certs/certstest"
)

// certificate makes one for www.test that signs itself, and a file with it.
func certificate(t *testing.T) (pair tls.Certificate, file string) {
	t.Helper()
	dir := t.TempDir()
	p := certstest.Issue(t, nil, "www.test", certstest.CA, func(c *x509.Certificate) { c.DNSNames = []string{"www.test"} })
	p.Write(t, dir, "root")
	return p.TLS(), filepath.Join(dir, "root.crt")
}

// serveTLS answers each line with what is known of the connection: whether the session was resumed, for which name,
// the line.
func serveTLS(t *testing.T, pair tls.Certificate, version uint16) (port int) {
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: version, MaxVersion: version}
	return serve(t, func(nc net.Conn) {
		c := tls.Server(nc, conf)
		in := bufio.NewScanner(c)
		for in.Scan() {
			s := c.ConnectionState()
			fmt.Fprintf(c, "%v %q %s\n", s.DidResume, s.ServerName, in.Text())
		}
		c.Close()
	})
}

func TestTLSHandshakesResumeAndVerify(t *testing.T) {
	pair, file := certificate(t)
	const script = `
		local function try(session, ...)
			local s = assert(ngx.socket.connect("127.0.0.1", port))
			local ok, err = s:sslhandshake(session, ...)
			if not ok then
				ngx.say(tostring(ok), " ", err, " ", tostring(select(2, s:send("x"))))
				return
			end
			s:send("hello\n")
			ngx.say(type(ok), " ", s:receive())
			s:close()
			return ok
		end
		local session = try(nil, "www.test", true)
		try(nil, "www.test")
		try(session, "www.test", true)
		try(false, nil, false)
		try(nil, "other.test", true)
		try(nil, nil, true)`
	const want = "cdata false \"www.test\" hello\ncdata false \"www.test\" hello\ncdata true \"www.test\" hello\nboolean false \"\" hello\n" +
		"nil certificate host mismatch closed\ncdata false \"\" hello\n"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		port := serveTLS(t, pair, version)
		got := run(t, port, "lua_socket_log_errors off; lua_ssl_trusted_certificate "+file+";", script)
		if got != want {
			t.Errorf("%s: got\n%swant\n%s", tls.VersionName(version), got, want)
		}
	}
}

func TestTLSWithoutTrustFailsOnlyWhereItIsAskedFor(t *testing.T) {
	pair, _ := certificate(t)
	got := run(t, serveTLS(t, pair, tls.VersionTLS13), "lua_socket_log_errors off;", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		ngx.say(type(s:sslhandshake()))
		ngx.say(select(2, s:sslhandshake(nil, "www.test", true)))
		ngx.say(select(2, s:sslhandshake()))`)
	if want := "cdata\n18: self-signed certificate\nclosed\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTLSConnectionsOfAPoolAreNotShakenHandsWithAgain(t *testing.T) {
	pair, file := certificate(t)
	got := run(t, serveTLS(t, pair, tls.VersionTLS13), "lua_socket_log_errors off; lua_ssl_trusted_certificate "+file+";", `
		local function get(name)
			local s = assert(ngx.socket.connect("127.0.0.1", port))
			local session, err = s:sslhandshake(nil, name, name ~= nil)
			if not session then return ngx.say(err) end
			s:send("line\n")
			ngx.say(s:getreusedtimes(), " ", s:receive(), " ", tostring(s:setkeepalive()))
		end
		get() get() get("www.test") get("other.test") get("www.test")`)
	const want = "0 false \"\" line 1\n1 false \"\" line 1\n2 false \"\" line 1\ncertificate host mismatch\n0 false \"www.test\" line 1\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTLSHandshakesThatFailAndThatNeverEnd(t *testing.T) {
	mute := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	plain := serve(t, func(c net.Conn) {
		io.WriteString(c, "220 this is no TLS\r\n")
		io.Copy(io.Discard, c)
	})
	gone := serve(t, func(c net.Conn) { c.Read(make([]byte, 1)) })
	for _, c := range []struct {
		port int
		want string
	}{{mute, "timeout\nclosed\n"}, {plain, "handshake failed\nclosed\n"}, {gone, "handshake failed\nclosed\n"}} {
		got := run(t, c.port, "lua_socket_log_errors off; ", fmt.Sprintf(`
			local s = assert(ngx.socket.connect("127.0.0.1", port))
			if %v then s:settimeout(50) end
			ngx.say(select(2, s:sslhandshake()))
			ngx.say(select(2, s:send("x")))`, c.port == mute))
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestTLSCarriesMoreThanOneRecordBothWays(t *testing.T) {
	pair, _ := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{pair}}
	port := serve(t, func(nc net.Conn) {
		c := tls.Server(nc, conf)
		io.CopyN(c, c, 300000)
		c.Close()
	})
	got := run(t, port, "", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		assert(s:sslhandshake())
		local text = ("0123456789"):rep(30000)
		local th = ngx.thread.spawn(function() return s:send(text) end)
		ngx.say(s:receive(#text) == text)
		ngx.say(select(2, ngx.thread.wait(th)))
		ngx.say(select(2, s:receive(1)))`)
	if want := "true\n300000\nclosed\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

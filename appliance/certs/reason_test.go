package certs

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
)

func TestFailedHandshakesAreNamedAsByOpenSSL(t *testing.T) {
	handshake := func(client func(c net.Conn) error, server func(c net.Conn)) error {
		a, b := net.Pipe()
		defer a.Close()
		go func() {
			defer b.Close()
			server(b)
		}()
		return client(a)
	}
	connect := func(f *tls.Config) func(net.Conn) error {
		return func(c net.Conn) error { return tls.Client(c, f).Handshake() }
	}
	for _, c := range []struct {
		name, want string
		err        error
	}{
		{"a server of plain text", "error:0A00010B:SSL routines::wrong version number",
			handshake(connect(&tls.Config{InsecureSkipVerify: true}), func(c net.Conn) {
				go func() { _, _ = io.Copy(io.Discard, c) }() // ends with the pipe
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n")
			})},
		{"an alert", "error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40",
			handshake(connect(&tls.Config{InsecureSkipVerify: true}), func(c net.Conn) {
				go func() { _, _ = io.Copy(io.Discard, c) }() // ends with the pipe
				_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
			})},
		{"a hook", "error:0A000086:SSL routines::certificate verify failed", errors.New("certificate verify failed")},
		{"what OpenSSL has no words for", "something else", errors.New("tls: something else")},
	} {
		if got := Reason(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

package proxy_test

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/proxy"
	"weir/appliance/http/upstream"
)

var modules = http.Modules{&http.Core, &upstream.Module, &proxy.Module, &http.Postpone}

// serve starts a worker with the proxy for the inside of an http block;
// %LISTEN% stands for its address.
func serve(t testing.TB, text string) *httptest.Server {
	t.Helper()
	return httptest.Start(t, modules, text)
}

// backend listens on a port of its own and has handle serve each connection.
func backend(t testing.TB, handle func(c net.Conn, br *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection, which the proxy closes
				defer c.Close()
				handle(c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String()
}

// readHead reads a request head and returns it; "" at the end.
func readHead(br *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}

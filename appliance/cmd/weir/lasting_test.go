package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// client is a connection to the instance that a test drives by hand.
type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (in *instance) dial() *client {
	in.t.Helper()
	c, err := net.Dial("tcp", in.addr)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &client{in.t, c, bufio.NewReader(c)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// get asks for path and returns the response with its body read.
func (c *client) get(path string) *http.Response {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// upgrade makes the connection a tunnel to the origin.
func (c *client) upgrade() {
	c.t.Helper()
	c.send("GET /origin/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		c.t.Fatalf("got %s, want 101", r.Status)
	}
}

// echo sends a word through the tunnel and waits for it to come back.
func (c *client) echo(word string) {
	c.t.Helper()
	c.send(word)
	got := make([]byte, len(word))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != word {
		c.t.Fatalf("got %q and %v through the tunnel, want %q", got, err, word)
	}
}

// closed waits until the server has closed the connection.
func (c *client) closed() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.in); err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Fatalf("the connection was not closed: %v", err)
	}
}

func TestShutdownTimeoutEndsWhatBeganBeforeAReload(t *testing.T) {
	in := newInstance(t, "on")
	in.configure("worker_processes 2; worker_shutdown_timeout 100ms;")
	in.start()
	idle, hanging, tunnel := in.dial(), in.dial(), in.dial()
	idle.get("/")
	hanging.send("GET /origin/hang HTTP/1.1\r\nHost: h\r\n\r\n")
	tunnel.upgrade()
	tunnel.echo("before")
	in.reload(2)
	hanging.closed()
	tunnel.closed()
	if r := idle.get("/"); r.StatusCode != 200 {
		t.Errorf("the idle connection got %s", r.Status)
	}
	in.until("the log lines of what was cut", func() bool {
		log := in.read("access.log")
		return strings.Contains(log, "GET /origin/hang") && strings.Contains(log, `GET /origin/ HTTP/1.1" 101`)
	})
	tunnel = in.dial()
	tunnel.upgrade() // of the configuration in force: nothing ends it
	tunnel.echo("after")
	in.quit() // but the same timeout
	tunnel.closed()
}

// TestQuitWaitsForLingeringConnections holds that a graceful stop does not cut
// off a client that still sends what nobody reads: the kernel would reset the
// connection and with it the end of the response.
func TestQuitWaitsForLingeringConnections(t *testing.T) {
	in := newInstance(t, "on")
	in.start()
	c := in.dial()
	c.send("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nand more")
	in.until("the response", func() bool { return strings.Contains(in.read("access.log"), "GET /big") })
	in.signal(in.pid("t.pid"), syscall.SIGQUIT)
	in.until("the end of listening", func() bool {
		c, err := net.Dial("tcp", in.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	c.send(strings.Repeat("x", 100000))
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); n != 200000 || err != nil {
		t.Errorf("got %d bytes and %v, want 200000", n, err)
	}
	c.Close()
	in.until("the end", func() bool { return in.pid("t.pid") == 0 })
}

func TestWithoutShutdownTimeoutTunnelsOutliveReloads(t *testing.T) {
	in := newInstance(t, "on")
	in.start()
	tunnel := in.dial()
	tunnel.upgrade()
	for n := range 3 {
		in.reload(n + 2)
		tunnel.echo(fmt.Sprint("generation ", n+2))
	}
	tunnel.Close()
	in.quit()
}

// TestDeferredConnectionsAreNotLost opens connections that say nothing. The
// kernel keeps them to itself until they do (TCP_DEFER_ACCEPT), in the queue of
// one listening socket: it must not be closed under them.
func TestDeferredConnectionsAreNotLost(t *testing.T) {
	in := newInstance(t, "on")
	workers := func(n int) { in.configure(fmt.Sprintf("worker_processes %d;", n)) }
	generation := 1
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"a reload", func() { generation++; in.reload(generation) }},
		{"more workers", func() { workers(4); generation++; in.reload(generation) }},
		{"fewer workers", func() { workers(1); generation++; in.reload(generation) }},
		{"an upgrade with more workers", func() { workers(3); in.replace() }},
		{"an upgrade with fewer workers", func() { workers(1); in.replace() }},
		{"a killed server", func() {
			if old := in.child(); old != 0 {
				in.signal(old, syscall.SIGKILL)
				in.until("the next server", func() bool { p := in.child(); return p != 0 && p != old })
			}
		}},
	} {
		if generation == 1 && in.pid("t.pid") == 0 {
			in.start()
		}
		var silent []*client
		for range 24 { // the sockets of all workers get some
			silent = append(silent, in.dial())
		}
		c.do()
		for i, s := range silent {
			s.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			r, err := http.ReadResponse(s.in, nil)
			if err != nil || r.StatusCode != 200 {
				t.Fatalf("%s: connection %d got %v and %v, want an answer", c.name, i, r, err)
			}
			s.Close()
		}
	}
	in.quit()
}

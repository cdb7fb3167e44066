package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// client is the client of one run: at most one connection at a time.
type client struct {
	limit   time.Duration // for each step
	conn    net.Conn      // nil before the first request
	r       *bufio.Reader
	methods []string // of the requests on conn that were not answered yet
	dir     string   // where clients' certificates are
	session *oneSession
}

// requestLine finds the methods of the requests in what is sent.
var requestLine = regexp.MustCompile(`(?m)^([A-Z]+) \S+ HTTP/1\.[01]\r?$`)

// request sends the section's bytes to addr, on a new connection unless it
// says same.
func (c *client) request(s section, addr string) error {
	msg, err := s.wire()
	if err != nil {
		return err
	}
	if !s.has("same") {
		if err := c.open(addr); err != nil {
			return err
		}
		if s.has("proxied") {
			if _, err := io.WriteString(c.conn, "PROXY TCP4 "+s.opts["proxied"]+" 192.0.2.2 1234 443\r\n"); err != nil {
				return err
			}
		}
		if s.has("tls") {
			t, err := c.secure(s, c.dir)
			if err != nil {
				return fmt.Errorf("TLS handshake: %w", err)
			}
			c.conn, c.r = t, bufio.NewReader(t)
		}
	}
	for _, m := range requestLine.FindAllSubmatch(msg, -1) {
		c.methods = append(c.methods, string(m[1]))
	}
	c.conn.SetDeadline(time.Now().Add(c.limit))
	if err := c.send(msg, s); err != nil {
		return err
	}
	if s.has("end") {
		return c.conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	return nil
}

// refused connects and wants the handshake to fail with an error that has the
// section's text in it.
func (c *client) refused(s section, addr string) error {
	if err := c.open(addr); err != nil {
		return err
	}
	_, err := c.secure(s, c.dir)
	c.conn.Close()
	c.conn = nil
	if want := strings.TrimSpace(s.text); err == nil || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("the handshake ended with %v, want %q", err, want)
	}
	return nil
}

// open closes the connection there is, which must have been read empty, and
// connects to addr.
func (c *client) open(addr string) error {
	if err := c.close(); err != nil {
		return err
	}
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	conn, err := net.DialTimeout(network, addr, c.limit)
	if err != nil {
		return err
	}
	c.conn, c.r, c.methods = conn, bufio.NewReader(conn), nil
	return nil
}

// close ends the connection and reports bytes that no section read.
func (c *client) close() error {
	if c.conn == nil {
		return nil
	}
	var left error
	if n := c.r.Buffered(); n > 0 {
		b, _ := c.r.Peek(n)
		left = fmt.Errorf("the server sent %d bytes that nothing expects: %q", n, excerpt(b))
	}
	c.conn.Close()
	c.conn = nil
	return left
}

// send writes msg, in pieces where the section says so. A server that answers
// and closes early makes a later piece fail; the response tells what it meant.
func (c *client) send(msg []byte, s section) error {
	piece := len(msg)
	if s.has("split") {
		piece = 1
	} else if n, _ := strconv.Atoi(s.opts["slow"]); n > 0 {
		piece = n
	}
	for len(msg) > 0 {
		n := min(piece, len(msg))
		if _, err := c.conn.Write(msg[:n]); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		}
		if msg = msg[n:]; len(msg) > 0 {
			time.Sleep(200 * time.Microsecond) // let it leave as a segment of its own
		}
	}
	return nil
}

// response reads the next response.
func (c *client) response(s section) (*message, error) {
	c.conn.SetDeadline(time.Now().Add(c.limit))
	head := len(c.methods) > 0 && c.methods[0] == "HEAD"
	m, err := readMessage(c.r, head, true, s.has("rest"))
	if words := strings.Fields(m.first); len(c.methods) > 0 && (len(words) < 2 || words[1][0] != '1' || words[1] == "101") {
		c.methods = c.methods[1:] // an interim response leaves its request waiting
	}
	return m, err
}

// bytes reads as many bytes as the section has.
func (c *client) bytes(s section) error {
	want, err := s.wire()
	if err != nil {
		return err
	}
	c.conn.SetDeadline(time.Now().Add(c.limit))
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != string(want) {
		return fmt.Errorf("got bytes %q (%v), want %q", got[:n], err, want)
	}
	return nil
}

// closed wants the end of the connection, by a reset if so asked.
func (c *client) closed(reset bool) error {
	c.conn.SetDeadline(time.Now().Add(c.limit))
	b, err := io.ReadAll(io.LimitReader(c.r, 4096))
	if len(b) > 0 {
		return fmt.Errorf("got %q, want the connection closed", excerpt(b))
	}
	switch {
	case reset && !errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("want the connection reset, got %v", err)
	case !reset && err != nil:
		return fmt.Errorf("want the connection closed: %w", err)
	}
	return nil
}

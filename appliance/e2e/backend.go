package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// backend is a scripted HTTP server of one case. It answers each request of a
// run with the next of its answers and keeps what it got.
type backend struct {
	ln      net.Listener
	answers []answer // immutable
	proxy   bool     // immutable: connections begin with a PROXY line
	got     chan *message
	done    chan struct{} // closed by close, ends hanging answers
	wg      sync.WaitGroup

	mu       sync.Mutex
	next     int                   // index of the next answer; guarded by mu
	requests int                   // of this run; guarded by mu
	used     map[net.Conn]struct{} // connections with a request in this run; guarded by mu
	conns    map[net.Conn]struct{} // open ones; guarded by mu
}

// answer is one backend section.
type answer struct {
	section
	bytes []byte
}

// maxGot bounds the requests a backend keeps for backend_got.
const maxGot = 4096

// startBackend listens for the backend that the sections describe.
func startBackend(p *place, name string, sections []section) (*backend, error) {
	b := &backend{got: make(chan *message, maxGot), done: make(chan struct{}),
		used: map[net.Conn]struct{}{}, conns: map[net.Conn]struct{}{}}
	network, addr := "tcp", "127.0.0.1:0"
	for _, s := range sections {
		text, err := p.expand(s.text)
		if err != nil {
			return nil, err
		}
		s.text = text
		wire, err := s.wire()
		if err != nil {
			return nil, err
		}
		b.answers = append(b.answers, answer{s, wire})
		b.proxy = b.proxy || s.has("proxy")
		if s.has("unix") {
			network, addr = "unix", filepath.Join(p.dir, "backend"+name+".sock")
		}
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		os.Chmod(addr, 0o777) // for a server that dropped its rights
	}
	b.ln = ln
	b.wg.Go(b.serve)
	return b, nil
}

// addr returns the backend's address as proxy_pass takes it after http://.
func (b *backend) addr() string {
	if b.ln.Addr().Network() == "unix" {
		return "unix:" + b.ln.Addr().String() + ":"
	}
	return b.ln.Addr().String()
}

// begin starts a run: answers begin with the first, nothing was got.
func (b *backend) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next, b.requests = 0, 0
	clear(b.used)
	for len(b.got) > 0 {
		<-b.got
	}
}

// stats returns the requests of this run and the connections they came by.
func (b *backend) stats() (requests, connections int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests, len(b.used)
}

func (b *backend) close() {
	close(b.done)
	b.ln.Close()
	b.mu.Lock()
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

func (b *backend) serve() {
	for {
		c, err := b.ln.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[c] = struct{}{}
		b.mu.Unlock()
		b.wg.Go(func() {
			b.handle(c)
			c.Close()
			b.mu.Lock()
			delete(b.conns, c)
			b.mu.Unlock()
		})
	}
}

// handle answers the requests of one connection.
func (b *backend) handle(c net.Conn) {
	r := bufio.NewReader(c)
	var greeting string
	if b.proxy {
		line, err := readLine(r)
		if err != nil {
			return
		}
		greeting = line
	}
	for {
		m, err := readHead(r)
		if err != nil {
			return
		}
		if b.proxy {
			m.headers = append(m.headers, header{"Proxy-Protocol", greeting})
		}
		a := b.take(c)
		if a.has("early") && !b.send(c, a) {
			return
		}
		m.body, err = readBody(r, m, false, false, false)
		b.keep(m)
		if err != nil || a.has("drop") {
			return
		}
		if !a.has("early") && !b.send(c, a) {
			return
		}
		if bytes.HasPrefix(a.bytes, []byte("HTTP/1.1 101 ")) {
			io.Copy(c, r)
			return
		}
		if a.closes() {
			return
		}
	}
}

// take counts a request on c and returns its answer.
func (b *backend) take(c net.Conn) answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	b.used[c] = struct{}{}
	a := b.answers[min(b.next, len(b.answers)-1)]
	b.next++
	return a
}

func (b *backend) keep(m *message) {
	select {
	case b.got <- m:
	default: // more than any case asks for
	}
}

// send writes the answer and reports whether the connection goes on.
func (b *backend) send(c net.Conn, a answer) bool {
	if a.has("hang") {
		<-b.done
		return false
	}
	if d, err := time.ParseDuration(a.opts["delay"]); err == nil {
		select {
		case <-time.After(d):
		case <-b.done:
			return false
		}
	}
	_, err := c.Write(a.bytes)
	return err == nil
}

// closes reports whether the connection ends with the answer: it says so, or
// its body has no other end.
func (a answer) closes() bool {
	if a.has("close") || !bytes.HasPrefix(a.bytes, []byte("HTTP/1.1 ")) {
		return true
	}
	m, err := readHead(bufio.NewReader(bytes.NewReader(a.bytes)))
	if err != nil {
		return true
	}
	if slices.ContainsFunc(m.values("Connection"), func(v string) bool { return strings.EqualFold(v, "close") }) {
		return true
	}
	status := strings.Fields(m.first)[1]
	return len(m.values("Content-Length"))+len(m.values("Transfer-Encoding")) == 0 && status != "204" && status != "304" && status[0] != '1'
}

var errNothingGot = errors.New("the backend got no further request")

// request waits for the next request of this run.
func (b *backend) request(limit time.Duration) (*message, error) {
	select {
	case m := <-b.got:
		return m, nil
	case <-time.After(limit):
		return nil, errNothingGot
	}
}

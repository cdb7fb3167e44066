package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// idle measures what a connection that waits for its next request costs in
// memory. The server is started afresh, so that nothing it kept from other
// load hides the growth; a first batch of connections comes and goes, so that
// what is made once is not counted.
func (l *lab) idle(s *server, sc scenario) (sample, error) {
	s.stop()
	if err := s.start(); err != nil {
		return sample{}, err
	}
	warm, err := openIdle(sc, s, 100)
	closeAll(warm)
	if err != nil {
		return sample{}, err
	}
	before, err := memory(s.pid())
	if err != nil {
		return sample{}, err
	}
	conns, err := openIdle(sc, s, l.o.idle)
	defer closeAll(conns)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(sc.flavour().settles) // what the server does once it is idle
	after, err := memory(s.pid())
	if err != nil {
		return sample{}, err
	}
	return sample{memory: float64(after-before) / 1024 / float64(l.o.idle)}, nil
}

// openIdle opens n connections and makes one request on each.
func openIdle(sc scenario, s *server, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, 0, n)
	r := bufio.NewReader(nil)
	for range n {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns), err)
		}
		conns = append(conns, c)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if sc.flavour().tls {
			c = tls.Client(c, clientConfig())
			conns[len(conns)-1] = c
		}
		if _, err := io.WriteString(c, "GET "+sc.path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			return conns, err
		}
		r.Reset(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return conns, fmt.Errorf("connection %d: %w", len(conns), err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// handshakeCommand is the first argument that makes this program the generator
// of TLS connections.
const handshakeCommand = "handshake"

// handshakers is how many clients connect side by side. They and the server
// fill both processors; more would only wait longer.
const handshakers = 16

// shakeHands loads a target with connections of one request each.
func shakeHands(target string, d time.Duration, clients int, resume bool) (loadResult, error) {
	return ownLoad(handshakeCommand, target, d, "-clients", strconv.Itoa(clients), fmt.Sprintf("-resume=%v", resume))
}

func handshakeMain(args []string) error {
	fs := flag.NewFlagSet(handshakeCommand, flag.ExitOnError)
	target := fs.String("target", "", "`ADDR:PORT/path`")
	duration := fs.Duration("duration", 3*time.Second, "of the load")
	clients := fs.Int("clients", handshakers, "side by side")
	resume := fs.Bool("resume", false, "sessions")
	fs.Parse(args)
	addr, path, _ := strings.Cut(*target, "/")
	return json.NewEncoder(os.Stdout).Encode(handshakeLoad(addr, "/"+path, *duration, *clients, *resume))
}

// handshakeLoad makes connections in a closed loop for d. A resumed session is
// that of the client's connection before; connections that ought to have
// resumed one and have not count as bad.
func handshakeLoad(addr, path string, d time.Duration, clients int, resume bool) *ownReport {
	end := time.Now().Add(d)
	done := make(chan *shaker)
	for range clients {
		go func() { // ends at the end of the load
			s := &shaker{addr: addr, request: "GET " + path + " HTTP/1.1\r\nHost: perf\r\nConnection: close\r\n\r\n", conf: clientConfig()}
			if resume {
				s.conf.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				s.connect() // the one that brings the first session
				s.latencies, s.bytes = histogram{}, 0
			}
			for time.Now().Before(end) {
				s.connect()
			}
			done <- s
		}()
	}
	var all shaker
	for range clients {
		s := <-done
		all.bad += s.bad
		all.bytes += s.bytes
		all.latencies.merge(&s.latencies)
	}
	return &ownReport{Requests: all.latencies.count, Bytes: all.bytes, Rate: float64(all.latencies.count) / d.Seconds(),
		P50: all.latencies.quantile(0.50) / 1e3, P99: all.latencies.quantile(0.99) / 1e3, Bad: all.bad}
}

// clientConfig is TLS 1.3 with X25519, which every server here has.
func clientConfig() *tls.Config {
	return &tls.Config{ServerName: "perf", InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}}
}

// shaker is a client that makes one connection after the other.
type shaker struct {
	addr, request string
	conf          *tls.Config
	ready         bool // a session is there
	latencies     histogram
	bytes         int64
	bad           int
}

// connect makes a connection, a request, and reads to the end.
func (s *shaker) connect() {
	start := nanotime()
	n, err := s.exchange()
	if err != nil {
		s.bad++
		return
	}
	s.bytes += n
	s.latencies.add(nanotime() - start)
}

func (s *shaker) exchange() (int64, error) {
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	c := tls.Client(nc, s.conf)
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if s.conf.ClientSessionCache != nil && s.ready && !c.ConnectionState().DidResume {
		return 0, fmt.Errorf("the session was not resumed")
	}
	if _, err := io.WriteString(c, s.request); err != nil {
		return 0, err
	}
	got, err := io.ReadAll(c)
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(got, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the response is %.60q", got)
	}
	s.ready = true
	return int64(len(got)), nil
}

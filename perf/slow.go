package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	hugeSize  = 1 << 30
	slowStep  = 64 << 10              // a slow reader takes so much
	slowPause = 10 * time.Millisecond // and then rests so long
)

// slow measures the most memory a server needs while one client takes a body
// of 1 GB slower than the backend gives it: slowly for the time of a sample,
// then as fast as it comes. The server is started afresh. What does not fit
// into its buffers it may write to disk, which is not counted.
func (l *lab) slow(s *server, sc scenario) (sample, error) {
	s.stop()
	if err := s.start(); err != nil {
		return sample{}, err
	}
	done := make(chan error, 1)
	go func() { done <- readSlowly(s.addr, sc.path, l.o.duration) }()
	var most int64
	for {
		select {
		case err := <-done:
			return sample{memory: float64(most) / 1e6}, err
		case <-time.After(20 * time.Millisecond):
			m, err := memory(s.pid())
			if err != nil {
				return sample{}, err
			}
			most = max(most, m)
		}
	}
}

// readSlowly asks for a path and reads all of the body, slowly for d.
func readSlowly(addr, path string, d time.Duration) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(d + 5*time.Minute))
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	buf := make([]byte, slowStep)
	var got int64
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(slowPause) {
		n, err := io.ReadFull(resp.Body, buf)
		got += int64(n)
		if err != nil {
			break // the end of the body, or what Copy meets again
		}
	}
	rest, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", got+rest, err)
	}
	if got += rest; got != hugeSize {
		return fmt.Errorf("status %d with %d bytes, want 200 with %d", resp.StatusCode, got, int64(hugeSize))
	}
	return nil
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// openLoopCommand is the first argument that makes this program the generator.
const openLoopCommand = "openloop"

// openLoop loads a target with requests at a fixed rate.
func openLoop(target string, rate float64, d time.Duration, conns int) (loadResult, error) {
	return ownLoad(openLoopCommand, target, d, "-rate", strconv.FormatFloat(rate, 'f', 0, 64), "-connections", strconv.Itoa(conns))
}

// ownLoad has this program make a load, in another process on the load's
// processor.
func ownLoad(command, target string, d time.Duration, args ...string) (loadResult, error) {
	self, err := os.Executable()
	if err != nil {
		return loadResult{}, err
	}
	cmd := exec.Command("taskset", append([]string{"-c", loadCPU, self, command, "-target", target, "-duration", d.String()}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return loadResult{}, fmt.Errorf("%s: %w", command, err)
	}
	var got ownReport
	if err := json.Unmarshal(out, &got); err != nil {
		return loadResult{}, fmt.Errorf("%s: %w", command, err)
	}
	return loadResult{requests: got.Requests, bytes: got.Bytes, rate: got.Rate, p50: got.P50, p99: got.P99, bad: got.Bad}, nil
}

// ownReport is what that process prints.
type ownReport struct {
	Requests int
	Bytes    int64
	Rate     float64 // reached, per second
	P50, P99 float64 // microseconds from the time a request was due
	Bad      int     // no answer, or another one than the first
}

func openLoopMain(args []string) error {
	fs := flag.NewFlagSet(openLoopCommand, flag.ExitOnError)
	target := fs.String("target", "", "`ADDR:PORT/path`")
	rate := fs.Float64("rate", 1000, "requests per second")
	duration := fs.Duration("duration", 3*time.Second, "of the load")
	conns := fs.Int("connections", 64, "at one time")
	fs.Parse(args)
	addr, path, _ := strings.Cut(*target, "/")
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // a collection would be seen as the server's latency
	g, err := newGenerator(ap, "/"+path, *rate, *conns)
	if err != nil {
		return err
	}
	rep, err := g.run(*duration)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(rep)
}

// generator sends requests when they are due, whether or not earlier ones have
// been answered. Arrivals are a Poisson process. A request that finds no free
// connection waits in line, and its latency counts from when it was due, not
// from when it was sent: that is what a client sees, and what closed-loop load
// hides. One thread with raw sockets does it all, since the generator must be
// quicker than any server it measures.
type generator struct {
	ep      int
	request []byte
	gap     float64 // mean nanoseconds between requests

	conns []connection
	free  []int32 // connections that wait for a request
	line  []int64 // due times of requests that wait for a connection
	head  int     // of line

	size      int // of a response, learned from the first one
	latencies histogram
	bytes     int64
	bad       int
}

// connection is one connection of the generator.
type connection struct {
	fd  int
	due int64 // of the request under way
	got int   // bytes of its response
}

func newGenerator(addr netip.AddrPort, path string, rate float64, conns int) (*generator, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	// Waits of a few microseconds are asked for; the default slack is fifty.
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	g := &generator{
		ep:      ep,
		request: []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr.String() + "\r\n\r\n"),
		gap:     1e9 / rate,
	}
	for i := range conns {
		fd, err := connect(addr)
		if err != nil {
			return nil, err
		}
		g.conns = append(g.conns, connection{fd: fd})
		g.free = append(g.free, int32(i))
		if i == 0 {
			if g.size, err = g.learn(fd); err != nil {
				return nil, err
			}
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, err
		}
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | 1<<31, Fd: int32(i)} // EPOLLET
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return g, nil
}

func connect(addr netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// learn makes one request and returns the size of its response, which all
// later ones must have: the generator then counts bytes and parses nothing.
func (g *generator) learn(fd int) (int, error) {
	if _, err := unix.Write(fd, g.request); err != nil {
		return 0, err
	}
	var buf []byte
	part := make([]byte, 1<<16)
	for {
		n, err := unix.Read(fd, part)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("the first response did not come: %v", err)
		}
		buf = append(buf, part[:n]...)
		head, body, ok := bytes.Cut(buf, []byte("\r\n\r\n"))
		if !ok {
			continue
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
			return 0, fmt.Errorf("the first response is %.60q", head)
		}
		length := -1
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			if strings.EqualFold(string(name), "Content-Length") {
				length, _ = strconv.Atoi(strings.TrimSpace(string(value)))
			}
		}
		if length < 0 {
			return 0, errors.New("the first response has no Content-Length")
		}
		if len(body) >= length {
			return len(head) + 4 + length, nil
		}
	}
}

// run loads the server for d and waits a second at most for the last answers.
func (g *generator) run(d time.Duration) (*ownReport, error) {
	rng := rand.New(rand.NewPCG(1, 2)) // the same arrivals for every server
	events := make([]unix.EpollEvent, 256)
	buf := make([]byte, 1<<17)
	start := nanotime()
	end := start + d.Nanoseconds()
	due := start
	sent := 0
	for {
		now := nanotime()
		for due <= now && due < end {
			g.line = append(g.line, due)
			due += int64(rng.ExpFloat64() * g.gap)
			sent++
		}
		for len(g.free) > 0 && g.head < len(g.line) {
			g.send()
		}
		if now >= end && (g.latencies.count+g.bad >= sent || now >= end+1e9) {
			break
		}
		next := due
		if due >= end {
			next = now + 1e7
		}
		// It sleeps in the kernel and does not spin: a backend may share this
		// processor.
		n, err := epollWait(g.ep, events, next-nanotime())
		if err != nil {
			return nil, err
		}
		for i := range n {
			g.receive(events[i].Fd, buf)
		}
	}
	return &ownReport{
		Requests: g.latencies.count,
		Bytes:    g.bytes,
		Rate:     float64(g.latencies.count) / d.Seconds(),
		P50:      g.latencies.quantile(0.50) / 1e3,
		P99:      g.latencies.quantile(0.99) / 1e3,
		Bad:      sent - g.latencies.count, // wrong ones and those that never came
	}, nil
}

// send puts the next request in line on a free connection.
func (g *generator) send() {
	i := g.free[len(g.free)-1]
	g.free = g.free[:len(g.free)-1]
	c := &g.conns[i]
	c.due, c.got = g.line[g.head], 0
	g.head++
	if n, err := unix.Write(c.fd, g.request); err != nil || n != len(g.request) {
		g.bad++ // and the connection is not used again
	}
}

// receive reads what connection i has, which ends its response or not.
func (g *generator) receive(i int32, buf []byte) {
	c := &g.conns[i]
	for {
		n, err := unix.Read(c.fd, buf)
		if err == unix.EAGAIN {
			return
		}
		if err != nil || n <= 0 {
			if c.due != 0 {
				g.bad++
				c.due = 0
			}
			return
		}
		c.got += n
		g.bytes += int64(n)
		if c.got < g.size {
			if n == len(buf) {
				continue
			}
			return
		}
		if c.got > g.size {
			g.bad++
		} else {
			g.latencies.add(nanotime() - c.due)
		}
		c.due = 0
		g.free = append(g.free, i)
		return
	}
}

// nanotime returns the monotonic clock.
func nanotime() int64 { return int64(time.Since(epoch)) }

// epoch is when the program began.
var epoch = time.Now()

// histogram counts latencies in buckets of at most 1.6 % width.
type histogram struct {
	buckets [64 * 64]int
	count   int
}

func (h *histogram) add(ns int64) {
	h.buckets[bucket(uint64(max(ns, 0)))]++
	h.count++
}

// merge adds another histogram's latencies.
func (h *histogram) merge(o *histogram) {
	for b, n := range o.buckets {
		h.buckets[b] += n
	}
	h.count += o.count
}

// bucket is the highest bit of v and the six below it.
func bucket(v uint64) int {
	if v < 64 {
		return int(v)
	}
	e := bits.Len64(v) - 7
	return (e+1)<<6 | int(v>>e&63)
}

// quantile returns the upper edge of the bucket that holds the quantile.
func (h *histogram) quantile(q float64) float64 {
	left := int(q*float64(h.count)) + 1
	for b, n := range h.buckets {
		left -= n
		if left <= 0 {
			return float64(edge(b))
		}
	}
	return 0
}

// edge is the largest value of a bucket.
func edge(b int) uint64 {
	if b < 64 {
		return uint64(b)
	}
	e := b>>6 - 1
	return (uint64(64|b&63)+1)<<e - 1
}

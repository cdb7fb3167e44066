package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// firstWait is how long the first attempt waits for a server; each round
	// over all of them doubles it up to lastWait.
	firstWait = time.Second
	lastWait  = 5 * time.Second
	// holdBack is for how long a server that did not answer is asked last.
	holdBack = 10 * time.Second
	// maxUDP is the longest answer read from a datagram. No EDNS option asks
	// for more than 512 bytes (RFC 1035), yet servers that send more are read.
	maxUDP = 4096
)

// server is one name server of a resolver.
type server struct {
	addr netip.AddrPort
	held atomic.Int64 // Unix nanoseconds until which others are asked first
}

// ask puts q to the servers in turn until one answers or ctx ends. An answer
// is either success or the name's absence; what a server fails with is an
// error, returned at once unless Config.RetryFailures lets the next one try.
func (r *Resolver) ask(ctx context.Context, q question, order []*server) (answer, *Error) {
	wait := r.cfg.firstWait
	for {
		failure, silent := r.round(ctx, q, order, wait)
		if failure.err == nil {
			return failure.answer, nil
		}
		if ctx.Err() != nil {
			return answer{}, newError(CodeTimeout, failure.err.Detail)
		}
		if !silent {
			return answer{}, failure.err
		}
		// A refusal by the network comes at once: do not spin on it.
		if !sleep(ctx, time.Until(failure.again)) {
			return answer{}, newError(CodeTimeout, failure.err.Detail)
		}
		wait = min(2*wait, lastWait)
	}
}

// outcome is what a round over the servers brought.
type outcome struct {
	answer answer
	err    *Error
	again  time.Time // not before then should another round begin
}

// round asks each server once. silent reports that one of them gave no answer
// at all, so that asking again makes sense.
func (r *Resolver) round(ctx context.Context, q question, order []*server, wait time.Duration) (out outcome, silent bool) {
	out.again = time.Now().Add(wait)
	for _, s := range order {
		a, err := r.exchange(ctx, s, q, wait)
		if err == nil {
			if a.code == 0 || a.code == CodeNotFound {
				return outcome{answer: a}, false
			}
			out.err = newError(a.code, "from "+s.addr.String())
			// nginx passes over a format error and otherwise takes the first
			// server's word, even for its own failure.
			if a.code != CodeFormat && !r.cfg.RetryFailures {
				return out, false
			}
			continue
		}
		out.err = newError(CodeTimeout, err.Error())
		if ctx.Err() != nil {
			return out, true
		}
		silent = true
		s.held.Store(time.Now().Add(holdBack).UnixNano())
	}
	return out, silent
}

// order returns the servers in the order to ask them: each lookup begins with
// the next one, and those that lately gave no answer come last.
func (r *Resolver) order() []*server {
	n := len(r.servers)
	now := time.Now().UnixNano()
	start := int(r.turn.Add(1)-1) % n
	order := make([]*server, 0, n)
	for _, held := range [...]bool{false, true} {
		for i := range n {
			if s := r.servers[(start+i)%n]; (s.held.Load() > now) == held {
				order = append(order, s)
			}
		}
	}
	return order
}

// buffers are for datagrams, used off the event loop by many goroutines.
var buffers = sync.Pool{New: func() any { return new([maxUDP]byte) }}

// exchange asks one server by UDP, then by TCP when the answer is truncated.
func (r *Resolver) exchange(ctx context.Context, s *server, q question, wait time.Duration) (answer, error) {
	var random [2]byte
	rand.Read(random[:]) // never fails
	id := binary.BigEndian.Uint16(random[:])
	msg, err := appendQuery(make([]byte, 2, 2+512), id, q) // room for TCP's length
	if err != nil {
		return answer{}, err
	}
	a, err := r.exchangeUDP(ctx, s, q, id, msg[2:], wait)
	if err == nil && a.truncated {
		return r.exchangeTCP(ctx, s, q, id, msg, wait)
	}
	return a, err
}

// dial opens a socket of its own for one query, so that each leaves from a
// port chosen by the kernel at random, and ends its waits with ctx.
func (r *Resolver) dial(ctx context.Context, network string, s *server, wait time.Duration) (net.Conn, func(), error) {
	deadline := time.Now().Add(wait)
	d := net.Dialer{Deadline: deadline}
	c, err := d.DialContext(ctx, network, s.addr.String())
	if err != nil {
		return nil, nil, err
	}
	c.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	return c, func() { stop(); c.Close() }, nil
}

func (r *Resolver) exchangeUDP(ctx context.Context, s *server, q question, id uint16, msg []byte, wait time.Duration) (answer, error) {
	c, done, err := r.dial(ctx, "udp", s, wait)
	if err != nil {
		return answer{}, err
	}
	defer done()
	if _, err := c.Write(msg); err != nil {
		return answer{}, err
	}
	buf := buffers.Get().(*[maxUDP]byte)
	defer buffers.Put(buf)
	var odd error // why datagrams were passed over, told when no good one came
	for {
		n, err := c.Read(buf[:])
		if err != nil {
			if odd != nil && errors.Is(err, os.ErrDeadlineExceeded) {
				err = odd
			}
			return answer{}, err
		}
		// A forged or broken datagram must not end the wait for the real one.
		a, err := parse(buf[:n], id, q)
		if err == nil {
			return a, nil
		}
		odd = err
	}
}

// exchangeTCP sends msg, which begins with two free bytes for its length.
func (r *Resolver) exchangeTCP(ctx context.Context, s *server, q question, id uint16, msg []byte, wait time.Duration) (answer, error) {
	c, done, err := r.dial(ctx, "tcp", s, wait)
	if err != nil {
		return answer{}, err
	}
	defer done()
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if _, err := c.Write(msg); err != nil {
		return answer{}, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return answer{}, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return answer{}, err
	}
	a, err := parse(buf, id, q)
	if err == nil && a.truncated {
		err = errMalformed
	}
	return a, err
}

// sleep waits for d and reports whether ctx is still on.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

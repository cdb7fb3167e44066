package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// talk is one question being put to servers. It has a socket per server that
// was asked, from a port the kernel chose at random, and keeps it until the
// question is answered: a server that is slow to answer the first attempt has
// not lost its word when the second is made, or another server asked.
type talk struct {
	r     *Resolver
	q     question
	id    uint16
	msg   []byte // the query behind two bytes with its length, as TCP wants it
	lines []line // one per server asked

	heard   chan heard
	done    chan struct{}  // closed by close: nobody listens to heard
	readers sync.WaitGroup // one goroutine per line, ended by closing its socket
	failure *Error         // why there is no answer yet, as far as is known
}

// line is the socket to one server.
type line struct {
	to *server
	c  net.Conn
}

// heard is what a line brought.
type heard struct {
	from   *server
	answer answer
	err    error
	lost   bool // err is the network's: the server did not get the query
}

// verdict is what came of listening.
type verdict struct {
	decided bool // answer, or err, is the outcome of the question
	answer  answer
	err     *Error
	replied bool // not decided, but the server listened for has spoken
}

// open prepares to ask q. The caller closes what it returns.
func (r *Resolver) open(q question) (*talk, error) {
	var random [2]byte
	rand.Read(random[:]) // never fails
	t := &talk{r: r, q: q, id: binary.BigEndian.Uint16(random[:]), heard: make(chan heard), done: make(chan struct{})}
	msg, err := appendQuery(make([]byte, 2, 2+512), t.id, q)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	t.msg = msg
	return t, nil
}

// close ends the sockets and waits for their readers.
func (t *talk) close() {
	close(t.done)
	for _, l := range t.lines {
		l.c.Close()
	}
	t.readers.Wait()
}

// put sends the query to s and listens for wait, to s first of all.
func (t *talk) put(ctx context.Context, s *server, wait time.Duration) verdict {
	c, err := t.line(s)
	if err == nil {
		_, err = c.Write(t.msg[2:])
	}
	if err != nil {
		t.r.lost(s, "send()", err)
		t.failure = newError(CodeTimeout)
		return verdict{}
	}
	return t.hear(ctx, s, time.Now().Add(wait), wait)
}

// line returns the socket to s, opened when s is asked for the first time.
func (t *talk) line(s *server) (net.Conn, error) {
	for _, l := range t.lines {
		if l.to == s {
			return l.c, nil
		}
	}
	c, err := net.Dial("udp", s.addr.String()) // an address: it does not wait
	if err != nil {
		return nil, err
	}
	t.lines = append(t.lines, line{s, c})
	t.readers.Go(func() { t.read(s, c) })
	return c, nil
}

// buffers are for datagrams, used off the event loop by many goroutines.
var buffers = sync.Pool{New: func() any { return new([maxUDP]byte) }}

// maxLosses bounds the errors that a line reports: a query the network refuses
// brings one, and a socket that can only fail must not do so for ever.
const maxLosses = 64

// read hands on what comes by one line until that is closed.
func (t *talk) read(s *server, c net.Conn) {
	buf := buffers.Get().(*[maxUDP]byte)
	defer buffers.Put(buf)
	for losses := 0; losses < maxLosses; {
		h := heard{from: s}
		n, err := c.Read(buf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			h.err, h.lost = err, true
			losses++
			t.r.lost(s, "recv()", err)
		} else {
			h.answer, h.err = parse(buf[:n], t.id, t.q)
		}
		select {
		case t.heard <- h:
		case <-t.done:
			return
		}
	}
}

// hear listens to all lines until the question is decided, the time is over or
// ctx ends. With s it also returns when s has spoken, or cannot. wait is for
// how long an answer too long for a datagram is asked for by TCP.
func (t *talk) hear(ctx context.Context, s *server, until time.Time, wait time.Duration) verdict {
	limit := time.NewTimer(time.Until(until))
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return verdict{}
		case <-limit.C:
			return verdict{}
		case h := <-t.heard:
			if h.err == nil && h.answer.truncated {
				h.answer, h.err = t.byTCP(ctx, h.from, wait)
				h.lost = h.err != nil
			}
			v := t.judge(h)
			if v.decided || h.from == s && (v.replied || h.lost) {
				return v
			}
		}
	}
}

// judge says what a message means for the question.
func (t *talk) judge(h heard) verdict {
	if h.err != nil { // a forged or broken datagram must not end the wait for the real one
		t.failure = newError(CodeTimeout)
		return verdict{}
	}
	code := h.answer.code
	if code == 0 || code == CodeNotFound {
		return verdict{decided: true, answer: h.answer}
	}
	t.failure = newError(code)
	// nginx passes over a format error and otherwise takes the first server's
	// word, even for its own failure.
	if code != CodeFormat && !t.r.cfg.RetryFailures {
		return verdict{decided: true, err: t.failure}
	}
	return verdict{replied: true}
}

// byTCP asks s by TCP, for at most wait.
func (t *talk) byTCP(ctx context.Context, s *server, wait time.Duration) (answer, error) {
	deadline := time.Now().Add(wait)
	d := net.Dialer{Deadline: deadline}
	c, err := d.DialContext(ctx, "tcp", s.addr.String())
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	c.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if _, err := c.Write(t.msg); err != nil {
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
	a, err := parse(buf, t.id, t.q)
	if err == nil && a.truncated {
		err = errMalformed
	}
	return a, err
}

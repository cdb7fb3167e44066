package process

import (
	"bytes"
	"io"
	"syscall"

	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// stream is one of the three pipes of a process, and the light thread that waits for it.
type stream struct {
	sleeper
	pipe *conn.Pipe // nil: it never was
	err  error      // why the operation under way has failed

	// Of a stream that is read.
	buf     []byte // made at the first read, buffer_size long
	in      []byte // part of buf that has not been read by Lua
	eof     bool
	acc     []byte // what the read under way has so far
	op      readOp
	rest    int // bytes still wanted
	reading bool

	// Of the stream that is written.
	out []byte // what the write under way has still to write
}

// readOp is a way to read.
type readOp uint8

const (
	readAll readOp = iota
	readBytes
	readLine
	readAny
)

// Errors of streams besides those of the system.
const (
	errTimeout = streamError("timeout")
	errAborted = streamError("aborted")
)

type streamError string

func (e streamError) Error() string { return string(e) }

// errorText is a failure as Lua sees it.
func errorText(err error) string {
	switch err {
	case io.EOF, conn.ErrClosed, syscall.EPIPE:
		return "closed"
	}
	if e, ok := err.(syscall.Errno); ok {
		return sock.Strerror(e)
	}
	return err.Error()
}

// open reports whether the stream can be used.
func (s *stream) open() bool { return s.pipe != nil && !s.pipe.Closed() }

// close ends the stream. A light thread that waits for it goes on with why.
func (s *stream) close(why error) {
	if !s.open() {
		return
	}
	s.pipe.Close()
	s.buf, s.in = nil, nil
	if s.thread != nil {
		s.err = why
		s.wake()
	}
}

// PipeReady implements conn.PipeHandler.
func (s *stream) PipeReady(*conn.Pipe) {
	if s.thread == nil {
		return
	}
	if err := s.progress(); err != conn.ErrAgain {
		s.err = err
		s.wake()
	}
}

// Expired implements poll.TimerOwner.
func (s *stream) Expired(*poll.Timer) {
	if s.thread != nil {
		s.err = errTimeout
		s.wake()
	}
}

// Abandon implements api.Waiter: the process and its streams live on without the light thread that is gone.
func (s *stream) Abandon() {
	s.sleeper.Abandon()
	s.acc, s.out = nil, nil
}

// progress goes on with the operation under way: nil when it is complete, conn.ErrAgain when it has to wait.
func (s *stream) progress() error {
	if s.reading {
		return s.read()
	}
	return s.write()
}

// maxRounds is how many reads or writes one event makes, so that a fast process does not hold the worker.
const maxRounds = 64

// read consumes what is there, and reads more, until the operation is complete or has to wait.
func (s *stream) read() error {
	for range maxRounds {
		if len(s.in) > 0 && s.consume() {
			return nil
		}
		if s.eof {
			if s.op == readAll {
				return nil
			}
			return io.EOF
		}
		n, err := s.pipe.Read(s.buf)
		switch {
		case err == io.EOF:
			s.eof = true
		case err != nil:
			return err
		}
		s.in = s.buf[:n]
	}
	s.loop.Defer((*again)(s))
	return conn.ErrAgain
}

// again is a stream that has more to do than one event may.
type again stream

// Run implements poll.Task.
func (a *again) Run() { (*stream)(a).PipeReady(nil) }

// consume takes from in what the operation wants and reports whether it is complete.
func (s *stream) consume() bool {
	switch s.op {
	case readAll:
		s.acc = append(s.acc, s.in...)
		s.in = nil
		return false
	case readLine:
		i := bytes.IndexByte(s.in, '\n')
		line := s.in
		if i >= 0 {
			line, s.in = s.in[:i], s.in[i+1:]
		} else {
			s.in = nil
		}
		for _, c := range line {
			if c != '\r' { // no part of a line, wherever it stands
				s.acc = append(s.acc, c)
			}
		}
		return i >= 0
	}
	n := min(s.rest, len(s.in))
	s.acc = append(s.acc, s.in[:n]...)
	s.in = s.in[n:]
	s.rest -= n
	return s.op == readAny || s.rest == 0
}

// write writes what is left.
func (s *stream) write() error {
	for range maxRounds {
		if len(s.out) == 0 {
			return nil
		}
		n, err := s.pipe.Write(s.out)
		if err != nil {
			return err
		}
		s.out = s.out[n:]
	}
	s.loop.Defer((*again)(s))
	return conn.ErrAgain
}

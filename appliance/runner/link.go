package runner

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/netio/sock"
)

// link is the Client's connection to one runner. One goroutine sends, another
// one receives; the descriptor is closed when both have let go of it.
type link struct {
	fd int

	mu    sync.Mutex // guards what follows
	users int
	down  bool // it takes no orders any more
	live  map[uint64]*process
}

// sendTime is how long the runner may take no orders until it is given up.
const sendTime = 5 * time.Second

func newLink(fd int) *link {
	limit := unix.NsecToTimeval(int64(sendTime))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit) // fails for what is no socket only
	return &link{fd: fd, users: 2, live: make(map[uint64]*process)}
}

// gone reports that the runner takes no orders. There may be no link at all.
func (l *link) gone() bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// close is the sender's last use.
func (l *link) close() {
	if l == nil {
		return
	}
	_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // the receiver notices
	l.release()
}

func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users == 0 {
		_ = unix.Close(l.fd)
	}
}

// start sends a command. One that cannot be sent has ended.
func (l *link) start(s *sending) {
	p := s.p
	p.mu.Lock()
	p.link = l
	p.mu.Unlock()
	l.mu.Lock()
	down := l.down
	if !down {
		l.live[p.id] = p
	}
	l.mu.Unlock()
	if down {
		s.closeFiles()
		p.end(cycle.ProcessState{Code: 1, Err: errLost})
		return
	}
	fds := s.fds
	for i, fd := range fds {
		if fd < 0 {
			fds[i] = i // the server's own
		}
	}
	err := l.send(s.data, fds[:])
	s.closeFiles()
	if err == nil {
		return // should the runner be lost now, receive ends the process
	}
	if l.take(p.id) != nil {
		p.end(cycle.ProcessState{Code: 1, Err: err})
	}
}

// send sends an order. A runner that does not take it hangs: there will be
// another one for the next.
func (l *link) send(data []byte, fds []int) error {
	err := sock.SendFDs(l.fd, data, fds)
	if errors.Is(err, unix.EAGAIN) {
		l.mu.Lock()
		l.down = true
		l.mu.Unlock()
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // the receiver ends the commands
	}
	return err
}

// take removes a process from those that are alive; nil when it is not.
func (l *link) take(id uint64) *process {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.live[id]
	delete(l.live, id)
	return p
}

func (l *link) get(id uint64) *process {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live[id]
}

// receive takes reports until the runner is gone.
func (l *link) receive() {
	data := make([]byte, maxMessage)
	for {
		n, fds, err := sock.RecvFDs(l.fd, data)
		closeAll(fds)
		if err != nil || n == 0 {
			break
		}
		rep, err := decodeReport(data[:n])
		if err != nil {
			break
		}
		l.heed(rep)
	}
	l.mu.Lock()
	l.down = true
	left := l.live
	l.live = nil
	l.mu.Unlock()
	for _, p := range left {
		p.end(cycle.ProcessState{Code: 1, Err: errLost})
	}
	l.release()
}

// heed applies a report. One about a process that is not known is ignored.
func (l *link) heed(rep *report) {
	switch rep.op {
	case opStarted:
		if p := l.get(rep.id); p != nil && p.State().PID == 0 && rep.pid > 0 {
			p.run(rep.pid)
		}
	case opFailed:
		if p := l.take(rep.id); p != nil {
			p.end(cycle.ProcessState{Code: 1, Err: syscall.Errno(rep.errno)})
		}
	case opEnded:
		if p := l.take(rep.id); p != nil {
			p.end(cycle.ProcessState{Code: rep.code, Signal: rep.signal})
		}
	}
}

package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"weir/netio/sock"
)

// Link is one end of the channel between master and server: messages with a
// body of any size and any number of descriptors, over a SOCK_SEQPACKET pair.
//
//	packet 1   JSON of head          + a memory file with the body, if there is one
//	packet 2.. JSON of {"more":true} + up to sock.MaxFDs of the message's descriptors
//
// Send may be called from several goroutines, Receive from one.
type Link struct {
	mu sync.Mutex // held while a message is sent
	fd int
}

// head is what a message's packets carry besides descriptors.
type head struct {
	*Message
	Body bool `json:"body,omitempty"`
	FDs  int  `json:"fds,omitempty"`
	More bool `json:"more,omitempty"`
}

// maxPacket bounds a packet's data; what can grow goes into the body.
const maxPacket = 64 << 10

// NewLink makes a link of a SOCK_SEQPACKET socket, which it owns from now on.
func NewLink(fd int) *Link { return &Link{fd: fd} }

// LinkPair makes the two ends of a link inside one process.
func LinkPair() (a, b *Link, err error) {
	x, y, err := sock.SeqPair()
	if err != nil {
		return nil, nil, err
	}
	return NewLink(x), NewLink(y), nil
}

// FD is the socket, for handing it to a new process.
func (l *Link) FD() int { return l.fd }

// Send sends a message. The descriptors stay open here.
func (l *Link) Send(m *Message, fds ...int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := head{Message: m, FDs: len(fds)}
	var body []int
	if m.Body != nil {
		fd, err := memoryFile(m.Body)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		body, h.Body = []int{fd}, true
	}
	if err := l.packet(&h, body); err != nil {
		return err
	}
	for len(fds) > 0 {
		n := min(len(fds), sock.MaxFDs)
		if err := l.packet(&head{More: true}, fds[:n]); err != nil {
			return err
		}
		fds = fds[n:]
	}
	return nil
}

func (l *Link) packet(h *head, fds []int) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(data) > maxPacket {
		return fmt.Errorf("BUG: server: a message head of %d bytes", len(data))
	}
	return sock.SendFDs(l.fd, data, fds)
}

// errClosed is what Receive returns when the other end is gone.
var errClosed = errors.New("server: link closed")

// Receive waits for a message and the descriptors that came with it, which are
// the caller's. The error is final.
func (l *Link) Receive() (*Message, []int, error) {
	h, fds, err := l.receivePacket()
	if err != nil {
		return nil, nil, err
	}
	if h.Message == nil {
		closeAll(fds)
		return nil, nil, errors.New("BUG: server: descriptors without a message")
	}
	if h.Body {
		if len(fds) != 1 {
			closeAll(fds)
			return nil, nil, errors.New("BUG: server: message without its body")
		}
		h.Message.Body, err = readMemoryFile(fds[0])
		fds = nil
		if err != nil {
			return nil, nil, err
		}
	}
	for len(fds) < h.FDs {
		_, more, err := l.receivePacket()
		if err == nil && len(more) == 0 {
			err = errors.New("BUG: server: descriptors are missing")
		}
		if err != nil {
			closeAll(fds)
			return nil, nil, err
		}
		fds = append(fds, more...)
	}
	return h.Message, fds, nil
}

func (l *Link) receivePacket() (*head, []int, error) {
	data := make([]byte, maxPacket)
	n, fds, err := sock.RecvFDs(l.fd, data)
	if err == nil && n == 0 {
		err = errClosed
	}
	if err != nil {
		return nil, nil, err
	}
	h := new(head)
	if err := json.Unmarshal(data[:n], h); err != nil {
		closeAll(fds)
		return nil, nil, fmt.Errorf("BUG: server: link: %w", err)
	}
	return h, fds, nil
}

// Close ends the link in both directions; a Receive under way returns.
func (l *Link) Close() {
	_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
}

// Free closes the descriptor. Nobody may be in Send or Receive.
func (l *Link) Free() { _ = unix.Close(l.fd) }

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// memoryFile is a file in memory that holds data, read from its start.
func memoryFile(data []byte) (int, error) {
	fd, err := unix.MemfdCreate("weir-message", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	for rest := data; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("write to a memory file: %w", err)
		}
		rest = rest[n:]
	}
	return fd, nil
}

// readMemoryFile reads and closes what memoryFile made.
func readMemoryFile(fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "weir-message")
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	if len(data) == 0 {
		return data, nil
	}
	_, err = f.ReadAt(data, 0)
	return data, err
}

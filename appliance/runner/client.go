package runner

import (
	"errors"
	"sync"

	"weir/appliance/cycle"
	"weir/netio/sock"
)

// Client has commands run. It starts no runner before the first command, and
// another one when that is lost. It may be used from any goroutine.
type Client struct {
	dial func() (fd int, err error)
	wake chan struct{} // the queue is not empty, or closed is set

	mu      sync.Mutex // guards what follows
	running bool       // send's goroutine runs
	closed  bool
	queue   []*sending
	next    uint64 // id of the last command
	alive   int    // commands that have not ended
}

// sending is an order on its way to the runner.
type sending struct {
	data []byte
	p    *process
	fds  [3]int // of a start; the client's to close, but for those of the server
	kill bool
}

// process implements cycle.Process.
type process struct {
	c       *Client
	id      uint64
	changed func()
	started chan struct{}
	ended   chan struct{}

	mu    sync.Mutex // guards what follows
	state cycle.ProcessState
	link  *link // of the runner that has it; nil while nobody has
}

// maxQueue is how many orders may wait for a runner that hangs: more than there
// are commands. What is above is signals, which are dropped.
const maxQueue = 4 * maxProcesses

// Errors of commands, as users see them.
var (
	errTooMany = errors.New("too many processes")
	errTooLong = errors.New("arguments and environment are too long")
	errNoArgs  = errors.New("no program")
	errClosed  = errors.New("the server is ending")
	errLost    = errors.New("the process that runs commands is gone")
)

// NewClient makes a Client that gets its runner's socket from dial, which may
// wait and is called from one goroutine.
func NewClient(dial func() (fd int, err error)) *Client {
	return &Client{dial: dial, wake: make(chan struct{}, 1)}
}

// Close lets the runner end, and the commands that it has with it.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.poke()
}

func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// start queues a command.
func (c *Client) start(o *order, files [3]int, changed func()) (cycle.Process, error) {
	p := &process{c: c, changed: changed, started: make(chan struct{}), ended: make(chan struct{})}
	s := &sending{p: p, fds: files}
	err := c.admit(o, s)
	if err != nil {
		s.closeFiles()
		return nil, err
	}
	c.poke()
	return p, nil
}

func (c *Client) admit(o *order, s *sending) error {
	if len(o.args) == 0 || o.args[0] == "" {
		return errNoArgs
	}
	if o.tooLong() { // before the lock: encoding takes time
		return errTooLong
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errClosed
	case c.alive >= maxProcesses:
		return errTooMany
	}
	o.op, o.id = opStart, c.next+1
	s.data = o.append(nil)
	if len(s.data) > maxMessage {
		return errTooLong
	}
	c.next++
	c.alive++
	s.p.id = o.id
	c.queue = append(c.queue, s)
	if !c.running {
		c.running = true
		go c.send() // ends with Close
	}
	return nil
}

// send gives orders to the runner, one after the other.
func (c *Client) send() {
	var l *link
	for range c.wake {
		s, done := c.take()
		for ; s != nil; s, done = c.take() {
			if s.kill {
				s.p.sendKill(s.data)
				continue
			}
			if l.gone() {
				l.close()
				l = nil
				fd, err := c.dial()
				if err != nil {
					s.closeFiles()
					s.p.end(cycle.ProcessState{Code: 1, Err: err})
					continue
				}
				l = newLink(fd)
				go l.receive() // ends with the runner
			}
			l.start(s)
		}
		if done {
			l.close()
			return
		}
	}
}

// take returns the next order, or none, and then whether there will be one.
func (c *Client) take() (s *sending, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, c.closed
	}
	s = c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	return s, false
}

// State implements cycle.Process.
func (p *process) State() cycle.ProcessState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// Started implements cycle.Process.
func (p *process) Started() <-chan struct{} { return p.started }

// Ended implements cycle.Process.
func (p *process) Ended() <-chan struct{} { return p.ended }

// Kill implements cycle.Process. A number that is no signal of Linux does nothing.
func (p *process) Kill(signal int) {
	if signal < 0 || signal > cycle.MaxSignal {
		return // the runner would take the order for damage and end
	}
	p.order(&order{op: opKill, id: p.id, signal: signal})
}

// KillGroup implements cycle.Process.
func (p *process) KillGroup() { p.order(&order{op: opGroup, id: p.id}) }

// order queues an order about the process.
func (p *process) order(o *order) {
	c := p.c
	c.mu.Lock()
	if c.closed || len(c.queue) >= maxQueue {
		c.mu.Unlock()
		return
	}
	c.queue = append(c.queue, &sending{data: o.append(nil), p: p, kill: true})
	c.mu.Unlock()
	c.poke()
}

func (p *process) sendKill(data []byte) {
	p.mu.Lock()
	l := p.link
	p.mu.Unlock()
	if l != nil && !l.gone() {
		_ = l.send(data, nil)
	}
}

// run notes that the process runs.
func (p *process) run(pid int) {
	p.mu.Lock()
	p.state.PID = pid
	p.mu.Unlock()
	close(p.started)
	p.tell()
}

// end notes how the process ended. It is called once.
func (p *process) end(st cycle.ProcessState) {
	p.mu.Lock()
	st.PID, st.Ended = p.state.PID, true
	p.state = st
	p.link = nil
	p.mu.Unlock()
	if st.PID == 0 {
		close(p.started)
	}
	close(p.ended)
	p.c.mu.Lock()
	p.c.alive--
	p.c.mu.Unlock()
	p.tell()
}

func (p *process) tell() {
	if p.changed != nil {
		p.changed()
	}
}

// closeFiles gives back the command's descriptors, which it has by now.
func (s *sending) closeFiles() {
	for i, fd := range s.fds {
		if fd < 0 || fd == s.fds[0] && i > 0 || fd == s.fds[1] && i > 1 {
			continue // the server's own, or the same one twice
		}
		sock.Close(fd)
	}
}

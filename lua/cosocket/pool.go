package cosocket

import (
	"fmt"
	"slices"

	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// pool is the connections of one key: idle ones, and with a backlog a limit to all there are.
type pool struct {
	st      *state
	key     string
	size    int
	backlog int // connects that may wait; -1: connections are not limited
	// connections counts those of sockets that were connected while the pool was there, and the idle ones.
	connections int
	idle        []*idle   // least recently used first
	queue       []*queued // oldest first
}

func (st *state) newPool(key string, size, backlog int) *pool {
	p := &pool{st: st, key: key, size: size, backlog: backlog}
	st.pools[key] = p
	return p
}

// idle is a connection in a pool.
type idle struct {
	pool   *pool
	conn   *conn.Conn
	host   string
	port   int
	reused int
	trust  trust
}

// Readable implements conn.Handler: the peer closed the connection, or sent what nobody asked for.
func (i *idle) Readable(c *conn.Conn) {
	if !c.Silent() {
		i.drop()
	}
}

// Writable implements conn.Handler.
func (i *idle) Writable(*conn.Conn) {}

// Expired implements conn.Handler: the keepalive timeout.
func (i *idle) Expired(*conn.Conn, conn.TimerID) { i.drop() }

// drop takes the connection out of the pool and closes it.
func (i *idle) drop() {
	p := i.pool
	if at := slices.Index(p.idle, i); at >= 0 {
		p.idle = slices.Delete(p.idle, at, at+1)
	}
	i.conn.Close()
	p.released()
}

func (p *pool) closeIdle() {
	for len(p.idle) > 0 {
		p.idle[len(p.idle)-1].drop()
	}
}

// full reports whether another connection has to wait.
func (p *pool) full() bool { return p.backlog >= 0 && p.connections >= p.size }

// take gives the most recently used idle connection to s.
func (p *pool) take(s *socket, c *api.Ctx) bool {
	n := len(p.idle) - 1
	if n < 0 {
		return false
	}
	i := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	i.give(s, c)
	return true
}

// give makes an idle connection that of s.
func (i *idle) give(s *socket, c *api.Ctx) {
	s.conn, s.ctx = i.conn, c
	s.host, s.port = i.host, i.port
	s.reused, s.trust = i.reused+1, i.trust
	i.conn.ClearTimer(conn.ReadTimer)
	i.conn.SetHandler(s)
	c.OnClose(s)
}

// released counts a connection that was closed, and lets the next one that waits have its place. A pool that has
// nothing left goes.
func (p *pool) released() {
	p.connections--
	if len(p.queue) > 0 {
		q := p.next()
		p.connections++ // its place is kept for it
		q.ready = true
		q.thread.Wake()
		return
	}
	if p.connections <= 0 && p.st.pools[p.key] == p {
		delete(p.st.pools, p.key)
	}
}

// queued is a connect that waits for a place in its pool.
type queued struct {
	poll.Timer
	pool   *pool
	s      *socket
	ctx    *api.Ctx
	thread *api.Thread
	ready  bool // it has a connection or the place for one
}

// next takes the oldest one off the queue.
func (p *pool) next() *queued {
	q := p.queue[0]
	p.queue = slices.Delete(p.queue, 0, 1)
	p.st.env.Loop().RemoveTimer(&q.Timer)
	return q
}

func (q *queued) leave() {
	p := q.pool
	if at := slices.Index(p.queue, q); at >= 0 {
		p.queue = slices.Delete(p.queue, at, at+1)
	}
	p.st.env.Loop().RemoveTimer(&q.Timer)
}

// Expired implements poll.TimerOwner.
func (q *queued) Expired(*poll.Timer) {
	q.leave()
	q.thread.Wake()
}

// Abandon implements api.Waiter.
func (q *queued) Abandon() {
	q.leave()
	s := q.s
	s.connecting, s.ctx = false, nil
	switch {
	case s.conn != nil: // it had just been handed one
		s.finalize()
	case q.ready:
		s.pool = nil
		q.pool.released()
	default:
		s.pool = nil
	}
}

// queueUp waits for a place in the pool. It returns the error for Lua; without one the socket has a connection, or
// may make one.
func (s *socket) queueUp(l *vm.State, c *api.Ctx, p *pool) (text string) {
	q := &queued{pool: p, s: s, ctx: c, thread: c.Thread()}
	q.Owner = q
	p.queue = append(p.queue, q)
	c.Env().Loop().SetTimer(&q.Timer, s.timeout(timeConnect))
	s.connecting, s.ctx = true, c
	c.Park(l, q)
	s.connecting = false
	if q.ready {
		return ""
	}
	s.pool, s.ctx = nil, nil
	s.logErr(c, fmt.Sprintf("lua tcp socket queued connect timed out, when trying to connect to %s", portText(s.host, s.port)), sock.Addr{})
	return "timeout"
}

// setKeepalive is tcpsock:setkeepalive.
func setKeepalive(l *vm.State) int {
	n := l.Top()
	if n < 1 || n > 3 {
		l.Errorf("expecting 1 to 3 arguments (including the object), but got %d", n)
	}
	s := self(l)
	settings := api.Of(l).Settings()
	timeout, size := settings.SocketKeepaliveTimeout.V, settings.SocketPoolSize.V
	if !l.Arg(2).IsNil() {
		timeout = int64(l.CheckInt(2))
	}
	if !l.Arg(3).IsNil() {
		size = l.CheckInt(3)
	}
	if s == nil || s.conn == nil && !s.connecting || s.readClosed || s.writeClosed || s.conn != nil && s.conn.Hangup() {
		return closed(l)
	}
	c := s.owned(l)
	if text := s.busyText(busyConnecting | busyReading | busyWriting); text != "" {
		return api.Fail(l, text)
	}
	switch {
	case s.pos < len(s.in):
		return api.Fail(l, "unread data in buffer")
	case s.kind != kindPeer:
		return api.Fail(l, "key not found")
	case s.st.retired || c.Worker().Exiting():
		s.finalize()
		return done(l)
	}
	p := s.st.pools[s.key]
	if p == nil {
		if size <= 0 {
			l.ArgError(n, fmt.Sprintf("bad \"pool_size\" option value: %d", size))
		}
		p = s.st.newPool(s.key, size, -1)
	}
	if s.conn.ReadReady() && !s.conn.Silent() {
		s.finalize()
		return api.Fail(l, "connection in dubious state")
	}
	p.keep(s, timeout)
	return done(l)
}

// keep puts the connection of s into the pool; 0 keeps it for ever.
func (p *pool) keep(s *socket, timeout int64) {
	i := &idle{pool: p, conn: s.conn, host: s.host, port: s.port, reused: s.reused, trust: s.trust}
	if s.pool == nil {
		p.connections++
	}
	s.pool = nil
	i.conn.SetHandler(i)
	i.conn.ClearTimer(conn.ReadTimer)
	i.conn.ClearTimer(conn.WriteTimer)
	if timeout > 0 {
		i.conn.SetTimer(conn.ReadTimer, timeout)
	}
	s.conn = nil
	s.finalize()
	p.idle = append(p.idle, i)
	if len(p.queue) > 0 {
		q := p.next()
		q.ready = true
		q.s.pool = p
		p.take(q.s, q.ctx)
		q.thread.Wake()
		return
	}
	if len(p.idle) > p.size {
		p.idle[0].drop()
	}
}

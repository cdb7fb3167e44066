package upstream

import (
	"strconv"

	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/sock"
)

// local is what one worker knows of a group: its turn in round robin and its
// idle connections. It outlives reloads of groups that keep their name.
type local struct {
	primary, backup weights
	idle            idlePool
	balanced        idlePool // of the Balancer
}

// workerState is the module's state of one worker.
type workerState struct {
	w      *http.Worker
	groups map[string]*local // by name and port
	free   *Exchange         // by next
	links  *link             // free ones, by next
	bufs   *bodyBuf          // free ones, by next
}

var workerSlot http.WorkerSlot[workerState]

// initWorker gives a worker's state to the groups of a new generation.
func initWorker(w *http.Worker, g *http.Generation) {
	if w.Agent() {
		return
	}
	ws := workerSlot.Of(w)
	seen := make(map[string]*local)
	for _, gr := range mainSlot.Of(g).groups {
		key := gr.Name + ":" + itoa(int64(gr.Port))
		l := ws.groups[key]
		if l == nil {
			l = &local{}
		}
		l.idle.max = gr.keep.max.V
		l.balanced.max = gr.balanced.Or(defaultBalanced)
		l.shrink(ws)
		seen[key] = l
		for w.ID >= len(gr.locals) { // only in tests, which start no process
			gr.locals = append(gr.locals, nil)
		}
		gr.locals[w.ID] = l
	}
	for key, l := range ws.groups {
		if seen[key] == nil {
			l.idle.max, l.balanced.max = 0, 0
			l.shrink(ws)
		}
	}
	ws.groups = seen
	startResolving(w, g)
}

// shrink closes idle connections beyond the limits.
func (l *local) shrink(ws *workerState) {
	l.idle.shrink(ws)
	l.balanced.shrink(ws)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// connKey is what two requests must have in common to share a connection.
type connKey struct {
	addr  sock.Addr
	local sock.Addr // proxy_bind
	tag   uint64    // the location, when connections are not shared
	host  string    // that a Balancer gave
	tls   identity
}

// link is a connection to a backend from its dial to its close. Between
// requests it is the connection's handler.
type link struct {
	c       *conn.Conn
	key     connKey
	started int64 // loop time
	noDelay bool  // Nagle's algorithm is off
	ws      *workerState
	pool    *idlePool // nil while in use
	next    *link
	prev    *link
}

// idlePool holds idle connections, the last used one first.
type idlePool struct {
	head, tail *link
	n, max     int
}

func (ws *workerState) takeLink() *link {
	l := ws.links
	if l == nil {
		return &link{ws: ws}
	}
	ws.links, l.next = l.next, nil
	return l
}

func (ws *workerState) putLink(l *link) {
	*l = link{ws: ws, next: ws.links}
	ws.links = l
}

// get takes a connection for key out of the pool; nil when there is none.
func (p *idlePool) get(key *connKey) *link {
	for l := p.head; l != nil; l = l.next {
		if l.key == *key {
			p.remove(l)
			l.c.ClearTimer(conn.ReadTimer)
			return l
		}
	}
	return nil
}

// forEver is the timeout of connections that may be idle without limit.
const forEver = -1

// put keeps an idle connection for timeout milliseconds; the one unused for
// longest makes room.
func (p *idlePool) put(l *link, timeout int64) {
	if p.n >= p.max {
		p.tail.close()
	}
	l.pool = p
	l.next, l.prev = p.head, nil
	if p.head != nil {
		p.head.prev = l
	} else {
		p.tail = l
	}
	p.head = l
	p.n++
	l.c.SetHandler(l)
	l.c.ClearTimer(conn.WriteTimer)
	if timeout == forEver {
		l.c.ClearTimer(conn.ReadTimer)
		return
	}
	l.c.SetTimer(conn.ReadTimer, timeout)
}

func (p *idlePool) remove(l *link) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		p.head = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		p.tail = l.prev
	}
	l.next, l.prev, l.pool = nil, nil, nil
	p.n--
}

// shrink closes connections beyond the limit.
func (p *idlePool) shrink(ws *workerState) {
	for p.n > p.max {
		p.tail.close()
	}
}

// close ends an idle connection.
func (l *link) close() {
	l.pool.remove(l)
	l.c.Close()
	l.ws.putLink(l)
}

// Readable implements conn.Handler for an idle connection: the backend has
// closed it, or sends what nobody asked for.
func (l *link) Readable(c *conn.Conn) {
	if c.Transport() == nil || !c.Silent() {
		l.close()
	}
}

// Writable implements conn.Handler.
func (l *link) Writable(*conn.Conn) {}

// Expired implements conn.Handler: nobody needed the connection in time.
func (l *link) Expired(*conn.Conn, conn.TimerID) { l.close() }

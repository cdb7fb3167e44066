package master

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/netio/sock"
)

// group is the listening sockets of one address: one per worker, all of one
// SO_REUSEPORT group, or a single one that all workers share.
type group struct {
	addr      sock.Addr
	options   sock.ListenOptions
	before    *sock.ListenOptions // what a bind that may be undone has replaced; nil for nothing
	fds       []int
	inherited bool // some came from the process before

	// front is the socket that connections to a range are found by, one more
	// of the group that no worker counts on; -1 for an address without range.
	front      int
	frontFresh bool // added by a bind that may be undone
}

// frontIndex is the number under which the server knows a group's front. The
// workers' sockets are numbered from 0, and far fewer.
const frontIndex = 1 << 16

// listeners are all addresses the process listens on, by cycle.Listen.Key.
type listeners map[string]*group

// Binding is tried so often, at this distance, as nginx tries it: the address
// may belong to a process that is just ending.
const (
	bindTries = 5
	bindPause = 500 * time.Millisecond
)

// added is what a bind has added: by key, the index of the first new socket.
type added map[string]int

// bind makes sure that there are enough sockets for every address of c. On an
// error, which has been logged, all is as before.
func (ls listeners) bind(c *cycle.Cycle) (added, error) {
	fresh := make(added)
	for try := 1; ; try++ {
		again := false
		for _, l := range c.Listens {
			err := ls.complete(l, c.Core.Workers, fresh)
			if err == nil {
				continue
			}
			_ = emerg("%v", err)
			if errnoOf(err) != unix.EADDRINUSE {
				ls.undo(fresh)
				return nil, errLogged
			}
			again = true
		}
		if !again {
			return fresh, nil
		}
		if try == bindTries {
			ls.undo(fresh)
			return nil, emerg("still could not bind()")
		}
		errlog.Default().Printf(errlog.Notice, 0, "try again to bind() after %dms", bindPause.Milliseconds())
		time.Sleep(bindPause)
	}
}

// complete binds the sockets of l that are missing and notes them in fresh.
func (ls listeners) complete(l *cycle.Listen, workers int, fresh added) error {
	want := workers
	if l.Shared {
		want = 1
	}
	key := l.Key()
	g := ls[key]
	if g == nil {
		fd, err := listenFirst(l)
		if err != nil {
			return err
		}
		g = &group{addr: l.Addr, options: listenOptions(l), fds: []int{fd}, front: -1}
		ls[key] = g
		fresh[key] = 0
	} else if o := listenOptions(l); o != g.options {
		if g.before == nil {
			old := g.options
			g.before = &old
		}
		g.relisten(o)
	}
	if l.Wide() && g.inherited && g.front < 0 && len(g.fds) > want {
		g.front, g.fds = g.fds[len(g.fds)-1], g.fds[:len(g.fds)-1]
	}
	for len(g.fds) < want {
		fd, err := g.listenMore()
		if err != nil {
			return err
		}
		if _, ok := fresh[key]; !ok {
			fresh[key] = len(g.fds)
		}
		g.fds = append(g.fds, fd)
	}
	if l.Wide() && g.front < 0 {
		fd, err := g.listenMore()
		if err != nil {
			return err
		}
		g.front, g.frontFresh = fd, true
		if err := ls.tryRange(l); err != nil {
			g.dropFront()
			return err
		}
	}
	return nil
}

// relisten gives the sockets that are there other options.
func (g *group) relisten(o sock.ListenOptions) {
	for _, fd := range g.all() {
		if err := sock.Relisten(fd, o); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "%v, ignored", err)
		}
	}
	g.options = o
}

func listenOptions(l *cycle.Listen) sock.ListenOptions {
	o := l.Options
	o.Addr = l.Addr
	o.ReusePort = false // decided here, not by the directive
	return o
}

// listenFirst binds an address without SO_REUSEPORT, so that it fails when any
// other process has it.
func listenFirst(l *cycle.Listen) (int, error) {
	o := listenOptions(l)
	fd, err := sock.Listen(o)
	if err != nil && l.Addr.Family() == sock.Unix && errnoOf(err) == unix.EADDRINUSE && removeStale(l.Addr) {
		return sock.Listen(o)
	}
	return fd, err
}

// removeStale removes the file of a Unix socket that nobody listens on any
// more, which is what a killed process leaves.
func removeStale(a sock.Addr) bool {
	fd, err := sock.Stream(sock.Unix)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var raw sock.RawAddr
	raw.Set(a)
	if sock.Connect(fd, &raw) != unix.ECONNREFUSED {
		return false
	}
	errlog.Default().Printf(errlog.Notice, 0, "removing %s, which nobody listens on", a)
	return os.Remove(a.Path()) == nil
}

// listenMore binds another socket of the group. All sockets of it must say
// SO_REUSEPORT, also the first one and those from the process before.
func (g *group) listenMore() (int, error) {
	for _, fd := range g.all() {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return -1, &sock.Error{Call: "setsockopt(SO_REUSEPORT) " + g.addr.String(), Errno: errnoOf(err)}
		}
	}
	o := g.options
	o.ReusePort = true
	return sock.Listen(o)
}

// undo closes what a bind has added, and takes back what it has changed.
func (ls listeners) undo(fresh added) {
	for key, first := range fresh {
		g := ls[key]
		for _, fd := range g.fds[first:] {
			unix.Close(fd)
		}
		g.fds = g.fds[:first]
		if first == 0 {
			g.dropFront()
			g.unlink()
			delete(ls, key)
		}
	}
	for _, g := range ls {
		if g.frontFresh {
			g.dropFront()
		}
		if g.before != nil {
			g.relisten(*g.before)
			g.before = nil
		}
	}
}

// unlink removes the file of a Unix socket.
func (g *group) unlink() {
	if g.addr.Family() == sock.Unix && g.addr.Path() != "" && g.addr.Path()[0] != 0 {
		if err := os.Remove(g.addr.Path()); err != nil && !os.IsNotExist(err) {
			errlog.Default().Printf(errlog.Alert, 0, "unlink() %s failed%s", g.addr.Path(), errlog.ErrnoText(err))
		}
	}
}

// dropUnused closes the addresses that c does not name, now that c is in force.
func (ls listeners) dropUnused(c *cycle.Cycle, unlink bool) {
	used := make(map[string]*cycle.Listen, len(c.Listens))
	for _, l := range c.Listens {
		used[l.Key()] = l
	}
	for key, g := range ls {
		g.before, g.frontFresh = nil, false
		switch l := used[key]; {
		case l == nil:
			g.close(unlink)
			delete(ls, key)
		case !l.Wide():
			g.dropFront()
		}
	}
}

// dropFront closes the front.
func (g *group) dropFront() {
	if g.front >= 0 {
		unix.Close(g.front)
		g.front, g.frontFresh = -1, false
	}
}

// all lists the descriptors of the group, those of workers first.
func (g *group) all() []int {
	if g.front < 0 {
		return g.fds
	}
	return append(g.fds[:len(g.fds):len(g.fds)], g.front)
}

func (g *group) close(unlink bool) {
	for _, fd := range g.all() {
		unix.Close(fd)
	}
	if unlink {
		g.unlink()
	}
}

// closeAll closes everything.
func (ls listeners) closeAll(unlink bool) {
	for key, g := range ls {
		g.close(unlink)
		delete(ls, key)
	}
}

// sockets lists the sockets of c for the server, and the descriptors of the
// new ones: those in fresh, or all with fresh nil, when the server knows none.
func (ls listeners) sockets(c *cycle.Cycle, fresh added) (list []server.Socket, fds []int) {
	for _, l := range c.Listens {
		g := ls[l.Key()]
		first, some := fresh[l.Key()]
		for i, fd := range g.fds {
			k := server.Socket{Key: []byte(l.Key()), Index: i, New: fresh == nil || some && i >= first}
			if k.New {
				fds = append(fds, fd)
			}
			list = append(list, k)
		}
		if g.front >= 0 && l.Wide() {
			k := server.Socket{Key: []byte(l.Key()), Index: frontIndex, New: fresh == nil || g.frontFresh}
			if k.New {
				fds = append(fds, g.front)
			}
			list = append(list, k)
		}
	}
	return list, fds
}

// all lists all descriptors.
func (ls listeners) all() []int {
	var fds []int
	for _, g := range ls {
		fds = append(fds, g.all()...)
	}
	return fds
}

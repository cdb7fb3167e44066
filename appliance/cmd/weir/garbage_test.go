package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"weak"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/server"
	"weir/appliance/stdmodules"
	"weir/netio/sock"
)

// inside is a server in the test's own process, with the test as its master:
// so that the test sees its heap.
type inside struct {
	*instance
	services *services
	link     *server.Link
	sockets  map[string]bool // keys of those the server has
}

func serveInside(t *testing.T) *inside {
	t.Helper()
	here, there, err := server.LinkPair()
	if err != nil {
		t.Fatal(err)
	}
	s := &inside{instance: newInstance(t, "off"), services: newServices(), link: here, sockets: map[string]bool{}}
	done := make(chan struct{})
	go func() { // ends with the order to stop
		defer close(done)
		server.Run(server.Options{Link: there, Table: stdmodules.Table(), New: s.services.worker, Joined: true})
	}()
	t.Cleanup(func() {
		if err := here.Send(&server.Message{Op: server.Stop}); err != nil {
			t.Error(err)
		}
		<-done
		here.Free()
	})
	return s
}

// load has the server take the configuration as generation n, and returns what
// its first worker serves with.
func (s *inside) load(n int) used {
	s.t.Helper()
	prefix := s.dir + "/"
	c, err := cycle.Load(stdmodules.Table(), cycle.LoadOptions{Prefix: prefix, ConfFile: prefix + "nginx.conf", ErrorLog: "error.log", Check: true, Count: n})
	if err != nil {
		s.t.Fatal(err)
	}
	o := &server.Order{Generation: n, Prefix: []byte(prefix), ConfFile: []byte(c.ConfFile), ErrorLog: []byte("error.log")}
	var fds []int
	for _, f := range c.Files() {
		fd, err := unix.Open(f.Path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
		if err != nil {
			s.t.Fatal(err)
		}
		o.Logs, fds = append(o.Logs, []byte(f.Path)), append(fds, fd)
	}
	for _, l := range c.Listens {
		k := server.Socket{Key: []byte(l.Key()), New: !s.sockets[l.Key()]}
		if k.New {
			fd, err := sock.Listen(l.Options)
			if err != nil {
				s.t.Fatal(err)
			}
			s.sockets[l.Key()] = true
			fds = append(fds, fd)
		}
		o.Sockets = append(o.Sockets, k)
	}
	if err := s.link.SendOrder(server.Load, o, c.Snapshot().Append(nil), fds...); err != nil {
		s.t.Fatal(err)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	m, _, err := s.link.Receive()
	if err != nil || m.Op != server.Ready {
		s.t.Fatalf("the server answered %+v and %v", m, err)
	}
	w := (*s.services.process.Workers.Load())[0]
	look := &lookup{w, make(chan used, 1)}
	w.Loop.Post(look)
	return <-look.c
}

// used is a worker's configuration, not held.
type used struct {
	generation weak.Pointer[http.Generation]
	server     weak.Pointer[http.Server] // which clients are given to
}

func (u *used) alive() bool { return u.generation.Value() != nil || u.server.Value() != nil }

// lookup brings what a worker uses; it runs on its loop.
type lookup struct {
	w *http.Worker
	c chan used
}

func (l *lookup) Run() {
	g := l.w.Generation()
	l.c <- used{weak.Make(g), weak.Make(g.Servers[0])}
}

// TestReplacedGenerationsAreCollected reloads under connections of all lasting
// kinds. What they hold is what began with them, at most: a tunnel its own
// generation, an idle connection none.
func TestReplacedGenerationsAreCollected(t *testing.T) {
	s := serveInside(t)
	n := 100
	if testing.Short() {
		n = 20
	}
	generations := make([]used, n+1)
	var tunnel *client
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // what the first one's clean-ups have let go
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	for i := 1; i <= n; i++ {
		// Files that only this generation logs to, a group of its own and an
		// address that the next one does not have.
		s.configure(fmt.Sprintf("worker_processes 1; error_log e%d.log;", i))
		text := s.read("nginx.conf")
		extra := filepath.Join(s.dir, fmt.Sprint("s", i))
		text = text[:len(text)-1] + fmt.Sprintf(`
			upstream u%d { server %s; keepalive 2; }
			server { listen unix:%s; access_log a%d.log; location / { proxy_pass http://u%d; } }
		}`, i, s.origin, extra, i, i)
		s.write("nginx.conf", text)
		generations[i] = s.load(i)
		if i == 1 {
			tunnel = s.dial()
			tunnel.upgrade()
		}
		s.dial().get("/") // stays open
		s.dial().get("/origin/")
		if i == n/5 {
			early = heap()
		}
	}
	late := heap()
	t.Logf("heap after %d reloads %d KB, after %d %d KB", n/5, early>>10, n, late>>10)
	alive := 0
	for i := 2; i < n; i++ {
		if generations[i].alive() {
			alive++
		}
	}
	if alive > 0 {
		t.Errorf("%d of %d replaced generations are still in memory", alive, n-2)
	}
	if !generations[n].alive() {
		t.Error("the generation in force is gone: the test looks at the wrong thing")
	}
	tunnel.echo("still there")
	s.until("the logs of replaced generations to be closed", func() bool {
		runtime.GC()
		return s.openLogs() <= 6 // of the first and the last generation, and of one being collected
	})
}

// openLogs counts the process's descriptors of files in the instance's folder.
func (s *inside) openLogs() int {
	n := 0
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && filepath.Dir(to) == s.dir && filepath.Ext(to) == ".log" {
			n++
		}
	}
	return n
}

package server

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/ebpf/steer"
)

// load takes a configuration. On an error the one before serves on; sockets and
// workers are as they were.
func (s *Server) load(m *Message, fds []int) error {
	o, data, err := unpack(m.Body)
	if err != nil {
		closeAll(fds)
		return err
	}
	boards := 0
	if o.Board {
		boards = 1
	}
	if s.stopping || len(fds) < len(o.Logs)+boards {
		closeAll(fds)
		return fmt.Errorf("the server process cannot take a configuration now")
	}
	s.mapBoard(fds[len(o.Logs) : len(o.Logs)+boards])
	fds = slices.Delete(fds, len(o.Logs), len(o.Logs)+boards)
	logs, socks := fds[:len(o.Logs)], fds[len(o.Logs):]
	if s.cycle == nil && !s.o.Joined {
		if err := become(o); err != nil {
			closeAll(fds)
			return err
		}
	}
	c, err := s.build(o, data, func(c *cycle.Cycle) {
		if s.cycle == nil { // what init_by_lua and workers do at their start is logged, too
			s.openLogs(c, o, logs)
			logs = nil
			errlog.SetDefault(c.Log)
		}
	})
	clear(m.Body) // there are keys in it
	if err != nil {
		closeAll(logs)
		closeAll(socks)
		return err
	}
	if logs != nil {
		s.openLogs(c, o, logs)
	}
	sockets := s.mergeSockets(o, socks)
	if err := s.apply(c, sockets); err != nil {
		if s.cycle != nil {
			_ = s.apply(s.cycle, s.sockets) // it served a moment ago
		}
		closeUnless(sockets, s.sockets)
		return err
	}
	closeUnless(s.sockets, sockets)
	s.commit(c, o, sockets)
	return nil
}

// mapBoard maps the board that the master has sent, which is the same one each
// time. Without it connections are steered by what is left of the scores.
func (s *Server) mapBoard(fds []int) {
	defer closeAll(fds)
	if len(fds) == 0 || s.board != nil {
		return
	}
	b, err := steer.MapBoard(fds[0])
	if err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "workers cannot show their load: %v", err)
		return
	}
	s.board = b
}

// build loads a configuration. openLogs is called as cycle.LoadOptions says.
func (s *Server) build(o *Order, data []byte, openLogs func(*cycle.Cycle)) (*cycle.Cycle, error) {
	snapshot, err := cycle.DecodeSnapshot(data)
	if err != nil {
		return nil, err
	}
	if !s.o.Joined {
		setEnvironment(o.Env)
	}
	return cycle.Load(s.o.Table, cycle.LoadOptions{
		Prefix:     string(o.Prefix),
		ConfFile:   string(o.ConfFile),
		ErrorLog:   string(o.ErrorLog),
		Root:       o.Root,
		Snapshot:   snapshot,
		Count:      o.Generation,
		OpenLogs:   openLogs,
		Steering:   o.Steering,
		FilterLink: s.filter,
		Commands:   s.commandsFor(o),
		Master:     s.master,
		Old:        s.cycle, // warnings are not wanted: the master has given them
	})
}

// commit makes a generation that all workers have the current one.
func (s *Server) commit(c *cycle.Cycle, o *Order, sockets map[socketKey]int) {
	old := s.generation
	c.Forget()
	c.Wipe()
	s.cycle, s.order, s.sockets, s.generation = c, o, sockets, o.Generation
	errlog.SetDefault(c.Log)
	if !s.o.Joined {
		RedirectStderr(c)
		if dir := c.Core.WorkingDirectory; dir != "" {
			if err := os.Chdir(dir); err != nil {
				c.Log.Printf(errlog.Alert, 0, "chdir(%q) failed%s", dir, errlog.ErrnoText(err))
			}
		}
	}
	if old != 0 {
		// The end of the line is what scripts wait for after a reload of
		// nginx, whose old workers say it when they end.
		c.Log.Printf(errlog.Notice, 0, "generation %d serves on %d workers, generation %d exited with code 0",
			o.Generation, len(s.workers), old)
	}
}

// openLogs puts the descriptors that came along behind the cycle's files.
func (s *Server) openLogs(c *cycle.Cycle, o *Order, fds []int) {
	byPath := make(map[string]*errlog.File)
	for _, f := range c.Files() {
		byPath[f.Path] = f
	}
	for i, path := range o.Logs {
		f := byPath[string(path)]
		if f == nil {
			unix.Close(fds[i])
			continue
		}
		if err := f.Reopen(fds[i]); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "reopening %q failed%s", f.Path, errlog.ErrnoText(err))
		}
	}
}

func (s *Server) reopen(m *Message, fds []int) error {
	o, _, err := unpack(m.Body)
	if err != nil || s.cycle == nil || len(fds) != len(o.Logs) {
		closeAll(fds)
		return err
	}
	s.cycle.Flush()
	s.openLogs(s.cycle, o, fds)
	if !s.o.Joined {
		RedirectStderr(s.cycle)
	}
	return nil
}

// RedirectStderr puts standard error behind the main log's first file, so that
// what the runtime or a library prints last is found there.
func RedirectStderr(c *cycle.Cycle) {
	for _, o := range c.Log.Outputs() {
		if o.Target == (errlog.Target{}) {
			return // standard error is the log
		}
	}
	for _, o := range c.Log.Outputs() {
		if f := o.Target.File; f != nil && f.FD() >= 0 {
			_ = unix.Dup3(f.FD(), 2, 0)
			return
		}
	}
}

// mergeSockets is the list of sockets that o names: known ones and new ones.
func (s *Server) mergeSockets(o *Order, fds []int) map[socketKey]int {
	merged := make(map[socketKey]int, len(o.Sockets))
	for _, k := range o.Sockets {
		key := socketKey{string(k.Key), k.Index}
		switch fd, known := s.sockets[key]; {
		case k.New && len(fds) > 0:
			merged[key] = fds[0]
			fds = fds[1:]
		case known:
			merged[key] = fd
		}
	}
	closeAll(fds)
	return merged
}

// closeUnless closes the descriptors of a that are not in b.
func closeUnless(a, b map[socketKey]int) {
	kept := make(map[int]bool, len(b))
	for _, fd := range b {
		kept[fd] = true
	}
	for _, fd := range a {
		if !kept[fd] {
			unix.Close(fd)
		}
	}
}

package cycle

import (
	"fmt"
	"os"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/netio/sock"
)

// AgentID is the number of the worker that Cycle.Agent asks for; the others
// count from 0.
const AgentID = -1

// Cycle is one loaded configuration.
type Cycle struct {
	// Immutable, set before the first directive is read.
	Prefix     string // directory of -p with a slash at the end
	ConfPrefix string // directory of ConfFile with a slash at the end
	ConfFile   string // full path of the main configuration file
	Check      bool   // only checked, by the master or -t: costly things need not be made
	Root       bool   // the master is root, which some defaults depend on; the server may not be
	Generation int    // how many configurations the master has loaded with this one; 0 where nobody counts
	Tree       *conf.Tree

	// Set when all directives were read; finish hooks may use them.
	Core   Core
	Events Events
	Log    *errlog.Log // main error_log

	// Steering is how the master found that connections get to workers.
	Steering Steering
	// FilterLink leads to the packet filter; nil where there is no server.
	FilterLink FilterLink
	// Commands runs programs for modules; nil where none are run.
	Commands Commands
	// Master is the process that takes signals: its number.
	Master int
	// Agent asks for a worker that serves nobody: code of modules runs on it
	// beside the others (OpenResty's privileged agent). Finish hooks set it.
	Agent bool

	// What the process provides, filled by setters.
	Listens   []*Listen
	TempPaths []conf.TempDir // made and given to the user by the master

	// HTTP is the *http.Generation that the http block's setter made; nil
	// without such a block.
	HTTP any

	main     mainConf
	events   eventsConf
	outputs  []errlog.Output
	files    []*errlog.File
	byPath   map[string]*errlog.File
	zones    map[ZoneID]any
	hooks    []func() error
	flushes  []func()
	old      *Cycle
	read     map[string][]byte // what ReadFile gave, to be handed to the server
	readOnly bool              // ReadFile takes from read alone
	secret   [][]byte          // of read, what ReadSecret gave
}

// Listen is one address to listen on.
type Listen struct {
	Addr    sock.Addr
	Options sock.ListenOptions
	Text    string      // the address as nginx prints it: "127.0.0.1:80", "unix:/run/weir.sock"
	Service any         // what serves it; the process hands it to the service's Acceptor
	Bits    int         // not 0: all addresses that share so many bits with Addr are served
	Ports   []PortRange // served in place of Addr's alone, rising; Addr's is the first. nil: one port
	Shared  bool        // one descriptor for all workers (Unix sockets), not one for each
}

// Steering is how new connections get to workers.
type Steering struct {
	Mode string // what worker_steering asks for; "off" where there is no master
	Rung string // by what means: ebpf, cbpf, incoming_cpu, hash, off
}

// Scores tells whether what workers show of their load is looked at.
func (s *Steering) Scores() bool { return s.Mode == "load" && s.Rung == "ebpf" }

// PortRange is ports in a row.
type PortRange struct{ First, Last uint16 }

// AddPort adds a port to those the address is served on. They come in rising
// order.
func (l *Listen) AddPort(port uint16) {
	if n := len(l.Ports); n > 0 && l.Ports[n-1].Last+1 == port {
		l.Ports[n-1].Last = port
		return
	}
	l.Ports = append(l.Ports, PortRange{port, port})
}

// Wide tells whether more is served than the one address and port that the
// socket is bound to.
func (l *Listen) Wide() bool { return l.Bits != 0 || l.Ports != nil }

// Each returns one Listen for every port of a range, the same but for the port,
// and l itself where there is no range.
func (l *Listen) Each() []*Listen {
	var list []*Listen
	for _, r := range l.Ports {
		for port := int(r.First); port <= int(r.Last); port++ {
			one := *l
			one.Addr = l.Addr.WithPort(uint16(port))
			one.Options.Addr, one.Text, one.Ports = one.Addr, one.Addr.String(), nil
			list = append(list, &one)
		}
	}
	if list == nil {
		return []*Listen{l}
	}
	return list
}

// Key identifies the address among the listeners of the process.
func (l *Listen) Key() string { return l.Addr.String() }

// ZoneID is the full identity of a memory zone: one that differs in any part is
// another zone and starts empty.
type ZoneID struct {
	Kind   string // directive or module that owns it: "lua_shared_dict"
	Name   string
	Size   int64  // bytes, 0 where the kind has no size
	Params string // whatever else decides the layout, as the owner prints it
}

// carrier is what setters of a block may put in place of the Cycle in Cx.Data.
type carrier interface{ Cycle() *Cycle }

// Of is the cycle that a directive's setter works for. Cx.Data is the Cycle
// itself, or something of an inner block that leads to it by a method Cycle.
func Of(cx *conf.Cx) *Cycle {
	switch d := cx.Data.(type) {
	case *Cycle:
		return d
	case carrier:
		return d.Cycle()
	}
	panic(fmt.Sprintf("BUG: cycle: Cx.Data is %T", cx.Data))
}

// OpenFile registers a log file by its full path. The File of a path is the
// same in all cycles of the process; it is opened once the configuration has
// been accepted, and again on USR1.
func (c *Cycle) OpenFile(path string) *errlog.File {
	if f := c.byPath[path]; f != nil {
		return f
	}
	var f *errlog.File
	if c.old != nil {
		f = c.old.byPath[path]
	}
	if f == nil {
		f = errlog.NewFile(path)
	}
	c.byPath[path] = f
	c.files = append(c.files, f)
	return f
}

// OpenSecretFile is OpenFile for a file that nobody but its owner may read:
// a key log.
func (c *Cycle) OpenSecretFile(path string) *errlog.File {
	f := c.OpenFile(path)
	f.Secret = true
	return f
}

// Files are the registered log files, each path once.
func (c *Cycle) Files() []*errlog.File { return c.files }

// AddListen registers an address. The caller sees to it that none comes twice.
func (c *Cycle) AddListen(l *Listen) { c.Listens = append(c.Listens, l) }

// AddTempPath registers a directory that the master makes; a path may come
// again.
func (c *Cycle) AddTempPath(d conf.TempDir) {
	for i := range c.TempPaths {
		if c.TempPaths[i].Path == d.Path {
			return
		}
	}
	c.TempPaths = append(c.TempPaths, d)
}

// Zone gives the zone of that identity: the one of the cycle before when it had
// it, else a new one made by create. Within one cycle all callers share it.
func (c *Cycle) Zone(id ZoneID, create func() (any, error)) (any, error) {
	if z, ok := c.zones[id]; ok {
		return z, nil
	}
	if c.old != nil {
		if z, ok := c.old.zones[id]; ok {
			c.zones[id] = z
			return z, nil
		}
	}
	z, err := create()
	if err == nil {
		c.zones[id] = z
	}
	return z, err
}

// OldHTTP is the HTTP value of the cycle that is being replaced, nil for the
// first: modules carry over the state of what has not changed.
func (c *Cycle) OldHTTP() any {
	if c.old == nil {
		return nil
	}
	return c.old.HTTP
}

// OnFinish has hook run after all directives were read and Core, Events and Log
// are set; its error fails the load.
func (c *Cycle) OnFinish(hook func() error) { c.hooks = append(c.hooks, hook) }

// OnFlush has flush called before the process reopens its log files and before
// it ends. It returns when what was held back is written.
func (c *Cycle) OnFlush(flush func()) { c.flushes = append(c.flushes, flush) }

// Flush calls what was given to OnFlush.
func (c *Cycle) Flush() {
	for _, f := range c.flushes {
		f()
	}
}

// ReadFile reads a file that the configuration names and that may be for root
// alone (keys, certificates). The master reads the disk; the server process
// gets what the master read.
func (c *Cycle) ReadFile(path string) ([]byte, error) {
	if data, ok := c.read[path]; ok {
		return data, nil
	}
	if c.readOnly {
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	data, err := os.ReadFile(path)
	if err == nil {
		c.read[path] = data
	}
	return data, err
}

// ReadSecret is ReadFile for keys and passwords: what it returns is overwritten
// when the process needs it no longer. The caller keeps nothing of it.
func (c *Cycle) ReadSecret(path string) ([]byte, error) {
	data, err := c.ReadFile(path)
	if err == nil {
		c.secret = append(c.secret, data)
	}
	return data, err
}

// Wipe overwrites what ReadSecret gave, once all that was to be made of it has
// been made. No file can be read any more.
func (c *Cycle) Wipe() {
	for _, text := range c.secret {
		clear(text)
	}
	c.secret, c.read, c.readOnly = nil, nil, true
}

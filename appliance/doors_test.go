package appliance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// door says which packages may call the functions of some foreign packages.
// The types, constants and error numbers of those may be named anywhere.
type door struct {
	of      []string
	calls   func(name string) bool // whether a function is meant
	allowed []string
	why     string
}

var doors = []door{
	{
		of: []string{"syscall", "golang.org/x/sys/unix"}, calls: kernel,
		allowed: []string{
			"netio/{file,poll,sock}", "netio/sock/socktest", "tuning/...", "ebpf/...", "appliance/{master,runner,server}", "images/{pid1,slots}",
			"appliance/errlog", // a line must be one write(2), whole, from any thread
			"perf/...",
		},
		why: "system calls have one door per area, so that what may block a worker is seen in one place",
	},
	{
		of: []string{"net"}, calls: sockets,
		allowed: []string{
			"netio/{dns,peertest}", "appliance/{errlog,server,master,metrics,e2e,top}", "appliance/cmd/...",
			"tuning/...", "images/...", "perf/...",
		},
		why: "package net's poller would be a second event loop: connections are netio's",
	},
}

// doorExceptions are calls past a door that are right all the same.
var doorExceptions = []struct{ from, call, why string }{
	{"appliance/http/httptest", "Open", "tests open the logs that the master would hand over"},
	{"appliance/cycle", "SchedGetaffinity", "worker_processes auto counts the processors while the file is read"},
	{"appliance/worker", "SchedSetaffinity", "a worker pins its own thread once, at its start"},
	{"lua/vm", "Getrusage", "os.clock is the processor time of the process; the call never waits"},
	{"lua/resty", "Kill", "resty.signal sends the signals that a script asks for; the call never waits"},
	{"lua/resty", "ClockGettime", "resty.core.time counts from the machine's start; the call never waits"},
	{"lua/shdict", "MemfdCreate", "a shared dictionary's memory is made once, while the configuration is read"},
	{"lua/shdict", "Mmap", "a shared dictionary's memory is made once, while the configuration is read"},
	{"lua/shdict", "Munmap", "the memory of a shared dictionary that is gone is given back by the runtime's cleanup"},
	{"appliance/worker", "Gettid", "a worker's thread id, for its log lines, taken once at its start"},
}

// kernel reports whether a function of package syscall or unix may enter the
// kernel; a type's conversion looks like a call too.
func kernel(name string) bool {
	switch name {
	case "Errno", "Signal", "SignalName", "ErrnoName", "SignalNum", "Timeval", "Timespec", "NsecToTimespec",
		"NsecToTimeval", "TimespecToNsec", "ByteSliceFromString", "ByteSliceToString", "BytePtrFromString":
		return false
	}
	return true
}

// sockets reports whether a function of package net makes a socket.
func sockets(name string) bool {
	return strings.HasPrefix(name, "Dial") || strings.HasPrefix(name, "Listen") || strings.HasPrefix(name, "File")
}

// TestDoors looks for calls past the doors in everything that ships.
func TestDoors(t *testing.T) {
	used := make([]bool, len(doorExceptions))
	eachGoFile(t, func(name string, src []byte) {
		dir := filepath.ToSlash(filepath.Dir(name))
		if strings.HasSuffix(name, "_test.go") || ignoredByGo(dir) {
			return
		}
		for _, d := range doors {
			if matchAny(d.allowed, dir) {
				continue
			}
			for _, c := range d.callsIn(t, name, src) {
				if !pastDoor(dir, c.name, used) {
					t.Errorf("%s:%d calls %s: %s", name, c.line, c.name, d.why)
				}
			}
		}
	})
	for i, e := range doorExceptions {
		if !used[i] {
			t.Errorf("the exception for %s calling %s is no longer needed", e.from, e.call)
		}
	}
}

func pastDoor(from, call string, used []bool) bool {
	for i, e := range doorExceptions {
		if e.from == from && e.call == call {
			used[i] = true
			return true
		}
	}
	return false
}

// call is one call past a door.
type call struct {
	name string
	line int
}

// callsIn returns the calls of the door's functions that a file makes.
func (d door) callsIn(t *testing.T, name string, src []byte) []call {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	local := map[string]bool{} // the names that the packages have in this file
	for _, imp := range f.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		for _, p := range d.of {
			if path == p && imp.Name != nil {
				local[imp.Name.Name] = true
			} else if path == p {
				local[p[strings.LastIndexByte(p, '/')+1:]] = true
			}
		}
	}
	if len(local) == 0 {
		return nil
	}
	var calls []call
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := c.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && local[x.Name] && d.calls(sel.Sel.Name) {
			calls = append(calls, call{sel.Sel.Name, fset.Position(c.Pos()).Line})
		}
		return true
	})
	return calls
}

func TestDoorsSeeCalls(t *testing.T) {
	const src = `package p
import ("net"; "syscall"; u "golang.org/x/sys/unix")
var e = syscall.Errno(5)
func f() { if e == syscall.EAGAIN { syscall.Close(u.Getpid()) } }
func g() { net.JoinHostPort("", ""); net.Dial("", "") }
`
	for i, want := range [][]call{{{"Close", 4}, {"Getpid", 4}}, {{"Dial", 5}}} {
		got := doors[i].callsIn(t, "p.go", []byte(src))
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("door %d: got %v, want %v", i, got, want)
		}
	}
}

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

// syscallPackages are where raw system calls come from.
var syscallPackages = []string{"syscall", "golang.org/x/sys/unix"}

// harmless are the functions of those packages that call no kernel, and the
// types, whose conversions look like calls.
var harmless = map[string]bool{
	"Errno": true, "Signal": true, "SignalName": true, "ErrnoName": true, "SignalNum": true,
	"Timeval": true, "Timespec": true, "NsecToTimespec": true, "NsecToTimeval": true, "TimespecToNsec": true,
	"ByteSliceFromString": true, "ByteSliceToString": true, "BytePtrFromString": true,
}

// rawExceptions are calls outside the doors that are right all the same.
var rawExceptions = []struct{ from, call, why string }{
	{"appliance/cycle", "SchedGetaffinity", "worker_processes auto counts the processors while the file is read"},
}

// TestRawSyscallsHaveOneDoor looks for system calls made outside rawSyscalls.
func TestRawSyscallsHaveOneDoor(t *testing.T) {
	used := make([]bool, len(rawExceptions))
	eachGoFile(t, func(name string, src []byte) {
		dir := filepath.ToSlash(filepath.Dir(name))
		if strings.HasSuffix(name, "_test.go") || matchAny(rawSyscalls, dir) || ignoredByGo(dir) ||
			strings.HasPrefix(dir, "perf") {
			return
		}
		for _, c := range rawCalls(t, name, src) {
			if !rawExcepted(dir, c.name, used) {
				t.Errorf("%s:%d calls %s: system calls are made by %s alone", name, c.line, c.name, strings.Join(rawSyscalls, ", "))
			}
		}
	})
	for i, e := range rawExceptions {
		if !used[i] {
			t.Errorf("the exception for %s calling %s is no longer needed", e.from, e.call)
		}
	}
}

func rawExcepted(from, call string, used []bool) bool {
	for i, e := range rawExceptions {
		if e.from == from && e.call == call {
			used[i] = true
			return true
		}
	}
	return false
}

// call is one call of a system call's function.
type call struct {
	name string
	line int
}

// rawCalls returns the raw system calls that the file makes.
func rawCalls(t *testing.T, name string, src []byte) []call {
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
		for _, p := range syscallPackages {
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
		if x, ok := sel.X.(*ast.Ident); ok && local[x.Name] && !harmless[sel.Sel.Name] {
			calls = append(calls, call{sel.Sel.Name, fset.Position(c.Pos()).Line})
		}
		return true
	})
	return calls
}

func TestRawCallsAreSeen(t *testing.T) {
	const src = `package p
import ("syscall"; u "golang.org/x/sys/unix")
var e = syscall.Errno(5)
func f() { if e == syscall.EAGAIN { syscall.Close(u.Getpid()) } }
`
	got := rawCalls(t, "p.go", []byte(src))
	if len(got) != 2 || got[0] != (call{"Close", 4}) || got[1] != (call{"Getpid", 4}) {
		t.Errorf("got %v, want Close and Getpid in line 4", got)
	}
}

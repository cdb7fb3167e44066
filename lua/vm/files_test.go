package vm

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ioVM is a VM whose notices of garbage come through the channel.
func ioVM(t *testing.T) (vm *VM, run func(src string) Value, notices chan struct{}) {
	t.Helper()
	vm = New()
	vm.OpenLibs()
	notices = make(chan struct{}, 1)
	vm.OnGarbage(func() {
		select {
		case notices <- struct{}{}:
		default: // one that nobody has taken says the same
		}
	})
	run = func(src string) Value {
		t.Helper()
		p, err := Compile(src, "=t")
		if err != nil {
			t.Fatal(err)
		}
		l := vm.Main()
		l.Push(vm.Load(p).Value())
		if _, err := l.PCall(0, 1); err != nil {
			t.Fatal(err.Traceback)
		}
		return l.Pop1()
	}
	return vm, run, notices
}

func TestFilesThatLuaDropsAreClosed(t *testing.T) {
	vm, run, notices := ioVM(t)
	run(`local keep = {} for i = 1, 3 do keep[i] = io.open("/dev/null") end _G.keep = keep`)
	for range 50 {
		run(`for i = 1, 100 do io.open("/dev/null") end`)
		select {
		case <-notices:
			vm.RunFinalizers(vm.Main())
		default:
		}
	}
	for end := time.Now().Add(30 * time.Second); len(vm.gc.files) > 3+manyFiles; {
		if time.Now().After(end) {
			t.Fatalf("%d of 5003 files are still open", len(vm.gc.files))
		}
		run(`for i = 1, 300 do io.open("/dev/null") end`) // which asks the collector to look again
		select {
		case <-notices:
			vm.RunFinalizers(vm.Main())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if got := run(`return io.type(keep[1]) == "file" and keep[3]:close()`); !got.Truthy() {
		t.Error("a file that is in use was closed")
	}
}

func TestFilesAreWrittenOutAtTheEnd(t *testing.T) {
	vm, run, _ := ioVM(t)
	name := filepath.Join(t.TempDir(), "f")
	run(`f = io.open("` + name + `", "w") f:write("some bytes") io.open("` + name + `2", "w"):close()`)
	vm.CloseFiles()
	if b, err := os.ReadFile(name); err != nil || string(b) != "some bytes" {
		t.Errorf("got %q, %v", b, err)
	}
	if n := len(vm.gc.files); n != 0 {
		t.Errorf("%d files are still open", n)
	}
}

// TestIteratorsKeepTheirFile has the collector look while io.lines is under way.
func TestIteratorsKeepTheirFile(t *testing.T) {
	vm, run, _ := ioVM(t)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(strings.Repeat("line\n", 10)), 0o644); err != nil {
		t.Fatal(err)
	}
	run(`it = io.lines("` + name + `")`)
	for range 5 {
		run(`assert(it() == "line")`)
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups run beside
		vm.RunFinalizers(vm.Main())
	}
	if got := run(`local n = 0 for _ in it do n = n + 1 end return n`); got.Text() != "5" {
		t.Errorf("got %s more lines, want 5", got.Text())
	}
	if n := len(vm.gc.files); n != 0 {
		t.Errorf("%d files are still open behind the last line", n)
	}
}

// TestFinalizersThatEndTheRunLeaveTheOthers has one metamethod use up the budget.
func TestFinalizersThatEndTheRunLeaveTheOthers(t *testing.T) {
	vm, run, notices := ioVM(t)
	run(`done = 0 for i = 1, 11 do -- a register may keep the last one
		local p = newproxy(true)
		getmetatable(p).__gc = function() done = done + 1 if i == 5 then while true do end end end
	end`)
	vm.SetBudget(Budget{Instructions: 100000})
	for end := time.Now().Add(30 * time.Second); run(`return done < 10`).Truthy(); {
		if time.Now().After(end) {
			t.Fatalf("%s of 11 were called", run(`return done`).Text())
		}
		runtime.GC()
		select {
		case <-notices:
		case <-time.After(10 * time.Millisecond):
		}
		l := vm.NewThread()
		l.Push(vm.NewFunction("collect", func(l *State) int { l.VM().RunFinalizers(l); return 0 }).Value())
		_, _ = vm.PCallAside(l, 0, 0) // one of them fails
	}
}

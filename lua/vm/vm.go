package vm

import (
	"io"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
)

// Limits of a VM that nobody set.
const (
	defaultDepth   = 160000    // frames
	maxGoDepth     = 190       // calls from Go functions into Lua, nested
	fuelSlice      = 1 << 14   // loop ends and calls between two looks at the budgets
	defaultPattern = 1 << 24   // steps of one pattern match
	maxStringBytes = 1<<31 - 1 // longest string built
)

// runState is what belongs to the run under way: it changes hands when a task is resumed or parks.
type runState struct {
	cur       *State // the thread that runs
	task      *Task  // the task that runs, nil on the owner's own stack
	fuel      int64  // loop ends and calls until the budgets are looked at
	grant     int64  // what fuel was when used was last brought up to date
	stretch   int64  // instructions since the task was resumed last
	used      Usage
	byteLimit int64 // of used.Bytes
	byteBase  int64 // used.Bytes when the task was resumed last
	goDepth   int   // calls from Go into Lua under way
	inError   int   // error handlers under way
	unguarded bool  // the loop that runs has no recover of its own
	late      bool  // an instruction budget was exceeded once
}

// VM is a Lua universe: one global table, its threads and limits. It belongs to one worker; nothing in it is
// locked. Prototypes are shared between VMs, everything else is not.
type VM struct {
	runState

	main *State

	maxDepth int

	globals  *Table
	registry *Table
	loaded   *Table

	strMeta   *Table
	strIndex  *Table    // __index of strings where it is a table
	typeMeta  [9]*Table // metatables of the other types without their own
	names     metaNames
	consts    Proto // keeps the canonical metamethod names alive
	nextFn    *Function
	resumeFn  *Function // coroutine.resume, for Resume
	ipairsAux *Function

	errVal Value   // the error under way
	sig    *signal // what carries it

	pkg   *Table // package
	ffi   *Table // see noFFI; nil until a script insists
	ioIn  Value  // current files of io
	ioOut Value

	idle  []*Task // pooled
	tasks int     // there are, idle ones included
	last  Usage   // of the run that ended or parked last

	sample int64 // instructions until the next sample

	budget     Budget
	overMemory bool // the last walk found more than MemoryLimit
	abort      bool
	gc         gcState
	rng        prng
	buf        []byte
	dumpSeq    int
	dumps      map[string]*Proto
	patFree    *matchState

	// Stdout, Stderr and Stdin are what print and io use; nil means the process's.
	Stdout, Stderr io.Writer
	Stdin          io.Reader
	// Getenv is what os.getenv asks; nil means the process's environment.
	Getenv func(name string) (value string, ok bool)
	// Exit is what os.exit calls, Commands what os.execute and io.popen run commands by. A server leaves Exit unset.
	Exit     func(code int)
	Commands Commands
	// Compile, when set, compiles chunks in place of the package's Compile: a script cache.
	Compile func(src, name string) (*Proto, error)
	// MemoryLimit bounds the reachable bytes, as Walk measures them; 0: no bound.
	MemoryLimit int64
	// OnGlobalWrite, when set, is called before a new global variable is created; l.Position tells where.
	OnGlobalWrite func(l *State, name string)
	// TaskYield, when set, is coroutine.yield in the outermost thread of a task, which nobody in Lua resumed: a host
	// function that may park and pushes the results.
	TaskYield Func
	// FuelHook, when set, is called each time some 16,000 instructions are used up, the place to look at a clock; an
	// error it returns is raised. l is the thread that runs: its Position and Traceback are up to date.
	FuelHook func(l *State) error
	// OnSample, when set, is called each time the runs of this VM together have used SampleEvery instructions: what
	// l.Position says there is a sample of where they spend their time. It costs nothing in between.
	OnSample    func(l *State)
	SampleEvery int64
	// FullGC lets collectgarbage("collect") collect the whole process, which a server does not want.
	FullGC bool
	// Host is for the embedder.
	Host any
}

// Budget limits a run; zero fields do not limit.
type Budget struct {
	Instructions int64 // loop ends and calls of one run
	Stretch      int64 // loop ends and calls of one run without waiting: from one Task.Resume to the next
	Bytes        int64 // allocated in one run
	StretchBytes int64 // allocated in one run without waiting
	PatternSteps int   // of one match
	StringBytes  int   // length of one string
}

// Usage counts what a run used since the last ResetUsage.
type Usage struct {
	Instructions int64
	Bytes        int64
}

// New returns a VM with an empty global table; OpenLibs fills it.
func New() *VM {
	vm := &VM{maxDepth: defaultDepth, sig: &signal{}}
	vm.refill()
	vm.budget.PatternSteps = defaultPattern
	vm.budget.StringBytes = maxStringBytes
	vm.globals = NewTable(0, 64)
	vm.registry = NewTable(0, 16)
	vm.loaded = NewTable(0, 16)
	vm.registry.SetString("_LOADED", vm.loaded.Value())
	vm.names = newMetaNames(&vm.consts)
	vm.main = vm.newState()
	vm.main.status = stRunning
	vm.cur = vm.main
	vm.rng.seed(0)
	vm.setByteLimit()
	return vm
}

// Globals returns the global table.
func (vm *VM) Globals() *Table { return vm.globals }

// Registry returns a table that Lua code cannot reach except through debug.getregistry.
func (vm *VM) Registry() *Table { return vm.registry }

// Loaded returns package.loaded.
func (vm *VM) Loaded() *Table { return vm.loaded }

// Main returns the main thread.
func (vm *VM) Main() *State { return vm.main }

// Current returns the thread that runs.
func (vm *VM) Current() *State { return vm.cur }

// NewThread returns a thread for a task of the host.
func (vm *VM) NewThread() *State { return vm.newState() }

// SetBudget limits the runs that follow.
func (vm *VM) SetBudget(b Budget) {
	if b.PatternSteps == 0 {
		b.PatternSteps = defaultPattern
	}
	if b.StringBytes == 0 {
		b.StringBytes = maxStringBytes
	}
	vm.budget = b
	vm.ResetUsage()
}

// ResetUsage begins a run: what it uses is counted from here.
func (vm *VM) ResetUsage() {
	vm.settle()
	vm.used, vm.stretch, vm.late, vm.byteBase = Usage{}, 0, false, 0
	vm.setByteLimit()
	vm.refill()
}

// Usage returns what the current run has used so far.
func (vm *VM) Usage() Usage {
	vm.settle()
	return vm.used
}

// LastUsage returns what the run that ended or parked last, by PCallAside, Go or Task.Resume, had used until then: all
// its stretches together.
func (vm *VM) LastUsage() Usage { return vm.last }

// settle counts the fuel that was burnt since the last time.
func (vm *VM) settle() {
	left := max(vm.fuel, 0)
	n := vm.grant - left
	vm.used.Instructions += n
	vm.stretch += n
	vm.sample -= n
	vm.grant = left
}

// refill grants fuel up to the next thing to look at. A run that is over its budget gets some to handle the error.
func (vm *VM) refill() {
	n := int64(fuelSlice)
	if b := vm.budget.Instructions; b > vm.used.Instructions {
		n = min(n, b-vm.used.Instructions)
	}
	if b := vm.budget.Stretch; b > vm.stretch {
		n = min(n, b-vm.stretch)
	}
	if vm.OnSample != nil && vm.SampleEvery > 0 {
		if vm.sample <= 0 {
			vm.sample = vm.SampleEvery
		}
		n = min(n, vm.sample)
	}
	if vm.abort {
		n = 0
	}
	vm.fuel, vm.grant = n, n
}

// overBudget reports whether the run has used up its instructions.
func (vm *VM) overBudget() bool {
	b := &vm.budget
	return b.Instructions > 0 && vm.used.Instructions >= b.Instructions || b.Stretch > 0 && vm.stretch >= b.Stretch
}

// account counts n allocated bytes against the run's budget.
func (vm *VM) account(n int) {
	if vm.used.Bytes += int64(n); vm.used.Bytes > vm.byteLimit {
		vm.outOfMemory()
	}
}

// errorRoom is what a run may allocate after it was told that memory is out, to handle the error.
const errorRoom = 1 << 16

func (vm *VM) outOfMemory() {
	vm.byteLimit = vm.used.Bytes + errorRoom
	vm.cur.raiseText("not enough memory")
}

// setByteLimit derives the limit that account compares with from the budget and the last measurement.
func (vm *VM) setByteLimit() { vm.byteLimit = vm.runBytes() }

// runBytes is what a run that has allocated vm.byteBase bytes may have allocated in the end.
func (vm *VM) runBytes() int64 {
	limit := int64(math.MaxInt64)
	if b := vm.budget.Bytes; b > 0 {
		limit = b
	}
	if b := vm.budget.StretchBytes; b > 0 {
		limit = min(limit, vm.byteBase+b)
	}
	if vm.overMemory {
		limit = min(limit, vm.byteBase+errorRoom)
	}
	return limit
}

// measured takes the result of a walk: while it is above MemoryLimit each run may allocate only a little.
func (vm *VM) measured(bytes int64) {
	over := vm.MemoryLimit > 0 && bytes > vm.MemoryLimit
	if over != vm.overMemory {
		vm.overMemory = over
		vm.setByteLimit()
	}
}

// outOfFuel is called when the fuel is burnt: it looks at what is due.
func (vm *VM) outOfFuel(l *State) {
	vm.settle()
	if vm.OnSample != nil && vm.sample <= 0 {
		vm.sample = vm.SampleEvery
		vm.OnSample(l)
	}
	over := vm.overBudget()
	vm.refill()
	if over {
		vm.overrun(l)
	}
	if vm.abort {
		vm.raiseAbort()
	}
	if vm.FuelHook != nil {
		if err := vm.FuelHook(l); err != nil {
			l.raiseHere(err.Error())
		}
	}
}

// loopEnd is outOfFuel after a jump back: what looks at the frame meanwhile sees the place the jump went to.
func (vm *VM) loopEnd(l *State) {
	f := &l.frames[l.fi]
	f.pc++
	vm.outOfFuel(l)
	l.frames[l.fi].pc--
}

// overrun ends a run that used up its instructions: with an error first, so that the script may clean up, and if it
// goes on for another grant of fuel, with an abort that no pcall stops.
func (vm *VM) overrun(l *State) {
	const msg = "instruction budget exceeded"
	if vm.late {
		source, line := l.Position()
		vm.errVal = String(source + ":" + strconv.Itoa(line) + ": " + msg)
		vm.raiseAbort()
	}
	vm.late = true
	l.raiseHere(msg)
}

func (vm *VM) stdout() io.Writer {
	if vm.Stdout != nil {
		return vm.Stdout
	}
	return os.Stdout
}

func (vm *VM) stdin() io.Reader {
	if vm.Stdin != nil {
		return vm.Stdin
	}
	return os.Stdin
}

// heapBytes is what collectgarbage("count") reports: the live heap of the process, the nearest the collector knows.
func (vm *VM) heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Work counts n steps of a Go function whose length the script chooses, such as a loop over a table, as instructions
// of the run. It may raise an error or an abort.
func (l *State) Work(n int) {
	if l.vm.fuel -= int64(n); l.vm.fuel < 0 {
		l.vm.grant += -1 - l.vm.fuel // beyond the grant: counted all the same
		l.vm.fuel = -1
		l.vm.outOfFuel(l)
	}
}

// CheckLength raises an error when a string of n bytes, which a Go function is building, is longer than the VM allows
// or takes more memory than the run has left.
func (l *State) CheckLength(n int) {
	vm := l.vm
	if n > vm.budget.StringBytes {
		l.Errorf("string length overflow")
	}
	if int64(n) > vm.byteLimit-vm.used.Bytes && vm.byteLimit != math.MaxInt64 {
		vm.outOfMemory()
	}
}

// burn counts one step of a loop in a Go function whose length the script chooses.
func (l *State) burn() {
	if l.vm.fuel--; l.vm.fuel < 0 {
		l.vm.outOfFuel(l)
	}
}

// Commands runs commands of the system's shell for os.execute and io.popen. The engine itself executes nothing. All
// methods may park where l can.
type Commands interface {
	// Run runs a command to its end. Its error says that it could not be run.
	Run(l *State, command string) (CommandEnd, error)
	// Open starts a command and returns the other end of its output, or of its input when write is set.
	Open(l *State, command string, write bool) (CommandFile, error)
}

// CommandFile is a pipe to or from a command.
type CommandFile interface {
	io.ReadWriteCloser
	// Wait waits until the command has ended. It is called once, after Close.
	Wait(l *State) (CommandEnd, error)
}

// CommandEnd is how a command ended: with a code, or by a signal when that is not 0.
type CommandEnd struct{ Code, Signal int }

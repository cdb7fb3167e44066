package vm

import (
	"bufio"
	"io"
	"os"
	"strings"
	"syscall"
)

// file is what a file userdata holds. Its calls block the worker, but for those of commands: a server's scripts read
// files at start only.
type file struct {
	f     *os.File
	cmd   CommandFile   // in place of f
	busy  bool          // a call parks in cmd
	r     *bufio.Reader // made for the first read
	w     *bufio.Writer // made for the first write
	plain bool          // writes are not buffered
	out   io.Writer     // standard output of the VM
	std   bool
	line  bool // flush at line ends
	close bool
}

const fileType = "FILE*"

func (vm *VM) openIO() {
	mt := vm.NewMetatable(fileType)
	vm.register(mt, "file", []fn{
		{"close", fileClose}, {"read", fileRead}, {"write", fileWrite}, {"flush", fileFlush}, {"seek", fileSeek},
		{"lines", fileLines}, {"setvbuf", fileSetvbuf},
	})
	vm.register(mt, "file", []fn{{"__gc", fileGC}, {"__tostring", fileTostring}})
	mt.SetString("__index", mt.Value())
	t := vm.library("io", []fn{
		{"close", ioClose}, {"read", ioRead}, {"write", ioWrite}, {"flush", ioFlush}, {"lines", ioLines},
		{"open", ioOpen}, {"popen", ioPopen}, {"tmpfile", ioTmpfile}, {"type", ioType}, {"input", ioInput},
		{"output", ioOutput},
	})
	std := func(name string, f *file) Value {
		f.std = true
		u := vm.NewUserdata(f, mt).Value()
		t.SetString(name, u)
		return u
	}
	vm.ioIn = std("stdin", &file{f: os.Stdin, r: bufio.NewReader(stdinReader{vm})})
	vm.ioOut = std("stdout", &file{f: os.Stdout, out: stdoutWriter{vm}})
	std("stderr", &file{f: os.Stderr, out: stderrWriter{vm}})
}

type stdinReader struct{ vm *VM }

func (r stdinReader) Read(b []byte) (int, error) { return r.vm.stdin().Read(b) }

type stdoutWriter struct{ vm *VM }

func (w stdoutWriter) Write(b []byte) (int, error) { return w.vm.stdout().Write(b) }

type stderrWriter struct{ vm *VM }

func (w stderrWriter) Write(b []byte) (int, error) {
	if w.vm.Stderr != nil {
		return w.vm.Stderr.Write(b)
	}
	return os.Stderr.Write(b)
}

func (f *file) writer() io.Writer {
	switch {
	case f.out != nil:
		return f.out
	case f.plain:
		return f.raw()
	case f.w == nil:
		f.w = bufio.NewWriter(f.raw())
	}
	return f.w
}

// raw is the file without its buffers.
func (f *file) raw() io.ReadWriteCloser {
	if f.cmd != nil {
		return f.cmd
	}
	return f.f
}

func (f *file) flush() error {
	if f.w != nil {
		return f.w.Flush()
	}
	if fl, ok := f.out.(interface{ Flush() error }); ok {
		return fl.Flush()
	}
	return nil
}

// newFile makes a userdata of an open file.
func (vm *VM) newFile(f *os.File) Value {
	return vm.fileValue(&file{f: f})
}

func (vm *VM) fileValue(f *file) Value {
	u := vm.NewUserdata(f, vm.NewMetatable(fileType))
	vm.watch(u)
	vm.gc.opened(f)
	return u.Value()
}

// enter begins a call that may park: the buffers of a file are one light thread's at a time. The result ends it.
func (l *State) enter(f *file) (leave func()) {
	if f.cmd == nil {
		return func() {}
	}
	if f.busy {
		l.Errorf("file is in use by another light thread")
	}
	f.busy = true
	return func() { f.busy = false }
}

// checkFile returns the open file that is argument n.
func (l *State) checkFile(n int) *file {
	f := l.CheckUserdata(n, fileType).V.(*file)
	if f.close {
		l.Errorf("attempt to use a closed file")
	}
	return f
}

func (l *State) doClose(f *file) int {
	if f.std {
		l.Push(Nil)
		l.PushString("standard file is closed")
		return 2
	}
	defer l.enter(f)()
	err := f.flush()
	if e := f.end(l.vm); err == nil {
		err = e
	}
	if f.cmd != nil {
		return l.commandResult(f.cmd.Wait(l))
	}
	return l.fileResult(err, "")
}

func fileClose(l *State) int { return l.doClose(l.checkFile(1)) }

func fileGC(l *State) int {
	if f, ok := l.CheckUserdata(1, fileType).V.(*file); ok && !f.close && !f.std {
		_ = f.shut(l.vm) // nobody is left to tell
	}
	return 0
}

// shut closes a file that Lua has dropped.
func (f *file) shut(vm *VM) (err error) {
	if f.cmd == nil { // what a command has not been sent by now is lost: sending may have to wait
		err = f.flush()
	}
	if e := f.end(vm); err == nil {
		err = e
	}
	return err
}

// end closes the file itself.
func (f *file) end(vm *VM) error {
	f.close = true
	vm.gc.closed(f)
	return f.raw().Close()
}

func fileTostring(l *State) int {
	u := l.CheckUserdata(1, fileType)
	if u.V.(*file).close {
		return l.ret(String("file (closed)"))
	}
	return l.ret(String("file (0x" + strings.TrimPrefix(rawString(u.Value()), "userdata: 0x") + ")"))
}

func fileWrite(l *State) int { return l.doWrite(l.checkFile(1), 2, l.Arg(1)) }

func ioWrite(l *State) int { return l.doWrite(l.stdFile(l.vm.ioOut), 1, l.vm.ioOut) }

func (l *State) stdFile(v Value) *file {
	f := v.user().V.(*file)
	if f.close {
		l.Errorf("attempt to use a closed file")
	}
	return f
}

func (l *State) doWrite(f *file, first int, self Value) int {
	defer l.enter(f)()
	w := f.writer()
	if f.r != nil && f.r.Buffered() > 0 && f.f != nil && !f.std {
		// Writing after reading: where the reader logically stands.
		f.f.Seek(-int64(f.r.Buffered()), io.SeekCurrent)
		f.r.Reset(f.f)
	}
	for i, n := first, l.Top(); i <= n; i++ {
		s := l.CheckString(i)
		if _, err := io.WriteString(w, s); err != nil {
			return l.fileResult(err, "")
		}
		if f.line && strings.Contains(s, "\n") {
			f.flush()
		}
	}
	return l.ret(self)
}

func (l *State) doFlush(f *file) int {
	defer l.enter(f)()
	return l.fileResult(f.flush(), "")
}

func fileFlush(l *State) int { return l.doFlush(l.checkFile(1)) }
func ioFlush(l *State) int   { return l.doFlush(l.stdFile(l.vm.ioOut)) }

func fileSetvbuf(l *State) int {
	f := l.checkFile(1)
	mode := l.CheckString(2)
	defer l.enter(f)()
	f.flush()
	f.line = false
	switch mode {
	case "no":
		f.w, f.plain = nil, true
	case "line":
		f.line = true
		fallthrough
	case "full":
		if f.out == nil {
			f.plain = false
			f.w = bufio.NewWriterSize(f.raw(), max(l.OptInt(3, 4096), 16))
		}
	default:
		l.ArgError(2, "invalid option '"+mode+"'")
	}
	return l.ret(True)
}

func fileSeek(l *State) int {
	f := l.checkFile(1)
	whence := map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}
	name := l.OptString(2, "cur")
	w, ok := whence[name]
	if !ok {
		l.ArgError(2, "invalid option '"+name+"'")
	}
	off := int64(l.OptInt(3, 0))
	if f.cmd != nil {
		return l.fileResult(syscall.ESPIPE, "")
	}
	f.flush()
	if w == io.SeekCurrent && f.r != nil {
		off -= int64(f.r.Buffered())
	}
	pos, err := f.f.Seek(off, w)
	if err != nil {
		return l.fileResult(err, "")
	}
	if f.r != nil {
		f.r.Reset(f.f)
	}
	return l.ret(Number(float64(pos)))
}

func fileRead(l *State) int { return l.doRead(l.checkFile(1), 2) }
func ioRead(l *State) int   { return l.doRead(l.stdFile(l.vm.ioIn), 1) }

func (l *State) doRead(f *file, first int) int {
	if f.r == nil {
		if f.std {
			return l.fileResult(os.ErrInvalid, "")
		}
		f.r = bufio.NewReader(f.raw())
	}
	defer l.enter(f)()
	f.flush()
	n := l.Top()
	if n < first {
		return l.ret(f.readLine(false))
	}
	count := 0
	for i := first; i <= n; i++ {
		v := l.readItem(f, i)
		l.Push(v)
		count++
		if v.n == tagNil {
			break
		}
	}
	return count
}

// readItem reads what the format in argument i asks for.
func (l *State) readItem(f *file, i int) Value {
	if v := l.Arg(i); v.isNum() {
		return f.readN(l, truncInt(v.num()))
	}
	opt := strings.TrimPrefix(l.CheckString(i), "*")
	switch {
	case strings.HasPrefix(opt, "n"):
		return f.readNumber()
	case strings.HasPrefix(opt, "l"):
		return f.readLine(false)
	case strings.HasPrefix(opt, "L"):
		return f.readLine(true)
	case strings.HasPrefix(opt, "a"):
		b, _ := io.ReadAll(f.r)
		l.vm.account(len(b))
		return bytesValue(b)
	}
	l.ArgError(i, "invalid format")
	return Nil
}

func (f *file) readN(l *State, n int) Value {
	if n == 0 {
		if _, err := f.r.Peek(1); err != nil {
			return Nil
		}
		return String("")
	}
	l.vm.account(n)
	b, _ := io.ReadAll(io.LimitReader(f.r, int64(n)))
	if len(b) == 0 {
		return Nil
	}
	return bytesValue(b)
}

func (f *file) readLine(keep bool) Value {
	s, err := f.r.ReadString('\n')
	if err != nil && s == "" {
		return Nil
	}
	if !keep {
		s = strings.TrimSuffix(s, "\n")
	}
	return String(s)
}

func (f *file) readNumber() Value {
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return Nil
		}
		if !isSpace(c) {
			f.r.UnreadByte()
			break
		}
	}
	var b []byte
	for len(b) < 200 {
		c, err := f.r.ReadByte()
		if err != nil {
			break
		}
		if !isDigit(int(c)) && !strings.ContainsRune("+-.xXabcdefABCDEFpP", rune(c)) {
			f.r.UnreadByte()
			break
		}
		b = append(b, c)
	}
	if n, ok := parseNumber(string(b)); ok {
		return Number(n)
	}
	return Nil
}

func fileLines(l *State) int {
	l.checkFile(1)
	return l.lines(l.Arg(1).user(), 2, false)
}

// lines returns an iterator, which keeps the file open.
func (l *State) lines(u *Userdata, first int, closeAtEnd bool) int {
	var formats []Value
	for i := first; i <= l.Top(); i++ {
		formats = append(formats, l.Arg(i))
	}
	fn := func(l *State) int {
		f := u.V.(*file)
		if f.close {
			l.Errorf("file is already closed")
		}
		l.top = l.base
		for _, v := range formats {
			l.Push(v)
		}
		n := l.doRead(f, 1)
		if closeAtEnd && l.stack[l.top-n].n == tagNil {
			_ = f.end(l.vm) // it was only read
		}
		return n
	}
	return l.ret(l.vm.NewFunction("lines", fn).Value())
}

func ioLines(l *State) int {
	if l.Arg(1).n == tagNil {
		l.stdFile(l.vm.ioIn)
		return l.lines(l.vm.ioIn.user(), 2, false)
	}
	name := l.CheckString(1)
	f, err := os.Open(name)
	if err != nil {
		l.ArgError(1, name+": "+errnoText(err))
	}
	return l.lines(l.vm.newFile(f).user(), 2, true)
}

func openMode(mode string) (int, bool) {
	m := strings.TrimSuffix(strings.Replace(mode, "b", "", 1), "e")
	flags := map[string]int{
		"r": os.O_RDONLY, "r+": os.O_RDWR, "w": os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
		"w+": os.O_RDWR | os.O_CREATE | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREATE | os.O_APPEND,
		"a+": os.O_RDWR | os.O_CREATE | os.O_APPEND,
	}
	f, ok := flags[m]
	return f, ok
}

func (l *State) openFile(name, mode string) (Value, error) {
	flags, ok := openMode(mode)
	if !ok {
		return Nil, syscall.EINVAL
	}
	f, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return Nil, err
	}
	return l.vm.newFile(f), nil
}

func ioOpen(l *State) int {
	name := l.CheckString(1)
	v, err := l.openFile(name, l.OptString(2, "r"))
	if err != nil {
		return l.fileResult(err, name)
	}
	return l.ret(v)
}

func ioPopen(l *State) int {
	name, mode := l.CheckString(1), l.OptString(2, "r")
	if l.vm.Commands == nil {
		l.Errorf("'popen' not supported")
	}
	cmd, err := l.vm.Commands.Open(l, name, strings.HasPrefix(mode, "w"))
	if err != nil {
		return l.fileResult(err, name)
	}
	return l.ret(l.vm.fileValue(&file{cmd: cmd}))
}

func ioTmpfile(l *State) int {
	f, err := os.CreateTemp("", "lua_")
	if err != nil {
		return l.fileResult(err, "")
	}
	os.Remove(f.Name())
	return l.ret(l.vm.newFile(f))
}

func ioType(l *State) int {
	v := l.CheckAny(1)
	if v.n == tagUser {
		if f, ok := v.user().V.(*file); ok {
			if f.close {
				return l.ret(String("closed file"))
			}
			return l.ret(String("file"))
		}
	}
	return l.ret(Nil)
}

func ioClose(l *State) int {
	if l.Arg(1).n == tagNil {
		return l.doClose(l.stdFile(l.vm.ioOut))
	}
	return l.doClose(l.checkFile(1))
}

// redirect is io.input and io.output: def is the current file, mode how to open another.
func (l *State) redirect(def *Value, mode string) int {
	switch v := l.Arg(1); {
	case v.n == tagNil:
	case v.n == tagUser:
		l.checkFile(1)
		*def = v
	default:
		name := l.CheckString(1)
		nv, err := l.openFile(name, mode)
		if err != nil {
			l.ArgError(1, name+": "+errnoText(err))
		}
		*def = nv
	}
	return l.ret(*def)
}

func ioInput(l *State) int  { return l.redirect(&l.vm.ioIn, "r") }
func ioOutput(l *State) int { return l.redirect(&l.vm.ioOut, "w") }

package errlog

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// MaxLine is the longest line with its line feed; longer ones are cut, as nginx
// cuts them.
const MaxLine = 2048

// Target is one place that lines go to. Exactly one field is set; the zero
// Target is standard error.
type Target struct {
	File   *File
	Syslog *Syslog
	Memory *Memory
}

// Output is a target with the level up to which it takes lines.
type Output struct {
	Target Target
	Level  Level
}

// Log is an immutable list of outputs: what the error_log directives of one
// configuration level mean.
type Log struct {
	max     Level // the most talkative output's level
	outputs []Output
}

// New makes a log of the given outputs.
func New(outputs ...Output) *Log {
	l := &Log{outputs: append([]Output(nil), outputs...)}
	for _, o := range outputs {
		l.max = max(l.max, o.Level)
	}
	return l
}

// Outputs are the outputs of l, to be read only.
func (l *Log) Outputs() []Output { return l.outputs }

// Debugging is l with every output open for debug lines: what debug_connection
// gives to the connections it names.
func (l *Log) Debugging() *Log {
	d := New(l.outputs...)
	d.max = Debug
	for i := range d.outputs {
		d.outputs[i].Level = Debug
	}
	return d
}

// Limited is l without the lines above level. Processes that load a
// configuration another one has just checked use it, so that no warning stands
// in the log twice.
func (l *Log) Limited(level Level) *Log {
	d := New(l.outputs...)
	d.max = min(d.max, level)
	for i := range d.outputs {
		d.outputs[i].Level = min(d.outputs[i].Level, level)
	}
	return d
}

// On reports whether any output takes lines of the level. Callers ask it before
// they build a message.
func (l *Log) On(level Level) bool { return level <= l.max }

// Write writes one line to every output that takes its level. conn is the
// connection's number, 0 for none. msg is not kept.
func (l *Log) Write(level Level, conn uint64, msg []byte) {
	if level > l.max {
		return
	}
	var space [MaxLine]byte
	line := appendHead(space[:0], level, conn)
	body := len(line)
	if n := MaxLine - 1 - len(line); len(msg) > n {
		msg = msg[:n]
	}
	line = append(line, msg...)
	if m := captures.Load(); m != nil {
		capture(*m, level, line)
	}
	line = append(line, '\n')

	console := false
	for i := range l.outputs {
		o := &l.outputs[i]
		if level > o.Level {
			continue
		}
		switch t := &o.Target; {
		case t.File != nil:
			_, _ = t.File.Write(line)
		case t.Syslog != nil:
			t.Syslog.Send(int(level)-1, line[:len(line)-1])
		case t.Memory != nil:
			t.Memory.Write(line)
		default:
			console = true
			_, _ = unix.Write(2, line)
		}
	}
	if !console && level <= Warn && onConsole.Load() {
		writeConsole(level, line[body:])
	}
}

// Printf is Write with a format, for cold paths.
func (l *Log) Printf(level Level, conn uint64, format string, args ...any) {
	if l.On(level) {
		l.Write(level, conn, fmt.Appendf(nil, format, args...))
	}
}

// onConsole says whether lines up to warn are repeated on standard error in the
// console's form. It holds while a command line is being answered: until the
// process has started for good.
var onConsole atomic.Bool

// Console switches the repetition of lines on standard error.
func Console(on bool) { onConsole.Store(on) }

// Consolef writes a console line at once: "nginx: [emerg] ...", or without the
// bracket for level Stderr.
func Consolef(level Level, format string, args ...any) {
	writeConsole(level, append(fmt.Appendf(nil, format, args...), '\n'))
}

func writeConsole(level Level, rest []byte) {
	line := make([]byte, 0, 32+len(rest))
	line = append(line, "nginx: "...)
	if level != Stderr {
		line = append(line, '[')
		line = append(line, level.String()...)
		line = append(line, "] "...)
	}
	_, _ = unix.Write(2, append(line, rest...))
}

// standard is the process-wide log: what speaks when no narrower one is at hand.
var standard atomic.Pointer[Log]

// early is the process-wide log before a configuration says otherwise.
var early = New(Output{Level: Notice})

// Default is the process-wide log: the main error_log of the configuration in
// force, standard error at notice before there is one.
func Default() *Log {
	if l := standard.Load(); l != nil {
		return l
	}
	return early
}

// SetDefault makes l the process-wide log.
func SetDefault(l *Log) { standard.Store(l) }

// pid never changes: processes are started by exec, not by fork.
var pid = os.Getpid()

func appendHead(dst []byte, level Level, conn uint64) []byte {
	dst = append(dst, timestamp()...)
	dst = append(dst, " ["...)
	dst = append(dst, level.String()...)
	dst = append(dst, "] "...)
	dst = strconv.AppendInt(dst, int64(pid), 10)
	dst = append(dst, '#')
	dst = strconv.AppendInt(dst, int64(unix.Gettid()), 10)
	dst = append(dst, ": "...)
	if conn != 0 {
		dst = append(dst, '*')
		dst = strconv.AppendUint(dst, conn, 10)
		dst = append(dst, ' ')
	}
	return dst
}

// stamp is the text of one second, shared by all threads.
type stamp struct {
	sec  int64
	text string
}

var lastStamp atomic.Pointer[stamp]

func now() time.Time { return time.Now() }

func timestamp() string {
	t := now()
	if s := lastStamp.Load(); s != nil && s.sec == t.Unix() {
		return s.text
	}
	s := &stamp{sec: t.Unix(), text: t.Format("2006/01/02 15:04:05")}
	lastStamp.Store(s)
	return s.text
}

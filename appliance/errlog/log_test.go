package errlog

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openFile opens path for appending and puts it behind f.
func openFile(t *testing.T, f *File) {
	t.Helper()
	fd, err := unix.Open(f.Path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(fd); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinesHaveTheFormThatToolsParse(t *testing.T) {
	f := NewFile(filepath.Join(t.TempDir(), "error.log"))
	openFile(t, f)
	l := New(Output{Target{File: f}, Info})
	l.Printf(Error, 17, "open() %q failed%s", "/x", ErrnoText(syscall.ENOENT))
	l.Printf(Notice, 0, "signal %d", 1)
	l.Printf(Debug, 3, "not written")
	want := regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] \d+#\d+: \*17 open\(\) "/x" failed \(2: No such file or directory\)\n` +
		`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[notice\] \d+#\d+: signal 1\n$`)
	if got := read(t, f.Path); !want.MatchString(got) {
		t.Errorf("got %q, want %s", got, want)
	}
}

func TestLongLinesAreCutAt2048Bytes(t *testing.T) {
	f := NewFile(filepath.Join(t.TempDir(), "error.log"))
	openFile(t, f)
	New(Output{Target{File: f}, Error}).Write(Error, 1, []byte(strings.Repeat("x", 5000)))
	got := read(t, f.Path)
	if len(got) != MaxLine || !strings.HasSuffix(got, "x\n") {
		t.Errorf("got %d bytes ending %q, want %d ending in a line feed", len(got), got[len(got)-2:], MaxLine)
	}
}

func TestEachOutputHasItsLevel(t *testing.T) {
	dir := t.TempDir()
	loud, quiet := NewFile(dir+"/loud"), NewFile(dir+"/quiet")
	openFile(t, loud)
	openFile(t, quiet)
	l := New(Output{Target{File: loud}, Debug}, Output{Target{File: quiet}, Error})
	l.Printf(Info, 0, "one")
	l.Printf(Alert, 0, "two")
	if got := strings.Count(read(t, loud.Path), "\n"); got != 2 {
		t.Errorf("debug output got %d lines, want 2", got)
	}
	if got := read(t, quiet.Path); !strings.Contains(got, "two") || strings.Contains(got, "one") {
		t.Errorf("error output got %q, want only the alert", got)
	}
	if l.Limited(Error).On(Warn) {
		t.Error("a limited log takes warnings, want none")
	}
	if !New(Output{Target{File: quiet}, Error}).Debugging().On(Debug) {
		t.Error("a debugging log refuses debug lines")
	}
}

func TestReopenKeepsTheDescriptorNumber(t *testing.T) {
	dir := t.TempDir()
	f := NewFile(filepath.Join(dir, "error.log"))
	if n, err := f.Write([]byte("lost")); n != 4 || err != nil {
		t.Errorf("a write before opening gave %d, %v; want it swallowed", n, err)
	}
	openFile(t, f)
	fd := f.FD()
	l := New(Output{Target{File: f}, Error})
	l.Printf(Error, 0, "before")
	if err := os.Rename(f.Path, f.Path+".1"); err != nil {
		t.Fatal(err)
	}
	openFile(t, f)
	l.Printf(Error, 0, "after")
	if f.FD() != fd {
		t.Errorf("descriptor is %d after reopening, want %d", f.FD(), fd)
	}
	if got := read(t, f.Path); !strings.Contains(got, "after") || strings.Contains(got, "before") {
		t.Errorf("the new file holds %q", got)
	}
	if got := read(t, f.Path+".1"); !strings.Contains(got, "before") {
		t.Errorf("the old file holds %q", got)
	}
}

func TestAnUnreachableFileIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "error.log")
	fd := func() int {
		f := NewFile(path)
		openFile(t, f)
		return f.FD()
	}()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		runtime.GC()
		if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil || link != path {
			return
		}
	}
	t.Errorf("descriptor %d is still open on %s", fd, path)
}

func TestAnUnreachableSyslogIsClosed(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	fd, socket := func() (int, string) {
		s, err := ParseSyslog("server=" + server.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		s.Send(-1, []byte("x"))
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", s.sock.fd))
		if err != nil {
			t.Fatal(err)
		}
		return s.sock.fd, link
	}()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		runtime.GC()
		if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil || link != socket {
			return
		}
	}
	t.Errorf("descriptor %d is still open", fd)
}

func TestAFullDiskIsWrittenToOnceASecond(t *testing.T) {
	f := NewFile("/dev/full")
	openFile(t, f)
	_, first := f.Write([]byte("x\n"))
	if first != syscall.ENOSPC || f.d.full.Load() == 0 {
		t.Errorf("got %v with mark %d, want ENOSPC remembered", first, f.d.full.Load())
	}
}

func TestWritingALineAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's build lets the line's buffer escape")
	}
	f := NewFile("/dev/null")
	openFile(t, f)
	l := New(Output{Target{File: f}, Error})
	msg := []byte("upstream timed out")
	if n := testing.AllocsPerRun(1000, func() { l.Write(Error, 5, msg) }); n >= 1 {
		t.Errorf("got %v allocations per line, want 0", n)
	}
	if n := testing.AllocsPerRun(1000, func() { l.Write(Debug, 5, msg) }); n != 0 {
		t.Errorf("got %v allocations per suppressed line, want 0", n)
	}
}

func TestMemoryKeepsTheLastBytes(t *testing.T) {
	for _, c := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"less than the ring", []string{"ab", "c"}, "abc"},
		{"exactly the ring", []string{"abcd", "efgh"}, "abcdefgh"},
		{"wrapped in the middle", []string{"abcdef", "ghij"}, "cdefghij"},
		{"one write longer than the ring", []string{"x", "0123456789"}, "23456789"},
	} {
		m := NewMemory(8)
		for _, w := range c.writes {
			m.Write([]byte(w))
		}
		if got := string(m.Bytes()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestParseLevelKnowsNginxsWords(t *testing.T) {
	for _, w := range []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"} {
		if l, ok := ParseLevel(w); !ok || l.String() != w {
			t.Errorf("ParseLevel(%q) = %v, %v", w, l, ok)
		}
	}
	if l, ok := ParseLevel("debug_http"); !ok || l != Debug {
		t.Errorf("debug_http gave %v, %v; want debug", l, ok)
	}
	for _, w := range []string{"", "warning", "Error"} {
		if _, ok := ParseLevel(w); ok {
			t.Errorf("ParseLevel(%q) succeeded", w)
		}
	}
}

func TestSyslogParametersAreChecked(t *testing.T) {
	for _, c := range []struct{ params, want string }{
		{"facility=user", "no syslog server specified"},
		{"server=127.0.0.1,server=127.0.0.1", `duplicate syslog "server"`},
		{"server=127.0.0.1:0", `invalid port in syslog server "127.0.0.1:0"`},
		{"server=127.0.0.1,facility=none", `unknown syslog facility "none"`},
		{"server=127.0.0.1,facility=user,facility=user", `duplicate syslog "facility"`},
		{"server=127.0.0.1,severity=loud", `unknown syslog severity "loud"`},
		{"server=127.0.0.1,tag=a-b", `syslog "tag" only allows alphanumeric characters and underscore`},
		{"server=127.0.0.1,tag=" + strings.Repeat("t", 33), "syslog tag length exceeds 32"},
		{"server=127.0.0.1,color=red", `unknown syslog parameter "color=red"`},
	} {
		if _, err := ParseSyslog(c.params); err == nil || err.Error() != c.want {
			t.Errorf("ParseSyslog(%q) = %v, want %q", c.params, err, c.want)
		}
	}
}

func TestSyslogSendsDatagrams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	unixServer, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unixServer.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()

	for _, c := range []struct {
		name, params, want string
		server             net.PacketConn
	}{
		{"a Unix socket without host name", "server=unix:" + path + ",nohostname,tag=weir,facility=user",
			`^<11>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d weir: \d{4}/\S+ \S+ \[error\] \d+#\d+: \*9 broken$`, unixServer},
		{"UDP with the defaults", "server=" + udp.LocalAddr().String(),
			`^<187>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ nginx: \d{4}/\S+ \S+ \[error\] \d+#\d+: \*9 broken$`, udp},
	} {
		s, err := ParseSyslog(c.params)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		New(Output{Target{Syslog: s}, Error}).Printf(Error, 9, "broken")
		buf := make([]byte, 4096)
		_ = c.server.SetReadDeadline(time.Now().Add(time.Minute))
		n, _, err := c.server.ReadFrom(buf)
		if got := string(buf[:n]); err != nil || !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: got %q, %v; want %s", c.name, got, err, c.want)
		}
		s.Close()
	}
}

package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY returns the two ends of a new pseudo-terminal.
func openPTY(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// talk types what a person types, each time after waiting for what is on the screen, and returns the exit status.
func talk(t *testing.T, args []string, steps ...[2]string) int {
	t.Helper()
	person, program := openPTY(t)
	code := make(chan int, 1)
	go func() { code <- Main(args, program, program, program) }()
	screen := make(chan string, 100)
	go func() { // ends when the pseudo-terminal is closed
		b := make([]byte, 4096)
		for {
			n, err := person.Read(b)
			if err != nil {
				return
			}
			screen <- string(b[:n])
		}
	}()
	late := time.After(time.Minute)
	seen, all := "", ""
	for _, s := range steps {
		for !strings.Contains(seen, s[0]) {
			select {
			case text := <-screen:
				seen += text
				all += text
			case <-late:
				t.Fatalf("%q does not appear; the screen says\n%q", s[0], all)
			}
		}
		seen = seen[strings.Index(seen, s[0])+len(s[0]):]
		if _, err := person.WriteString(s[1]); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case c := <-code:
		return c
	case <-late:
		t.Fatalf("the session does not end; the screen says\n%q", all)
	}
	return 0
}

func TestASessionOnATerminalEditsLinesAndKeepsThem(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	const up, left, rubout, end = "\x1b[A", "\x1b[D", "\x7f", "\x04"
	code := talk(t, nil,
		[2]string{"> ", "6*7\r"},
		[2]string{"\r\n42\r\n> ", "'ac'" + left + left + "b\r"},
		[2]string{"\r\nabc\r\n> ", "1000+" + rubout + "-1\r"},
		[2]string{"\r\n999\r\n> ", up + up + up + "+1\r"}, // 6*7+1
		[2]string{"\r\n43\r\n> ", "x = {\r"},
		[2]string{">> ", "5}\r"},
		[2]string{"> ", "x[1], io.read()\r"},
		[2]string{"\r\n", "typed\n"}, // in the terminal's own mode
		[2]string{"5\ttyped\r\n> ", end},
	)
	if code != 0 {
		t.Errorf("got exit status %d", code)
	}
	file := filepath.Join(state, "weir", "lua_history")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "6*7\n'abc'\n1000-1\n6*7+1\nx = {\n5}\nx[1], io.read()\n"; string(b) != want {
		t.Errorf("got history %q, want %q", b, want)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", st.Mode())
	}
	talk(t, []string{"-i", "-e", "y = 8"}, [2]string{"> ", up + up + up + up + "+y\r"}, [2]string{"\r\n51\r\n> ", "\x03"})
}

func TestTheHistoryIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deeper", "history")
	h := openHistory(file)
	for i := range 2*maxHistory + 10 {
		h.Add(fmt.Sprintf("line %d", i))
		h.Add(fmt.Sprintf("line %d", i)) // repeated
		h.Add(" ")
	}
	if h.Len() != maxHistory || h.At(0) != "line 2009" {
		t.Errorf("got %d lines, the last %q", h.Len(), h.At(0))
	}
	h = openHistory(file)
	if h.Len() != maxHistory || h.At(0) != "line 2009" || h.At(maxHistory-1) != "line 1010" {
		t.Errorf("after opening again: %d lines from %q to %q", h.Len(), h.At(h.Len()-1), h.At(0))
	}
	if b, _ := os.ReadFile(file); strings.Count(string(b), "\n") != maxHistory {
		t.Errorf("the file keeps %d lines", strings.Count(string(b), "\n"))
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 3*maxHistoryBytes)+"\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h = openHistory(file); h.Len() != 1 || h.At(0) != "last" {
		t.Errorf("of a huge file %d lines were kept", h.Len())
	}
	if st, err := os.Stat(file); err != nil || st.Size() != 5 || st.Mode().Perm() != 0o600 {
		t.Errorf("the huge file was left with %d bytes, mode %v", st.Size(), st.Mode())
	}
	h = openHistory("")
	h.Add("kept in memory alone")
	if h.Len() != 1 {
		t.Error("a session without a file keeps no lines")
	}
}

func TestTheHistoryLivesWhereTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct{ state, home, want string }{
		{"/s", "/h", "/s/weir/lua_history"}, {"", "/h", "/h/.weir_lua_history"}, {"relative", "/h", "/h/.weir_lua_history"}, {"", "", ""},
	} {
		env := map[string]string{"XDG_STATE_HOME": c.state, "HOME": c.home}
		if got := historyPath(func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%q, %q: got %q, want %q", c.state, c.home, got, c.want)
		}
	}
}

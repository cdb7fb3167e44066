package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeServer is the environment variable that makes this test program the
// server whose behaviour the runner's own tests know.
const fakeServer = "WEIR_E2E_FAKE"

// fake has nginx's command line and a configuration of one listen line. Its
// answers depend on the path:
//
//	/NAME         200 with X-Name: NAME and the body NAME
//	/error/WORD   the same, and WORD in the error log at level error
//	/access/LINE  the same, and LINE in access.log
//	/close        200, then the end of the connection
func fake(args []string) {
	dir := ""
	for i, a := range args {
		if a == "-p" {
			dir = args[i+1]
		}
	}
	conf, _ := os.ReadFile(filepath.Join(dir, "nginx.conf"))
	m := regexp.MustCompile(`listen (\S+);`).FindSubmatch(conf)
	if args[0] == "-t" {
		if m == nil {
			fmt.Fprintln(os.Stderr, "[emerg] no listen")
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "[warn] strange\ntest is successful")
		return
	}
	ln, err := net.Listen("tcp", string(m[1]))
	if err != nil {
		panic(err)
	}
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() { // ends with the process
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go fakeConn(c, dir)
		}
	}()
	os.WriteFile(filepath.Join(dir, "nginx.pid"), fmt.Appendln(nil, os.Getpid()), 0o644)
	<-quit
	if strings.Contains(string(conf), "exit badly") {
		os.Exit(3)
	}
}

func fakeConn(c net.Conn, dir string) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		m, err := readMessage(r, false, false, false)
		if err != nil {
			return
		}
		words := strings.Fields(m.first)
		if len(words) < 2 {
			return
		}
		name := strings.TrimPrefix(words[1], "/")
		if word, ok := strings.CutPrefix(name, "error/"); ok {
			fakeLog(dir, "error.log", "2026/01/01 00:00:00 [error] 1#1: "+word)
		}
		if line, ok := strings.CutPrefix(name, "access/"); ok {
			fakeLog(dir, "access.log", line)
		}
		body := name
		if words[0] == "HEAD" {
			body = ""
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Name: %s\r\nContent-Length: %d\r\n\r\n%s", name, len(name), body)
		if name == "close" {
			return
		}
	}
}

func fakeLog(dir, file, line string) {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

// fakeConf begins a case for the fake server.
const fakeConf = "About.\n-- nginx.conf --\nlisten 127.0.0.1:%PORT%;\n"

func get(path string) string { return "-- request --\nGET " + path + " HTTP/1.1\n\n" }

// useFake makes this program the fake server when it is started again.
func useFake(t *testing.T) {
	os.Setenv(fakeServer, "1") // not t.Setenv, which forbids running side by side
	t.Cleanup(func() { os.Unsetenv(fakeServer) })
}

// TestSections runs cases against the fake server. Each says what the runner
// must find wrong, or that it must be content.
func TestSections(t *testing.T) {
	useFake(t)
	for _, c := range []struct {
		about, text string
		wrong       string // "" for nothing
	}{
		{"a response that is as expected", get("/a") + "-- response --\nHTTP/1.1 200 OK\nX-Name: a\n!X-Other\n\na\n", ""},
		{"another status", get("/a") + "-- response --\nHTTP/1.1 404 Not Found\n", `got first line "HTTP/1.1 200 OK"`},
		{"another status alone", get("/a") + "-- response --\n404\n", `got first line "HTTP/1.1 200 OK"`},
		{"another value", get("/a") + "-- response --\n200\nX-Name: b\n", `got header X-Name: ["a"], want ["b"]`},
		{"a header that should be absent", get("/a") + "-- response --\n200\n!X-Name\n", `got header X-Name`},
		{"a header that should be there", get("/a") + "-- response --\n200\nX-Other: ~.\n", `got header X-Other: []`},
		{"another body", get("/a") + "-- response --\n200\n\nb\n", `got body "a", want "b"`},
		{"a body where none should be", get("/a") + "-- response --\n200\n\n", `got body "a", want ""`},
		{"a second response that nobody expects", "-- request --\nGET /a HTTP/1.1\n\nGET /b HTTP/1.1\n\n-- response --\n200\n-- bytes --\nH\n", "bytes that nothing expects: \"TTP/1.1 200"},
		{"an answer to HEAD", "-- request --\nHEAD /a HTTP/1.1\n\n-- response --\n200\nContent-Length: 1\n\n", ""},
		{"the end of a connection", get("/close") + "-- response --\n200\n-- closed --\n", ""},
		{"bytes", get("/a") + "-- bytes raw --\nHTTP/1.1 200 OK\\r\\nX-Name: a\\r\\nContent-Length: 1\\r\\n\\r\\na\n", ""},
		{"the rest of a connection", get("/close") + "-- response rest --\n200\n\nclose\n-- closed --\n", ""},
		{"other bytes", get("/a") + "-- bytes --\nHTTP/1.0\n", `got bytes "HTTP/1.1"`},
		{"an error that is expected", get("/error/oops") + "-- response --\n200\n-- error_log --\n\\[error\\] .* oops$\n", ""},
		{"an error that nothing expects", get("/error/oops") + "-- response --\n200\n", "a line that nothing expects: 2026/01/01 00:00:00 [error] 1#1: oops"},
		{"an error beside the expected one", get("/error/oops") + "-- response --\n200\n-- request --\nGET /error/more HTTP/1.1\n\n-- response --\n200\n-- error_log --\noops\n", "nothing expects: 2026/01/01 00:00:00 [error] 1#1: more"},
		{"an error that may come, and does", get("/error/oops") + "-- response --\n200\n-- error_log maybe --\noops\n", ""},
		{"an error that may come, and does not", get("/a") + "-- response --\n200\n-- error_log maybe --\noops\n", ""},
		{"an error beside one that may come", get("/error/more") + "-- response --\n200\n-- error_log maybe --\noops\n", "nothing expects: 2026/01/01 00:00:00 [error] 1#1: more"},
		{"a forbidden line", get("/error/oops") + "-- response --\n200\n-- error_log --\noops\n-- no_error_log --\nop+s\n", "which op+s forbids"},
		{"lines of a log", get("/access/x") + "-- response --\n200\n-- log access.log --\n~^x$\n", ""},
		{"other lines of a log", get("/access/x") + "-- response --\n200\n-- log access.log --\ny\n", `has the line "x", want "y"`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			hold(t, fakeConf+c.text, c.wrong, patience)
		})
	}
	t.Run("a bad exit status", func(t *testing.T) {
		hold(t, fakeConf+"# exit badly\n"+get("/a")+"-- response --\n200\n", "exit status 3", patience)
	})
	t.Run("a test of the configuration that says what it should", func(t *testing.T) {
		hold(t, fakeConf+"-- conf_warn --\n[warn] strange\n~suc+essful\n", "", patience)
	})
	t.Run("a test of the configuration that should fail", func(t *testing.T) {
		hold(t, fakeConf+"-- conf_error --\n[warn] strange\n", "-t is content: true, want false", patience)
	})
	t.Run("a test of the configuration that should pass", func(t *testing.T) {
		hold(t, "About.\n-- nginx.conf --\nnothing\n-- conf_warn --\n[emerg]\n", "-t is content: false, want true", patience)
	})
	t.Run("a test of the configuration that should say more", func(t *testing.T) {
		hold(t, "About.\n-- nginx.conf --\nnothing\n-- conf_error --\n[emerg] more\n", `-t does not say "[emerg] more"`, patience)
	})
}

// TestSectionsThatWaitInVain has the cases whose verdict is that something did
// not come: only these may be impatient.
func TestSectionsThatWaitInVain(t *testing.T) {
	useFake(t)
	for _, c := range []struct{ about, text, wrong string }{
		{"a response that does not come", get("/a") + "-- response --\n200\n-- response --\n200\n", "i/o timeout"},
		{"a connection that stays open", get("/a") + "-- response --\n200\n-- closed --\n", "want the connection closed"},
		{"an error that does not come", get("/a") + "-- response --\n200\n-- error_log --\noops\n", "nothing in the error log matches oops"},
		{"missing lines of a log", get("/access/x") + "-- response --\n200\n-- log access.log --\nx\nx\n", `want ["x" "x"]`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			hold(t, fakeConf+c.text, c.wrong, 4*time.Second)
		})
	}
}

// hold runs a case against the fake server and compares what is found wrong.
// limit is how long it waits for anything.
func hold(t *testing.T, text, wrong string, limit time.Duration) {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c.patience = limit
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Run(self), "\n")
	if (got == "") != (wrong == "") || !strings.Contains(got, wrong) {
		t.Errorf("got %q, want %q", got, wrong)
	}
}

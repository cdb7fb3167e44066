package main

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// commandsConf has Lua run commands: /ask answers what is written to the named pipe "fifo", /sleep waits for a command
// that takes too long.
const commandsConf = `pid t.pid; error_log error.log info; env PATH=/usr/bin:/bin;
	events { worker_connections 64; }
	http {
		access_log off;
		server {
			listen ADDR;
			location / { return 200 ""; }
			location /ask { content_by_lua_block {
				local f = io.popen("echo $$ > DIR/asked; exec cat DIR/fifo")
				ngx.say(f:read("*l"), tostring(f:close()))
			} }
			location /sleep { content_by_lua_block {
				local proc = require("ngx.pipe").spawn("echo $$ > DIR/sleeping; exec sleep 600")
				proc:wait()
			} }
		}
	}`

func newCommands(t *testing.T) *instance {
	in := newInstance(t, "on")
	in.write("nginx.conf", in.userLine()+strings.NewReplacer("ADDR", in.addr, "DIR", in.dir).Replace(commandsConf))
	if err := syscall.Mkfifo(in.dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	in.start()
	return in
}

// userLine lets what root tests be root all the way: the directory is root's.
func (in *instance) userLine() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

// ask sends a request on a connection of its own and gives its answer, or the error, when that is there. Nothing stays
// idle: a server with a successor would keep that until its timeout.
func (in *instance) ask(path string) <-chan string {
	answer := make(chan string, 1)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() { // ends with the answer
		r, err := c.Get("http://" + in.addr + path)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		answer <- string(b)
	}()
	return answer
}

// said waits for the process number that a command writes into a file.
func (in *instance) said(name string) (pid int) {
	in.t.Helper()
	in.until("the command", func() bool { pid = in.pid(name); return pid != 0 })
	_ = os.Remove(in.dir + "/" + name)
	return pid
}

// answerFIFO has the command of /ask end.
func (in *instance) answerFIFO(text string) {
	in.t.Helper()
	in.write("fifo", text)
}

func TestCommandsSurviveReloadsAndUpgrades(t *testing.T) {
	in := newCommands(t)
	before := in.ask("/ask")
	in.said("asked")
	in.reload(2)
	in.answerFIFO("one\n")
	if got := <-before; got != "onetrue\n" {
		t.Errorf("over a reload: got %q", got)
	}
	old := in.ask("/ask")
	in.said("asked")
	master := in.pid("t.pid")
	in.signal(master, syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid("t.pid"); return p != 0 && p != master })
	in.signal(master, syscall.SIGQUIT)
	in.until("the old server to be told", func() bool { return strings.Contains(in.read("error.log"), "gracefully shutting down") })
	in.answerFIFO("two\n")
	if got := <-old; got != "twotrue\n" {
		t.Errorf("over an upgrade: got %q", got)
	}
	in.until("the old master to end", func() bool { return in.pid("t.pid.oldbin") == 0 })
	last := in.ask("/ask")
	in.said("asked")
	in.answerFIFO("three\n")
	if got := <-last; got != "threetrue\n" {
		t.Errorf("after an upgrade: got %q", got)
	}
	in.quit()
}

func TestCommandsEndWithTheServer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: there is one process without it")
	}
	in := newCommands(t)
	gone := in.ask("/sleep")
	pid := in.said("sleeping")
	server := in.serverOf(pid)
	in.signal(server, syscall.SIGKILL)
	<-gone
	in.until("the command to end", func() bool { return !runs(pid) })
	in.until("the next server", func() bool { return strings.Count(in.read("error.log"), "start server process") == 2 })
	next := in.ask("/ask")
	in.said("asked")
	in.answerFIFO("again\n")
	if got := <-next; got != "againtrue\n" {
		t.Errorf("on the next server: got %q", got)
	}
	in.quit()
}

// runs tells whether a process runs; one that only waits to be reaped, by whatever is process 1 here, does not.
func runs(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// serverOf is the server process beside the runner whose command pid is.
func (in *instance) serverOf(pid int) int {
	in.t.Helper()
	_, text, _ := strings.Cut(in.read("error.log"), "start server process ")
	digits, _, _ := strings.Cut(text, " ")
	server, err := strconv.Atoi(digits)
	if err != nil || server == pid {
		in.t.Fatalf("no server process in the error log: %v", err)
	}
	return server
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/appliance/insight"
	"weir/ebpf/nstest"
)

// configureLua makes a configuration of two workers with locations for the tests of this file.
func (in *instance) configureLua(main string) {
	in.t.Helper()
	if os.Geteuid() == 0 {
		main += " user root;"
	}
	in.write("nginx.conf", fmt.Sprintf(`worker_processes 2; daemon on; %s pid t.pid; error_log error.log info; events { }
		http {
			access_log off;
			init_by_lua_block { cached = string.rep("x", 100000) }
			server {
				listen %s;
				location /work { content_by_lua_block {
					local t = {}
					for i = 1, 100 do
						t[i] = tostring(i)
					end
					ngx.say(#t)
				} log_by_lua_block { local s = ngx.status } }
				location /who { content_by_lua_block { ngx.say(ngx.worker.id()) } }
				location /fail { content_by_lua_block { error("oh") } }
				location /hold { content_by_lua_block {
					local function spin()
						repeat local f = io.open("%s/go") until f
					end
					spin()
				} }
				location /stall { content_by_lua_block {
					ngx.say(ngx.worker.id())
					ngx.flush(true)
					ngx.update_time()
					local till = ngx.now() + 0.2
					repeat ngx.update_time() until ngx.now() > till
				} }
			}
		}`, main, in.addr, in.dir))
}

// look runs one of the commands that look at a running server.
func (in *instance) look(command string, args ...string) string {
	in.t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{command, "-p", in.dir, "-c", "nginx.conf"}, args...)...)
	cmd.Env = append(os.Environ(), mainVar+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("weir %s: %v, %s", command, err, errs.String())
	}
	return string(out)
}

// report is what weir top is made of.
func (in *instance) report() (r insight.Report) {
	in.t.Helper()
	if err := json.Unmarshal([]byte(in.look("top", "-j")), &r); err != nil {
		in.t.Fatal(err)
	}
	return r
}

// fetch makes one request on a connection of its own.
func (in *instance) fetch(path string) (string, error) {
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + in.addr + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return strings.TrimSpace(string(b)), err
}

func TestTopShowsWorkersAndTheirScripts(t *testing.T) {
	in := newInstance(t, "on")
	in.configureLua("")
	in.start()
	for range 40 {
		if got, err := in.fetch("/work"); got != "100" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_, _ = in.fetch("/fail")
	var r insight.Report
	in.until("both workers' answers", func() bool {
		r = in.report()
		return len(r.Workers) == 2 && r.Workers[0].Up && r.Workers[1].Up
	})
	find := func(phase string, runs uint64) (found insight.Script) {
		for _, s := range r.Scripts {
			if s.Phase == phase && s.Runs == runs {
				found = s
			}
		}
		return found
	}
	if s := find("content", 40); s.Steps < 4000 || s.Bytes < 40*100 || s.Time == 0 || s.Errors != 0 {
		t.Errorf("of the content script got %+v", s)
	}
	if s := find("content", 1); s.Errors != 1 {
		t.Errorf("of the failing script got %+v", s)
	}
	if s := find("log", 40); !strings.HasPrefix(s.Name, "log_by_lua(nginx.conf:") {
		t.Errorf("of the log script got %+v", s)
	}
	if s := find("init", 2); s.Bytes < 200000 {
		t.Errorf("of init got %+v", s)
	}
	requests := uint64(0)
	for _, w := range r.Workers {
		requests += w.Requests
		if w.CPU == 0 || w.Busy != nil {
			t.Errorf("got %+v", w)
		}
	}
	if requests != 41 {
		t.Errorf("got %d requests, want 41", requests)
	}
	table := in.look("top", "-b", "-n", "2", "-d", "10ms")
	if n := strings.Count(table, "WORKER"); n != 2 {
		t.Errorf("got %d tables, want 2:\n%s", n, table)
	}
	table = in.look("top", "-b", "-d", "0")
	for _, want := range []string{`(?m)^ +0 .*\n +1 `, `(?m) content +content_by_lua\(nginx.conf:\d+\)$`, `(?m) log +log_by_lua`} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("%s is missing in\n%s", want, table)
		}
	}
	in.until("two VMs of 100 to 200 KB", func() bool {
		return len(regexp.MustCompile(`(?m)^ +[01] +1 +1\d{5}$`).FindAllString(in.look("memory"), -1)) == 2
	})
}

func TestAProfileFindsWhatHoldsAWorker(t *testing.T) {
	in := newInstance(t, "on")
	in.configureLua("")
	in.start()
	done := make(chan error)
	go func() {
		_, err := in.fetch("/hold")
		done <- err
	}()
	var r insight.Report
	in.until("a worker that is held", func() bool {
		r = in.report()
		return slices.ContainsFunc(r.Workers, func(w insight.Worker) bool { return w.Busy != nil && !w.Up })
	})
	for _, w := range r.Workers {
		if b := w.Busy; b != nil && (b.Phase != "content" || b.Line != 3 || b.For <= 0 || b.Place != b.Script) {
			t.Errorf("got %+v, want line 3 of the content script", b)
		}
	}
	shows := func(pattern string, args ...string) {
		t.Helper()
		re := regexp.MustCompile(pattern)
		in.until("a profile with "+pattern, func() bool { return re.MatchString(in.look("profile", args...)) })
	}
	shows(`(?m)^content;content_by_lua\(nginx.conf:\d+\);main content_by_lua\(nginx.conf:\d+\):5;spin content_by_lua\(nginx.conf:\d+\):3 \d+$`, "-k", "folded", "0.1")
	shows(`content_by_lua\(nginx.conf:\d+\):3 in spin\n`, "0.1")
	file := filepath.Join(in.dir, "cpu")
	in.look("profile", "-k", "go", "-o", file, "0.1")
	if data := in.read("cpu"); !strings.HasPrefix(data, "\x1f\x8b") {
		t.Errorf("got a profile of %d bytes", len(data))
	}
	in.write("go", "")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAWorkerStalledByLuaGetsNoNewConnections has a script hold its worker for 200 ms, while clients come one every half
// millisecond. Those that are connected by then count: they came while the worker was held, however slow the machine is.
// What p99 was is told, not judged.
func TestAWorkerStalledByLuaGetsNoNewConnections(t *testing.T) {
	nstest.NeedBPF(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root for two processes")
	}
	const clients, rounds, held = 200, 5, 200 * time.Millisecond
	in := newInstance(t, "on")
	in.configureLua("worker_steering load;")
	in.start()
	for round, end := 0, time.Now().Add(patience); round < rounds && !t.Failed(); {
		free := time.Now().Add(held) // at the earliest
		stalled := in.stall()
		type answer struct {
			worker string
			took   time.Duration
			late   bool
		}
		answers, asked := make(chan answer, clients), 0
		for ; asked < clients && time.Now().Before(free); asked++ {
			go func() { // ends with the answer
				began := time.Now()
				worker, connected := in.who()
				answers <- answer{worker, time.Since(began), !connected.Before(free)}
			}()
			time.Sleep(500 * time.Microsecond)
		}
		there, took := 0, make([]time.Duration, 0, asked)
		for range asked {
			a := <-answers
			if a.late {
				continue
			}
			if a.worker == stalled {
				there++
			}
			took = append(took, a.took)
		}
		n := len(took)
		if n < 20 { // the machine was busy with something else
			if time.Now().After(end) {
				t.Fatalf("only %d clients are connected in %v", n, held)
			}
			continue
		}
		round++
		slices.Sort(took)
		t.Logf("worker %s stalled, %d of %d connections went there; p50 %v, p99 %v", stalled, there, n, took[n/2], took[max(n*99/100-1, 0)])
		if there <= n/20 {
			return
		}
	}
	t.Errorf("in %d rounds more than 5 %% of the connections went to the stalled worker", rounds)
}

// stall has a worker stall and returns its number.
func (in *instance) stall() string {
	in.t.Helper()
	c := in.dial()
	c.send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n")
	return in.number(c)
}

// who is the number of the worker that answers a new connection, and when that was there.
func (in *instance) who() (worker string, connected time.Time) {
	c, err := net.Dial("tcp", in.addr)
	if err != nil {
		in.t.Error(err)
		return "", time.Now()
	}
	connected = time.Now()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	return in.number(c), connected
}

var bodyNumber = regexp.MustCompile(`\r\n\r\n2\r\n(\d)\n`)

// number reads a response until its first chunk, a worker's number, is there.
func (in *instance) number(c net.Conn) string {
	var got []byte
	b := make([]byte, 1024)
	for {
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if m := bodyNumber.FindSubmatch(got); m != nil {
			return string(m[1])
		}
		if err != nil {
			in.t.Errorf("got %q, %v", got, err)
			return ""
		}
	}
}

func TestTopSaysThatNoServerAnswers(t *testing.T) {
	in := newInstance(t, "on")
	cmd := exec.Command(os.Args[0], "top", "-p", in.dir, "-c", "nginx.conf")
	cmd.Env = append(os.Environ(), mainVar+"=1")
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !bytes.Contains(out, []byte("weir top: no server answers: ")) {
		t.Errorf("got code %d, %s", code, out)
	}
}

package phase_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/proxy"
	"weir/appliance/http/ranges"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/static"
	"weir/appliance/http/upstream"
	"weir/lua/api"
	"weir/lua/ngx"
	"weir/lua/offload"
	"weir/lua/phase"
	"weir/lua/shared"
	"weir/netio/sock/socktest"
)

// soakVar asks for the full length of tests that are short otherwise.
//
//	WEIR_SOAK=1 go test -v -run Aborts ./lua/phase
const soakVar = "WEIR_SOAK"

// modules are all that a request of these tests passes, in the order of the program.
var modules = http.Modules{&http.Core, &upstream.Module, &rewrite.Module, &static.Module, &proxy.Module, &ranges.Body, &http.Copy,
	&phase.Settings, &shared.Module, &offload.Module, &phase.Module, &ngx.Capture, &http.Postpone, &ranges.Header}

// abortConf has a location for each place where Lua may wait: in a cosocket that nothing ever comes from. log does not
// learn of the client, and gives up by itself.
const abortConf = `
	default_type text/plain; lua_phase_io relaxed; lua_check_client_abort on; lua_socket_log_errors off; proxy_max_temp_file_size 0;
	init_by_lua_block {
		function wait(ms)
			local s = ngx.socket.tcp()
			s:settimeouts(600000, 600000, ms or 600000)
			assert(s:connect("127.0.0.1", %[2]d))
			s:send(ngx.var.arg_id .. "\n")
			local t = ngx.get_phase() ~= "log" and ngx.thread.spawn(function() ngx.sleep(600) end)
			s:receive()
		end
		function content() for i = 1, 100 do ngx.say(("x"):rep(1000)) ngx.flush(true) end end
	}
	upstream waits { server 127.0.0.1:%[1]d; balancer_by_lua_block { wait() } }
	server {
		listen 127.0.0.1:%[1]d; listen %%LISTEN%%; root %%DIR%%; error_page 404 /plain;
		location = /plain { content_by_lua_block { content() } }
		location = /set { set_by_lua_block $x { wait() } return 200 "x"; }
		location = /rewrite { rewrite_by_lua_block { wait() } content_by_lua_block { content() } }
		location = /access { access_by_lua_block { wait() } content_by_lua_block { content() } }
		location = /behind { access_by_lua_block { ngx.req.read_body() wait() } content_by_lua_block { content() } }
		location = /precontent { precontent_by_lua_block { wait() } content_by_lua_block { content() } }
		location = /content { content_by_lua_block { ngx.say("x") ngx.flush(true) wait() } }
		location = /balancer { proxy_pass http://waits; }
		location = /header { header_filter_by_lua_block { wait() } return 200 "x"; }
		location = /header/lua { header_filter_by_lua_block { wait() } content_by_lua_block { content() } }
		location = /header/proxy { header_filter_by_lua_block { wait() } proxy_pass http://127.0.0.1:%[1]d/plain; }
		location = /header/file { header_filter_by_lua_block { wait() } alias %%DIR%%/file; }
		location = /body { body_filter_by_lua_block { wait() } return 200 "x"; }
		location = /body/lua { body_filter_by_lua_block { wait() } content_by_lua_block { content() } }
		location = /body/proxy { body_filter_by_lua_block { wait() } proxy_pass http://127.0.0.1:%[1]d/plain; proxy_buffers 4 4k; }
		location = /body/file { body_filter_by_lua_block { wait() } alias %%DIR%%/file; }
		location = /captured { content_by_lua_block { ngx.print(ngx.location.capture("/header/lua?id=" .. ngx.var.arg_id).body) } }
		location = /log { log_by_lua_block { wait(20) } return 200 "x"; }
		location = /late { log_by_lua_block { wait(20) } header_filter_by_lua_block { wait() } return 200 "x"; }
	}`

var abortAt = []string{"set", "rewrite", "access", "behind", "precontent", "content", "balancer", "header", "header/lua", "header/proxy",
	"body", "body/lua", "body/proxy", "body/file", "captured", "log", "late"}

// clientsAtOnce bounds the clients of one place, however slow the machine.
const clientsAtOnce = 50

// silent is a server that says nothing. Each connection begins with a line, which names who waits for it.
type silent struct {
	mu   sync.Mutex
	open map[string]chan struct{} // closed when the connection is there
	live int                      // connections
	less *sync.Cond               // live has gone down
}

func newSilent() *silent {
	s := &silent{open: map[string]chan struct{}{}}
	s.less = sync.NewCond(&s.mu)
	return s
}

func (s *silent) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.live++
		s.mu.Unlock()
		go func() { // until the other side closes
			defer func() {
				c.Close()
				s.mu.Lock()
				s.live--
				s.mu.Unlock()
				s.less.Broadcast()
			}()
			line, _ := bufio.NewReader(c).ReadString('\n')
			s.mu.Lock()
			if ch := s.open[strings.TrimSpace(line)]; ch != nil {
				close(ch)
				delete(s.open, strings.TrimSpace(line))
			}
			s.mu.Unlock()
			_, _ = io.Copy(io.Discard, c)
		}()
	}
}

// left waits until every connection has been closed.
func (s *silent) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.live > 0 {
		s.less.Wait()
	}
}

// expect returns a channel that is closed when somebody waits who calls himself id.
func (s *silent) expect(id string) <-chan struct{} {
	ch := make(chan struct{})
	s.mu.Lock()
	s.open[id] = ch
	s.mu.Unlock()
	return ch
}

// left is what a worker and the process have now.
type left struct {
	requests, contexts, parked, goroutines, fds int
	buffers, links                              int64
}

// look counts. Coroutines that are kept for the next script, with a goroutine each, do not count.
func look(s *httptest.Server) (n left) {
	s.Do(func(w *http.Worker) {
		e := api.Workers.Of(w).Current
		all, idle := e.VM.Tasks()
		n.requests, n.contexts, n.parked = w.Active(), e.Contexts(), all-idle
		n.goroutines = runtime.NumGoroutine() - all
		b := w.Buffers.Stats()
		n.buffers, n.links = b.InUse, b.Links
	})
	fds, _ := os.ReadDir("/proc/self/fd")
	n.fds = len(fds)
	return n
}

// TestClientAbortsLeaveNothing has clients go away while Lua waits, in every phase: 100 in a second for a minute in
// each (short: 10 in all). No goroutine, coroutine, descriptor or buffer may stay.
func TestClientAbortsLeaveNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	quiet := newSilent()
	go quiet.accept(l) // until the listener is closed
	port := socktest.Port(t)
	s := httptest.Start(t, modules, fmt.Sprintf(abortConf, port, l.Addr().(*net.TCPAddr).Port))
	if err := os.WriteFile(s.Dir+"/file", make([]byte, 300<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	s.Body(t, "/plain") // what is made once is there
	for _, at := range abortAt {
		abort(t, quiet, addr, at, 0)
	}
	quiet.left()
	before := settled(s, nil)
	rounds, pace := 10, time.Duration(0)
	if os.Getenv(soakVar) != "" {
		rounds, pace = 6000, 10*time.Millisecond
	}
	var wg sync.WaitGroup
	began := time.Now()
	for _, at := range abortAt {
		wg.Go(func() {
			var all sync.WaitGroup
			atOnce := make(chan struct{}, clientsAtOnce)
			for i := range rounds {
				time.Sleep(time.Until(began.Add(time.Duration(i) * pace))) // the rate that is wanted
				atOnce <- struct{}{}
				all.Go(func() {
					if !t.Failed() {
						abort(t, quiet, addr, at, i+1)
					}
					<-atOnce
				})
			}
			all.Wait()
		})
	}
	wg.Wait()
	quiet.left() // every cosocket has been closed
	t.Logf("%d aborts in each of %d places in %v", rounds, len(abortAt), time.Since(began))
	if after := settled(s, &before); !after.within(before) {
		t.Errorf("got %+v, want no more than before: %+v", after, before)
	}
	for line := range strings.Lines(s.Errors(t)) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[alert]") || strings.Contains(line, "[crit]") {
			t.Fatalf("logged: %s", line)
		}
	}
}

// within reports whether n is nowhere more than m: what had not quite ended when m was taken may be gone since.
func (n left) within(m left) bool {
	return n.requests <= m.requests && n.contexts <= m.contexts && n.parked <= m.parked && n.goroutines <= m.goroutines &&
		n.fds <= m.fds && n.buffers <= m.buffers && n.links <= m.links
}

// settled looks until there is no more than before, or for some time; nil: until nothing is under way.
func settled(s *httptest.Server, before *left) left {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		n := look(s)
		if before != nil && n.within(*before) || before == nil && n.contexts == 0 && n.requests == 0 || time.Now().After(end) {
			return n
		}
	}
}

// abort makes a request and goes away when it waits; every second time by a reset.
func abort(t *testing.T, quiet *silent, addr, at string, i int) {
	id := fmt.Sprintf("%s:%d", at, i)
	waits := quiet.expect(id)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	method, rest := "GET", "\r\n"
	if at == "behind" {
		method, rest = "POST", "Content-Length: 4\r\n\r\nbody"
	}
	fmt.Fprintf(c, "%s /%s?id=%s HTTP/1.1\r\nHost: a\r\n%s", method, at, id, rest)
	select {
	case <-waits:
	case <-time.After(patience):
		t.Errorf("%s never waits", at)
	}
	if i%2 == 1 {
		_ = c.(*net.TCPConn).SetLinger(0) // else it is closed in the usual way
	}
}

// TestAClientMayHaveGoneBeforeTheScriptWaits has clients that close as soon as they have sent: no event says so later.
func TestAClientMayHaveGoneBeforeTheScriptWaits(t *testing.T) {
	s := httptest.Start(t, modules, `lua_check_client_abort on; server { listen %LISTEN%;
		location = /plain { content_by_lua_block { ngx.sleep(600) } }
		location = /body { content_by_lua_block { ngx.req.read_body() ngx.sleep(600) } } }`)
	for range 20 {
		for _, request := range []string{"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"} {
			c, err := net.Dial("unix", socket(s))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, request)
			c.Close()
		}
	}
	if n := settled(s, nil); n.requests != 0 || n.contexts != 0 {
		t.Errorf("got %+v, want nothing under way", n)
	}
	if n := strings.Count(s.Errors(t), "client prematurely closed connection"); n != 40 {
		t.Errorf("the log says so %d times, want 40", n)
	}
}

// TestCutEndsWhatWaits has worker_shutdown_timeout run out while Lua waits in every phase.
func TestCutEndsWhatWaits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	quiet := newSilent()
	go quiet.accept(l) // until the listener is closed
	port := socktest.Port(t)
	s := httptest.Start(t, modules, fmt.Sprintf(strings.ReplaceAll(abortConf, "wait(20)", "wait()"), port, l.Addr().(*net.TCPAddr).Port))
	if err := os.WriteFile(s.Dir+"/file", make([]byte, 300<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, at := range abortAt {
		waits := quiet.expect(at)
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /%s?id=%s HTTP/1.1\r\nHost: a\r\n\r\n", at, at)
		<-waits
	}
	s.Do(func(w *http.Worker) {
		w.Shutdown()
		w.Cut(0)
		w.Cut(0) // the log scripts that the first has begun
	})
	if n := settled(s, nil); n.requests != 0 || n.contexts != 0 || n.parked != 0 {
		t.Errorf("got %+v, want nothing under way", n)
	}
	quiet.left()
}

package cosocket_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/lua/offload"
	"weir/lua/phase"
	"weir/lua/shared"
)

var modules = http.Modules{&http.Core, &http.Copy, &phase.Settings, &shared.Module, &offload.Module, &phase.Module, &http.Postpone}

// run runs Lua as the content of a request and returns what it says. port is there as a global of that name.
func run(t *testing.T, port int, settings, script string) string {
	t.Helper()
	return start(t, port, settings, script).Body(t, "/")
}

func start(t *testing.T, port int, settings, script string) *httptest.Server {
	t.Helper()
	return httptest.Start(t, modules, fmt.Sprintf(`init_by_lua_block { port = %d } server { listen %%LISTEN%%; default_type text/plain; chunked_transfer_encoding off; %s
		location / { content_by_lua_block { %s } } }`, port, settings, script))
}

// serve runs f for every connection to a port of its own. It ends with the test.
func serve(t *testing.T, f func(c net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // until the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // until f is through
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestReadPatternsDoNotDependOnTheSegments(t *testing.T) {
	const input = "line one\r\nli\rne two\n\nsized--more-than-aabaabaaa.rest=xxabcabcabdyy=sized=12345678=tail to the end"
	const script = `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		local function show(...) ngx.say("[", table.concat({...}, "|"), "]") end
		show(s:receive()) show(s:receive("*l")) show(s:receive())
		show(s:receive(5)) show(s:receive("2"))
		show(s:receive(0))
		local r = s:receiveuntil("-than-") show(r())
		r = s:receiveuntil("aabaaa") show(r())
		r = s:receiveuntil("=", {inclusive = true}) show(r())
		r = s:receiveuntil("abcabd") show(r())
		r = s:receiveuntil("=sized=") show(r())
		r = s:receiveuntil("=") 
		local parts = {}
		while true do local p, err = r(3) if not p then show(tostring(err)) break end parts[#parts + 1] = p end
		show(unpack(parts))
		show(s:receive("*a")) show(s:receive("*a"))
		local a, b, c = s:receive() show(tostring(a), b, tostring(c))
		show(tostring(s:close()))`
	const want = "[line one][line two][][sized][--][][more][aab][.rest=][xxabc][yy][nil][123|456|78][tail to the end][][nil|closed|][1]"
	for _, size := range []int{1, 2, 3, 7, 64, 1000} {
		port := serve(t, func(c net.Conn) {
			c.(*net.TCPConn).SetNoDelay(true)
			for in := input; in != ""; {
				n := min(size, len(in))
				if _, err := io.WriteString(c, in[:n]); err != nil {
					return
				}
				in = in[n:]
			}
		})
		for _, settings := range []string{"", "lua_socket_buffer_size 1;", "lua_socket_buffer_size 5;"} {
			got := strings.ReplaceAll(run(t, port, settings+"lua_socket_log_errors off;", script), "\n", "")
			if got != want {
				t.Errorf("segments of %d, %q:\n got %s\nwant %s", size, settings, got, want)
			}
		}
	}
}

func TestSendTakesNestedLists(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.Copy(c, c) })
	got := run(t, port, "", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		local function try(v) local ok, err = pcall(s.send, s, v) if not ok then return err end return s:receive(err) end
		ngx.say(try("text"), " ", try(12), " ", try(1.5), " ", try(true), " ", try(false), " ", try(nil))
		ngx.say(try({"a", 1, {"b", {2.25}}, "c"}), " ", s:send(""), " ", s:send({}))
		ngx.say(try({a = 1})) ngx.say(try({true})) ngx.say(try({"a", {print}})) ngx.say(try(print)) ngx.say(try({[3] = "x"}))
		local t = {} t[1] = t ngx.say(try(t))
		ngx.say(select(2, pcall(s.send, s)))`)
	want := `text 12 1.5 true false nil
a1b2.25c 0 0
bad argument #2 to '?' (non-array table found)
bad argument #2 to '?' (bad data type boolean found)
bad argument #2 to '?' (bad data type function found)
bad argument #2 to '?' (string, number, boolean, nil, or array table expected, got function)
bad argument #2 to '?' (bad data type nil found)
bad argument #2 to '?' (table nested too deep)
expecting 2 arguments (including the object), but got 1
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLargeDataGoesBothWays(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.Copy(c, c) })
	got := run(t, port, "", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		local n = 3000000
		local text = ("0123456789"):rep(n / 10)
		local w = ngx.thread and ngx.thread.spawn(function() return s:send(text) end)
		if not w then n = 100000 text = text:sub(1, n) s:send(text) end
		local back = s:receive(n)
		ngx.say(back == text, " ", #back == n)`)
	if got != "true true\n" {
		t.Errorf("got %q", got)
	}
}

func TestPools(t *testing.T) {
	port := serve(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "close\n" {
				return
			}
			io.WriteString(c, line)
		}
	})
	got := run(t, port, "", `
		local function dial(o) local s = ngx.socket.tcp() local ok, err = s:connect("127.0.0.1", port, o) return ok and s, err end
		local function echo(s, text) s:send(text .. "\n") return s:receive() end
		local a = dial() echo(a, "x")
		ngx.say(a:getreusedtimes(), " ", a:setkeepalive(10000, 2), " ", tostring(a:send("x")))
		local b, c = dial(), dial()
		ngx.say(b:getreusedtimes(), " ", c:getreusedtimes(), " ", echo(b, "again"))
		ngx.say(b:setkeepalive(), " ", c:setkeepalive(), " ", dial():getreusedtimes())
		local d = dial() d:send("unread\n") d:receive(1)
		ngx.say(select(2, d:setkeepalive())) d:receive() d:send("close\n") d:receive()
		ngx.say(select(2, d:setkeepalive()))
		local p = dial({pool = "named", pool_size = 1, backlog = 0})
		ngx.say(tostring(p ~= nil), " ", select(2, dial({pool = "named"})))
		p:close()
		p = dial({pool = "named", pool_size = 1, backlog = 1}) p:setkeepalive()
		ngx.say(dial({pool = "named"}):getreusedtimes())
		for _, o in ipairs({{pool_size = 0}, {pool_size = "x"}, {backlog = -1}, {pool = {}}}) do ngx.say(select(2, pcall(dial, o))) end
		ngx.say(select(2, ngx.socket.tcp():setkeepalive()))`)
	want := `0 1 nil
1 0 again
1 1 1
unread data in buffer
closed
true too many waiting connect operations
1
content_by_lua(nginx.conf:2):2: bad argument #3 to 'connect' (bad "pool_size" option value: 0)
content_by_lua(nginx.conf:2):2: bad argument #3 to 'connect' (bad "pool_size" option type: string)
content_by_lua(nginx.conf:2):2: bad argument #3 to 'connect' (bad "backlog" option value: -1)
content_by_lua(nginx.conf:2):2: bad argument #3 to 'connect' (bad "pool" option type: table)
closed
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTimeouts(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.WriteString(c, "apart"); io.Copy(io.Discard, c) })
	s := start(t, port, "", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		s:receive(1) -- now the rest is there, too
		s:settimeouts(60000, 60000, 20)
		local function show(...) local t = {...} for i = 1, 3 do t[i] = tostring(t[i]) end ngx.say(table.concat(t, "|")) end
		show(s:receive()) show(s:receive(3)) show(s:receiveany(10)) show(s:receiveuntil("x")())
		s:settimeout(10) show(s:receive("*a")) show(s:send("still open"))
		show(pcall(s.settimeout, s, -5)) show(pcall(s.settimeout, s, 1e12)) show(pcall(s.settimeouts, s, 1))`)
	want := `nil|timeout|part
nil|timeout|
nil|timeout|
nil|timeout|
nil|timeout|
10|nil|nil
false|bad timeout value|nil
false|bad timeout value|nil
false|ngx.socket settimeouts: expecting 4 arguments (including the object) but seen 2|nil
`
	if got := s.Body(t, "/"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if log := s.Errors(t); strings.Count(log, "lua tcp socket read timed out") != 5 {
		t.Errorf("error log:\n%s", log)
	}
}

func TestDatagrams(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	go func() { // until the socket is closed
		b := make([]byte, 100)
		for {
			n, from, err := peer.ReadFrom(b)
			if err != nil {
				return
			}
			if string(b[:n]) != "silence" {
				peer.WriteTo(b[:n], from)
			}
		}
	}()
	got := run(t, peer.LocalAddr().(*net.UDPAddr).Port, "lua_socket_log_errors off;", `
		local s = ngx.socket.udp()
		ngx.say(select(2, s:send("x")), " ", select(2, s:receive()), " ", select(2, s:close()))
		ngx.say(s:setpeername("127.0.0.1", port), " ", s:send({"que", {"st"}, "ion ", 1}), " ", s:receive())
		s:send("long datagram") ngx.say(s:receive(4)) s:send("") ngx.say("[", s:receive(), "]")
		s:settimeout(10) s:send("silence") ngx.say(select(2, s:receive()))
		ngx.say(s:close(), " ", select(2, s:send("x")))
		ngx.say(select(2, s:setpeername("127.0.0.1", 70000)), " ", select(2, s:bind("x")), " ", tostring(s:bind("127.0.0.1")))
		s:settimeout(60000)
		ngx.say(s:setpeername("127.0.0.1", port), " ", s:send("bound"), " ", s:receive())`)
	want := "closed closed closed\n1 1 question 1\nlong\n[]\ntimeout\n1 closed\nbad port number: 70000 bad address true\n1 1 bound\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHostNamesAndAddresses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := serve(t, func(c net.Conn) { io.WriteString(c, "hello\n") })
	s := start(t, port, "", `
		local function try(...) local s, err = ngx.socket.connect(...) if s then s:close() end ngx.say(s and "connected" or err) end
		try("127.0.0.1", port) try("127.0.0.1", tostring(port)) try("unix:`+path+`") try("unix:`+path+`.none")
		try("host.test", 80) try("127.0.0.1") try("127.0.0.1", 65536) try("", 80) try("a b", 80) try("unix:") try("127.0.0.1", 1)`)
	want := `connected
connected
connected
no such file or directory
no resolver defined to resolve "host.test"
missing the port number
bad port number: 65536
failed to parse host name "": no host
failed to parse host name "a b": invalid host
failed to parse host name "unix:": no path in the unix domain socket
connection refused
`
	if got := s.Body(t, "/"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	log := s.Errors(t)
	for _, want := range []string{
		`[crit]`, `connect() to unix:` + path + `.none failed (2: No such file or directory)`,
		`connect() failed (111: Connection refused), upstream: 127.0.0.1:1(127.0.0.1), client:`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the error log has no %q:\n%s", want, log)
		}
	}
}

func TestTheRequestBodyCanBeReadByASocket(t *testing.T) {
	s := start(t, 0, "lua_socket_log_errors off;", `
		local raw = ngx.var.arg_raw == "1"
		local s, err = ngx.req.socket(raw)
		if not s then ngx.say(err) return end
		if raw then
			s:send("HTTP/1.1 200 Mine\r\n\r\n" .. s:receive(2) .. tostring(s:receive()) .. tostring(select(2, ngx.req.socket(true))))
			return
		end
		ngx.say(s:receive(3), "|", s:receive("*a"), "|", select(2, s:receive(1)), "|", select(2, ngx.req.socket()), "|", tostring(s.send), "|", tostring(s.close))`)
	for _, c := range []struct{ name, request, want string }{
		{"its length ends it", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nConnection: close\r\n\r\nabcdefghNOT THIS", "abc|defgh|closed|request body already exists|nil|nil\n"},
		{"there is none", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "no body\n"},
		{"it is chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", "chunked request bodies not supported yet\n"},
		{"raw", "GET /?raw=1 HTTP/1.1\r\nHost: a\r\n\r\nxyline\n", "HTTP/1.1 200 Mine\r\n\r\nxylineduplicate call"},
	} {
		got := s.Exchange(t, c.request)
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: got %q, want %q at its end", c.name, got, c.want)
		}
	}
}

func TestTwoLightThreadsShareASocket(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.Copy(c, c) })
	got := run(t, port, "", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		local n = 3000000
		local text = ("0123456789"):rep(n / 10)
		local reader = ngx.thread.spawn(function() return s:receive(n) end)
		ngx.say(select(2, s:receive()), " ", select(2, s:close()), " ", select(2, s:setkeepalive()), " ", select(2, s:connect("127.0.0.1", port)))
		local writer = ngx.thread.spawn(function() return s:send(text) end)
		local _, sent = ngx.thread.wait(writer)
		local _, back = ngx.thread.wait(reader)
		ngx.say(sent, " ", back == text, " ", s:close())`)
	want := "socket busy reading socket busy reading socket busy reading socket busy reading\n3000000 true 1\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConnectsWaitForAPlaceInTheirPool(t *testing.T) {
	port := serve(t, func(c net.Conn) { io.Copy(c, c) })
	s := start(t, port, "", `
		local o = {pool = "p", pool_size = 1, backlog = 2}
		local function dial(ms) local s = ngx.socket.tcp() s:settimeout(ms) local ok, err = s:connect("127.0.0.1", port, o) return ok and s, err end
		local a = assert(dial(1000))
		local function late(ms, keep) return ngx.thread.spawn(function()
			local s, err = dial(ms)
			if not s then return err end
			local n = s:getreusedtimes()
			if keep then s:setkeepalive() else s:close() end
			return "reused " .. n
		end) end
		local w1, w2 = late(5000, false), late(10, false)
		ngx.say(select(2, dial(10)))
		ngx.say(select(2, ngx.thread.wait(w2)))
		local w3 = late(5000, true)
		a:setkeepalive()
		ngx.say(select(2, ngx.thread.wait(w1)), " ", select(2, ngx.thread.wait(w3)))
		ngx.say(dial(1000):getreusedtimes())`)
	want := "too many waiting connect operations\ntimeout\nreused 1 reused 0\n1\n"
	if got := s.Body(t, "/"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if log := s.Errors(t); !strings.Contains(log, "lua tcp socket queued connect timed out, when trying to connect to 127.0.0.1:") {
		t.Errorf("error log:\n%s", log)
	}
}

func TestAKilledThreadTakesItsConnectionAlong(t *testing.T) {
	ended := make(chan bool, 4)
	port := serve(t, func(c net.Conn) {
		io.Copy(io.Discard, c)
		ended <- true
	})
	got := run(t, port, "lua_socket_log_errors off;", `
		local s = assert(ngx.socket.connect("127.0.0.1", port))
		local th = ngx.thread.spawn(function() s:receive() end)
		ngx.say(tostring(ngx.thread.kill(th)), " ", select(2, s:send("x")), " ", select(2, s:close()))
		assert(ngx.socket.connect("127.0.0.1", port))`) // the last one is left open: it ends with the request
	if want := "1 closed closed\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	<-ended
	<-ended
}

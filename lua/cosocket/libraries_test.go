package cosocket_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"weir/appliance/http/httptest"
	"weir/netio/peertest"
	"weir/netio/sock/socktest"
)

// Clients written in Lua for OpenResty, as their authors publish them, against the servers they are for: 10,000
// operations each over pooled connections, none of which may fail.
//
//	WEIR_LUA_LIBRARIES=DIR:DIR... go test -v -run Libraries ./lua/cosocket
//
// The directories are checkouts, or what holds the modules themselves; without the variable it is where Debian's
// packages (lua-nginx-redis and the like) put them, under names of their own.
const (
	librariesVar = "WEIR_LUA_LIBRARIES"
	packaged     = "/usr/share/lua/5.1"

	clients    = 8  // connections that send requests
	operations = 50 // per request
)

// requests is how many requests a client makes: 10,000 operations where libraries are named.
func requests() int {
	if os.Getenv(librariesVar) != "" {
		return 25
	}
	return 2
}

// library is a client with the server it is tried on.
type library struct {
	name    string
	modules string // one of them is to be there
	serve   func(t *testing.T) (port int)
	script  string // defines operation(lib, port, n), which raises errors and returns 1 for a connection that is new
}

var libraries = []library{
	{"Redis", "resty.redis nginx.redis", redis, `
		function operation(redis, port, n)
			local r = redis:new()
			r:set_timeout(10000)
			assert(r:connect("127.0.0.1", port))
			local fresh = assert(r:get_reused_times()) == 0 and 1 or 0
			local key, value = "key " .. n, ("value\r\n\0" .. n):rep(n % 100 + 1)
			assert(assert(r:set(key, value)) == "OK")
			assert(assert(r:get(key)) == value)
			assert(r:get("none") == ngx.null)
			r:init_pipeline()
			r:incr("counter") r:hmset("hash", "a", n, "b", "two") r:hgetall("hash") r:lpush(key, 1)
			local all = assert(r:commit_pipeline())
			assert(#all == 4 and all[1] > 0 and r:array_to_hash(all[3]).b == "two" and all[4][1] == false)
			assert(r:set_keepalive(60000, 50))
			return fresh
		end`},
	{"memcached", "resty.memcached nginx.memcached", memcached, `
		function operation(memcached, port, n)
			local m = assert(memcached:new())
			m:set_timeout(10000)
			assert(m:connect("127.0.0.1", port))
			local fresh = assert(m:get_reused_times()) == 0 and 1 or 0
			local key, value = "key " .. n, ("value\r\n\0" .. n):rep(n % 100 + 1)
			assert(assert(m:set(key, value, 0, 7)) == 1)
			local got, flags, cas = m:gets(key)
			assert(got == value and tonumber(flags) == 7 and #cas > 0)
			m:add("counter", 0)
			assert(tonumber((assert(m:incr("counter", 1)))) > 0)
			local many = assert(m:get({key, "counter", "none"}))
			assert(many[key][1] == value and not many.none)
			assert(m:set_keepalive(60000, 50))
			return fresh
		end`},
	{"DNS", "resty.dns.resolver nginx.dns.resolver", dnsmasq, `
		function operation(resolver, port, n)
			local r = assert(resolver:new{nameservers = {{"127.0.0.1", port}}, retrans = 5, timeout = 5000})
			local function first(name, kind)
				local got = assert(r:query(name, {qtype = kind}))
				assert(not got.errcode, got.errstr)
				return got[1]
			end
			assert(first("host" .. n .. ".a.test", r.TYPE_A).address == "192.0.2.1")
			assert(first("b.test", r.TYPE_AAAA).address:find("^2001:db8:"))
			assert(first("txt.test", r.TYPE_TXT).txt == "some text")
			local srv = first("_http._tcp.test", r.TYPE_SRV)
			assert(srv.port == 8080 and srv.target == "b.test")
			assert(first("mail.test", r.TYPE_MX).exchange == "b.test")
			assert(assert(r:query("none.other.test")).errcode == 3)
			local long = assert(r:tcp_query("b.test", {qtype = r.TYPE_AAAA}))
			assert(long[1].address:find("^2001:db8:"))
			return 0
		end`},
	{"HTTP", "resty.http", nginx, `
		function operation(http, port, n)
			local h = assert(http.new())
			h:set_timeouts(10000, 10000, 10000)
			assert(h:connect{scheme = "http", host = "127.0.0.1", port = port})
			local fresh = assert(h:get_reused_times()) == 0 and 1 or 0
			local res = assert(h:request{path = "/large", headers = {Host = "a.test"}})
			local size = 0
			for piece in function() return (res.body_reader(8192)) end do size = size + #piece end
			assert(res.status == 200 and size == 100000 and res.headers["Content-Length"] == "100000")
			res = assert(h:request{path = "/chunked", headers = {Host = "a.test"}})
			assert(#assert(res:read_body()) == 100000 and res.headers["Transfer-Encoding"] == "chunked")
			res = assert(h:request{method = "HEAD", path = "/large", headers = {Host = "a.test"}})
			assert(not res.has_body)
			assert(h:set_keepalive())
			h = assert(http.new())
			res = assert(h:request_uri("http://127.0.0.1:" .. port .. "/echo?n=" .. n,
				{method = "POST", body = "body " .. n, headers = {["X-Count"] = n}}))
			assert(res.status == 200 and res.body == "body " .. n .. " " .. n .. " n=" .. n)
			assert(assert(h:request_uri("http://127.0.0.1:" .. port .. "/none")).status == 404)
			return fresh
		end`},
}

func TestLibrariesWorkUnmodified(t *testing.T) {
	path := libraryPath()
	for _, lib := range libraries {
		t.Run(lib.name, func(t *testing.T) {
			module := ""
			for m := range strings.FieldsSeq(lib.modules) {
				if module == "" && found(path, m) {
					module = m
				}
			}
			if module == "" {
				t.Skipf("no %s below the directories of %s", lib.modules, librariesVar)
			}
			try(t, path, module, lib)
		})
	}
}

// try runs the operations of one library.
func try(t *testing.T, path, module string, lib library) {
	s := httptest.Start(t, modules, fmt.Sprintf(`lua_package_path "%s"; keepalive_requests 100000; lua_socket_log_errors on; lua_socket_pool_size 50;
		init_by_lua_block { %s }
		server { listen %%LISTEN%%; default_type text/plain; chunked_transfer_encoding off; location / { content_by_lua_block {
			local lib, fresh = require "%s", 0
			for i = 1, %d do fresh = fresh + operation(lib, %d, ngx.var.arg_n * %d + i) end
			ngx.print(fresh)
		} } }`, path, lib.script, module, operations, lib.serve(t), operations))
	var wg sync.WaitGroup
	fresh, requests := make([]int, clients), requests()
	for i := range clients {
		wg.Go(func() {
			for n := range requests {
				body := s.Body(t, fmt.Sprintf("/?n=%d", i*requests+n))
				k, err := strconv.Atoi(body)
				if err != nil {
					t.Errorf("got %q", body)
					return
				}
				fresh[i] += k
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range fresh {
		total += n
	}
	// One request at a time has one connection, and a pool keeps what all of them had.
	if total > clients {
		t.Errorf("got %d connections for %d requests at a time, want %d at most", total, clients, clients)
	}
	for line := range strings.Lines(s.Errors(t)) {
		if strings.Contains(line, "[error]") {
			t.Errorf("logged: %s", line)
		}
	}
	if !t.Failed() {
		t.Logf("%s: %d operations, %d connections", module, clients*requests*operations, total)
	}
}

// libraryPath is a package.path of the directories that have libraries.
func libraryPath() string {
	dirs := os.Getenv(librariesVar)
	if dirs == "" {
		return packaged + "/?.lua"
	}
	var b strings.Builder
	for d := range strings.SplitSeq(dirs, ":") {
		fmt.Fprintf(&b, "%s/?.lua;%s/lib/?.lua;", d, d)
	}
	return b.String()
}

// found reports whether a module is along a path.
func found(path, module string) bool {
	for p := range strings.SplitSeq(path, ";") {
		if _, err := os.Stat(strings.ReplaceAll(p, "?", strings.ReplaceAll(module, ".", "/"))); p != "" && err == nil {
			return true
		}
	}
	return false
}

// peer starts a server that listens on port.
func peer(t *testing.T, port int, name string, args ...string) int {
	t.Helper()
	peertest.Start(t, "tcp", fmt.Sprintf("127.0.0.1:%d", port), name, args...)
	return port
}

func redis(t *testing.T) int {
	port := socktest.Port(t)
	return peer(t, port, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
}

func memcached(t *testing.T) int {
	port := socktest.Port(t)
	return peer(t, port, "memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "0")
}

func dnsmasq(t *testing.T) int {
	port := 0
	for port == 0 { // one that is free for datagrams, too
		n := socktest.Port(t)
		if c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n}); err == nil {
			c.Close()
			port = n
		}
	}
	args := []string{"--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon", "--conf-file=/dev/null", "--pid-file=",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--port=" + strconv.Itoa(port), "--local=/other.test/",
		"--address=/a.test/192.0.2.1", "--txt-record=txt.test,some text", "--srv-host=_http._tcp.test,b.test,8080,1,2", "--mx-host=mail.test,b.test"}
	for i := range 40 { // more than a datagram takes
		args = append(args, fmt.Sprintf("--host-record=b.test,2001:db8::%x", i+1))
	}
	return peer(t, port, "dnsmasq", args...)
}

func nginx(t *testing.T) int {
	port, dir := socktest.Port(t), t.TempDir()
	large := strings.Repeat("0123456789", 10000)
	for name, text := range map[string]string{"large": large, "chunked": large, "nginx.conf": fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log;
		events {} http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
		keepalive_requests 100000; root %[1]s;
		server { listen 127.0.0.1:%[2]d;
			location / { }
			location /chunked { ssi on; ssi_types *; }
			location /echo { proxy_set_header X-Body $request_body; proxy_pass http://127.0.0.1:%[2]d/shown; }
			location /shown { return 200 "$http_x_body $http_x_count $args"; }
		} }`, dir, port)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return peer(t, port, "nginx", "-p", dir, "-e", filepath.Join(dir, "log"), "-c", filepath.Join(dir, "nginx.conf"))
}

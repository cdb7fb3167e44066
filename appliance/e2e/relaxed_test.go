package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/netio/peertest"
)

// soakVar asks for the full length of tests that are short otherwise.
//
//	WEIR_SOAK=1 go test -v -run 'EveryPhase|LuaLeaves' ./appliance/e2e
const soakVar = "WEIR_SOAK"

// long is full where soakVar is set, and short elsewhere.
func long(full, short int) int {
	if os.Getenv(soakVar) != "" {
		return full
	}
	return short
}

// redisConf asks Redis from every phase of a request, and from init_worker. Each phase says in the error log that it has.
const redisConf = `worker_processes 2; daemon off; pid nginx.pid; error_log error.log notice; events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 100000; lua_phase_io relaxed; lua_socket_pool_size 64;
    lua_package_path "%DIR%/?.lua;;";
    init_worker_by_lua_block { greeting = assert(require("get")("init_worker")) }
    upstream chosen {
        server 0.0.0.1;
        balancer_by_lua_block {
            require("get").seen("balancer")
            require("ngx.balancer").set_current_peer("127.0.0.1", %PORT_backend%)
        }
        keepalive 32;
    }
    server {
        listen 127.0.0.1:%PORT%;
        location / {
            set_by_lua_block $set { return require("get").seen("set") }
            rewrite_by_lua_block { require("get").seen("rewrite") }
            access_by_lua_block { require("get").seen("access") }
            proxy_pass http://chosen;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            header_filter_by_lua_block {
                require("get").seen("header_filter")
                ngx.header["X-Seen"] = table.concat(ngx.ctx.seen, " ")
                ngx.header["X-Set"] = ngx.var.set
                ngx.header["X-Greeting"] = greeting
            }
            body_filter_by_lua_block {
                if ngx.arg[1] == "" then return end
                local by = assert(require("get")("letter"))
                if not ngx.ctx.body then ngx.ctx.body = true require("get").seen("body_filter") end
                ngx.arg[1] = ngx.arg[1]:gsub("_", by)
            }
            log_by_lua_block { require("get").seen("log") }
        }
    }
    server {
        listen 127.0.0.1:%PORT_backend%;
        location / {
            content_by_lua_block {
                local get = require "get"
                for i = 1, 40 do
                    ngx.print(ngx.var.arg_id, "_", i, ("_"):rep(i), get("content"), "\n")
                    if i % 10 == 0 then ngx.flush(true) end
                end
            }
        }
    }
}
`

// redisClient is the module get: GET over a pooled cosocket.
const redisClient = `
local function get(_, key)
    local s = ngx.socket.tcp()
    s:settimeout(20000)
    assert(s:connect("127.0.0.1", %PORT_redis%))
    assert(s:send("*2\r\n$3\r\nGET\r\n$" .. #key .. "\r\n" .. key .. "\r\n"))
    local n = assert(s:receive()):match("^%$(%d+)$")
    local value = assert(s:receive(tonumber(n) + 2))
    assert(s:setkeepalive(20000))
    return value:sub(1, -3)
end
return setmetatable({
    seen = function(phase)
        local value = get(nil, phase)
        local seen = ngx.ctx.seen or {}
        ngx.ctx.seen = seen
        seen[#seen + 1] = value
        ngx.log(ngx.NOTICE, "request ", ngx.var.arg_id, " phase ", phase, " got ", value, ";")
        return value
    end
}, { __call = get })
`

var seenPhases = []string{"set", "rewrite", "access", "balancer", "header_filter", "body_filter", "log"}

// TestEveryPhaseAsksRedis has 10,000 requests (short: 200) ask Redis from all their phases at once on two workers: no
// error, the bytes of each response and the log lines of each request in order.
func TestEveryPhaseAsksRedis(t *testing.T) {
	b := theBinary(t)
	if !b.weir {
		t.Skip("is about weir, not nginx")
	}
	p := testPlace(t)
	fill(t, startRedis(t, p), append([]string{"content", "init_worker", "letter"}, seenPhases...))
	s := serve(t, b, p, map[string]string{"nginx.conf": redisConf, "get.lua": redisClient})
	const clients = 16
	requests := long(10000, 200)
	addr := fmt.Sprintf("127.0.0.1:%d", p.ports["PORT"])
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
			defer c.CloseIdleConnections()
			for id := next.Add(1); id <= int64(requests); id = next.Add(1) {
				if err := askAll(c, addr, id); err != nil {
					t.Errorf("request %d: %v", id, err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d requests, %d GETs each, in %v", requests, len(seenPhases)+40+1, time.Since(began))
	if err := s.stop(); err != nil { // waits for the log phases
		t.Fatal(err)
	}
	checkPhaseLines(t, filepath.Join(p.dir, "error.log"), requests)
}

// askAll makes a request of redisConf and checks its response.
func askAll(c *http.Client, addr string, id int64) error {
	r, err := c.Get(fmt.Sprintf("http://%s/?id=%d", addr, id))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var want strings.Builder
	for i := 1; i <= 40; i++ {
		fmt.Fprintf(&want, "%d+%d%s<content>\n", id, i, strings.Repeat("+", i))
	}
	got := fmt.Sprint(r.StatusCode, r.Header.Get("X-Seen"), r.Header.Get("X-Set"), r.Header.Get("X-Greeting"))
	if want := "200<set> <rewrite> <access> <balancer> <header_filter><set><init_worker>"; got != want {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	if string(body) != want.String() {
		return fmt.Errorf("got %d bytes that differ from the %d wanted: %s", len(body), want.Len(), excerpt(body))
	}
	return nil
}

var phaseLine = regexp.MustCompile(`request (\d+) phase (\w+) got <(\w+)>;`)

// checkPhaseLines looks for one line of each phase of each request, in order, and for no error.
func checkPhaseLines(t *testing.T, path string, requests int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]int, requests+1)
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[alert]") || strings.Contains(line, "[crit]") {
			t.Errorf("logged: %s", line)
		}
		m := phaseLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		id, _ := strconv.Atoi(m[1])
		if id < 1 || id > requests || seen[id] == len(seenPhases) || m[2] != seenPhases[seen[id]] || m[3] != m[2] {
			t.Fatalf("out of order: %s", line)
		}
		seen[id]++
	}
	for id, n := range seen[1:] {
		if n != len(seenPhases) {
			t.Fatalf("request %d: got %d phases in the log, want %d", id+1, n, len(seenPhases))
		}
	}
}

// testPlace is a place that ends with the test.
func testPlace(t *testing.T) *place {
	t.Helper()
	p, err := newPlace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// serve starts the program with files, in which placeholders stand, and stops it with the test.
func serve(t *testing.T, b binary, p *place, files map[string]string) *server {
	t.Helper()
	for name, text := range files {
		text, err := p.expand(text)
		if err == nil {
			err = os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := startServer(b.path, p.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-s.exited:
		default:
			_ = s.stop() // the test has failed already
		}
	})
	return s
}

// startRedis starts redis-server on PORT_redis.
func startRedis(t *testing.T, p *place) (addr string) {
	t.Helper()
	port, err := p.port("PORT_redis")
	if err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	peertest.Start(t, "tcp", addr, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", p.dir)
	return addr
}

// fill sets every key to its name in angle brackets, and letter to a plus sign.
func fill(t *testing.T, addr string, keys []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for _, k := range keys {
		v := "<" + k + ">"
		if k == "letter" {
			v = "+"
		}
		fmt.Fprintf(c, "SET %s %s\r\n", k, v)
		if line, err := r.ReadString('\n'); err != nil || line != "+OK\r\n" {
			t.Fatalf("SET: %q, %v", line, err)
		}
	}
}

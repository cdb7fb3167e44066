package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/ebpf/nstest"
)

// filterConf is a server behind a packet filter whose lists Lua changes.
const filterConf = `user nobody nogroup; worker_processes 2; daemon off; pid nginx.pid; error_log error.log info; events {}
xdp_filter { interface v0; confirm_timeout off; server_lists both; }
http {
    access_log off;
    init_worker_by_lua_block { filter = require "weir.filter" }
    server {
        listen 10.99.0.1:8080;
        location = /metrics { metrics; }
        location = /caught {
            return 204;
            log_by_lua_block { assert(filter.block("203.0.113.9")) }
        }
        location = /block { content_by_lua_block { ngx.say(filter.block(ngx.var.remote_addr, 600)) } }
        location = /many {
            content_by_lua_block {
                local t = {}
                for i = 1, 200 do t[i] = "198.51.100." .. i end
                ngx.say(filter.block(t, 600))
                local found, total = filter.list("block", 3)
                ngx.say(#found, " ", total, " ", found[1].network:match("^198.51.100.%d+/32$") ~= nil, " ", found[1].ttl > 500, " ", found[1].packets)
                ngx.say(filter.unblock(t))
                for i = 1, 257 do t[i] = "198.51.100.1" end
                ngx.say(filter.block(t))
            }
        }
        location = /allow { content_by_lua_block { ngx.say(filter.allow(ngx.var.arg_n)) } }
        location = /unallow { content_by_lua_block { ngx.say(filter.unallow(ngx.var.arg_n)) } }
        location = /unblock { content_by_lua_block { ngx.say(filter.unblock(ngx.var.arg_n)) } }
        location = /stats {
            content_by_lua_block {
                local s = filter.stats()
                ngx.say(s.devices.v0, " ", s.packets.blocked > 0, " ", s.bytes.blocked > 0, " ", s.networks.block, " ", s.pending)
            }
        }
    }
}
`

// TestLuaAndMetricsReachThePacketFilter runs the program in a network namespace
// with a client in another one.
func TestLuaAndMetricsReachThePacketFilter(t *testing.T) {
	b := theBinary(t)
	if !b.weir {
		t.Skip("is about weir, not nginx")
	}
	nstest.Enter(t)
	nstest.NeedBPF(t)
	there := nstest.Pair(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(filterConf), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := startServer(b.path, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if log, _ := os.ReadFile(filepath.Join(dir, "error.log")); strings.Contains(string(log), "[error]") || strings.Contains(string(log), "[alert]") {
			t.Errorf("%s", log)
		}
	})
	is := func(path, want string) {
		t.Helper()
		if got, err := fetch(path, startLimit); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	fromThere := func(path string, limit time.Duration) (text string, err error) {
		there(func() { text, err = fetch(path, limit) })
		return text, err
	}
	if _, err := fromThere("/allow?n=192.0.2.7", startLimit); err != nil {
		t.Fatalf("a client is kept out: %v", err)
	}
	is("/unallow?n=192.0.2.7", "true1\n")
	is("/many", "true200\n3 200 true true 0\ntrue200\nniltoo many networks at once\n")
	is("/caught", "") // its log phase, which asks without waiting, comes after the answer
	for end := time.Now().Add(startLimit); ; time.Sleep(time.Millisecond) {
		if got, err := fetch("/unblock?n=203.0.113.9", startLimit); err != nil || got == "true1\n" {
			break
		}
		if time.Now().After(end) {
			t.Error("what the log phase has blocked is not blocked")
			break
		}
	}
	is("/unblock?n=203.0.113.9", "true0\n")
	// What is sent to a blocked client still reaches it.
	if got, err := fromThere("/block", startLimit); err != nil || got != "true1\n" {
		t.Errorf("/block: %q, %v", got, err)
	}
	if _, err := fromThere("/stats", 300*time.Millisecond); err == nil {
		t.Error("a blocked client gets through")
	}
	is("/stats", "native true true 1 false\n")
	is("/allow?n="+nstest.There, "true1\n")
	if _, err := fromThere("/stats", startLimit); err != nil {
		t.Errorf("a client that is allowed is kept out: %v", err)
	}
	text, err := fetch("/metrics", startLimit)
	for _, want := range []string{`weir_filter_info{device="v0",mode="native"} 1`, `weir_filter_networks{list="block"} 1`, "weir_filter_unconfirmed 0",
		`weir_filter_packets_total{verdict="blocked"}`, `weir_filter_bytes_total{verdict="syn_limited"} 0`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics: %v", want, err)
		}
	}
}

// fetch gets a page of the server of filterConf.
func fetch(path string, limit time.Duration) (string, error) {
	c, err := net.DialTimeout("tcp", nstest.Here+":8080", limit)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

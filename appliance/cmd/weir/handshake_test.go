package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"weir/appliance/certs/certstest"
)

// secure writes a configuration of two workers with a TLS server, and starts it. text is the inside of the http block,
// with %ADDR% for the address.
func (in *instance) secure(text string) {
	in.t.Helper()
	certstest.Issue(in.t, nil, "first").Write(in.t, in.dir, "x")
	in.secureAgain(text)
	if err := os.Chmod(in.dir, 0o755); err != nil {
		in.t.Fatal(err)
	}
	in.start()
}

func (in *instance) secureAgain(text string) {
	user := ""
	if os.Geteuid() == 0 {
		user = "user nobody nogroup;"
	}
	in.write("nginx.conf", fmt.Sprintf(`%s worker_processes 2; pid t.pid; error_log error.log info; events {}
		http { access_log off; ssl_certificate x.crt; ssl_certificate_key x.key; %s }`, user, strings.ReplaceAll(text, "%ADDR%", in.addr)))
}

// over does a handshake and one request, and returns the body.
func (in *instance) over(conf *tls.Config) (string, *tls.Conn, error) {
	nc, err := net.Dial("tcp", in.addr)
	if err != nil {
		return "", nil, err
	}
	defer nc.Close()
	c := tls.Client(nc, conf)
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", nil, err
	}
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		return "", nil, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	_, body, _ := strings.Cut(string(b[:n]), "\r\n\r\n")
	return body, c, err
}

func TestLuaKeepsSessionsForAllWorkers(t *testing.T) {
	in := newInstance(t, "on")
	in.secure(`lua_shared_dict sessions 1m; ssl_session_tickets off;
		ssl_session_store_by_lua_block {
			local s = require "ngx.ssl.session"
			ngx.shared.sessions:set(s.get_session_id(), ngx.worker.id() .. s.get_serialized_session())
		}
		ssl_session_fetch_by_lua_block {
			local s = require "ngx.ssl.session"
			local state = ngx.shared.sessions:get(s.get_session_id())
			if not state then return end
			ngx.ctx.from = state:sub(1, 1)
			assert(s.set_serialized_session(state:sub(2)))
		}
		server { listen %ADDR% ssl; location / { content_by_lua_block {
			local b = (ngx.ctx.from or "new") .. " " .. ngx.worker.id()
			ngx.header["Content-Length"] = #b ngx.print(b) } } }`)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conf := &tls.Config{InsecureSkipVerify: true, ServerName: "x", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		body, c, err := in.over(conf)
		if err != nil || !strings.HasPrefix(body, "new ") || c.ConnectionState().DidResume {
			t.Fatalf("version %x: first got %q, %v", version, body, err)
		}
		crossed := false
		for i := 0; !crossed; i++ {
			body, c, err = in.over(conf)
			if err != nil || !c.ConnectionState().DidResume || strings.HasPrefix(body, "new") {
				t.Fatalf("version %x: got %q, %v", version, body, err)
			}
			from, at, _ := strings.Cut(body, " ")
			crossed = from != at
			if i == 300 {
				t.Fatal("no session was resumed on the other worker")
			}
		}
	}
}

func TestAReloadKeepsHandshakesThatWait(t *testing.T) {
	in := newInstance(t, "on")
	const text = `lua_shared_dict d 32k; server { listen %ADDR% ssl;
		ssl_certificate_by_lua_block {
			local name = require "ngx.ssl".server_name()
			if name ~= "slow" then return end
			ngx.shared.d:set("waits", 1)
			while not ngx.shared.d:get("go") do ngx.sleep(0.001) end
			ngx.ctx.by = "%WHO%"
		}
		location / { content_by_lua_block {
			if ngx.var.ssl_server_name == "go" then ngx.shared.d:set("go", 1) end
			local b = "%WHO% " .. tostring(ngx.ctx.by) .. " " .. tostring(ngx.shared.d:get("waits"))
			ngx.header["Content-Length"] = #b ngx.print(b) } } }`
	in.secure(strings.ReplaceAll(text, "%WHO%", "old"))
	type outcome struct {
		body string
		err  error
	}
	slow := make(chan outcome, 1)
	go func() { // ends with the request
		body, _, err := in.over(&tls.Config{InsecureSkipVerify: true, ServerName: "slow"})
		slow <- outcome{body, err}
	}()
	ask := func(name string) string {
		body, _, err := in.over(&tls.Config{InsecureSkipVerify: true, ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	in.until("the script", func() bool { return ask("x") == "old nil 1" })
	in.secureAgain(strings.ReplaceAll(text, "%WHO%", "new"))
	in.reload(2)
	if body := ask("go"); body != "new nil 1" {
		t.Errorf("got %q after the reload", body)
	}
	// The handshake ends under the configuration it began with, the request has the new one.
	if o := <-slow; o.err != nil || o.body != "new nil 1" {
		t.Errorf("the handshake that waited: %q, %v", o.body, o.err)
	}
}

package phase_test

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/appliance/certs/certstest"
	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/ssl"
	"weir/lua/api"
	"weir/lua/offload"
	"weir/lua/phase"
	"weir/lua/shared"
	"weir/netio/peertest"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// secured serves a server with TLS whose certificate is fallback's; text is what else stands in the http block.
func secured(t testing.TB, text string) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	certstest.Issue(t, nil, "fallback").Write(t, dir, "x")
	modules := http.Modules{&http.Core, &ssl.Module, &phase.Settings, &shared.Module, &offload.Module, &phase.Module, &http.Copy, &http.Postpone}
	return httptest.Start(t, modules, "ssl_certificate "+dir+"/x.crt; ssl_certificate_key "+dir+"/x.key; "+text)
}

// socket is where s listens.
func socket(s *httptest.Server) string { return filepath.Join(s.Dir, "sock") }

// connect does a handshake in a server's name.
func connect(s *httptest.Server, name string) (*tls.Conn, error) {
	nc, err := net.Dial("unix", socket(s))
	if err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Now().Add(patience)) // a socket that is open takes one
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err := c.Handshake(); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// get asks on a connection and returns the body.
func get(c net.Conn, path string) (string, error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: x\r\n\r\n", path); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	_, body, _ := strings.Cut(string(b), "\r\n\r\n")
	return body, err
}

// until waits for a condition of the worker.
func until(t *testing.T, s *httptest.Server, what string, f func(w *http.Worker) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ok := false
		s.Do(func(w *http.Worker) { ok = f(w) })
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// quiet says that no script runs and no handshake is under way.
func quiet(w *http.Worker) bool {
	return w.TLS.Stats().Handshakes == 0 && api.Workers.Of(w).Current.Contexts() == 0
}

// keeper is a real Redis server on a socket.
type keeper struct {
	t    *testing.T
	path string
}

func startRedis(t *testing.T) *keeper {
	t.Helper()
	dir := t.TempDir()
	k := &keeper{t, filepath.Join(dir, "redis")}
	peertest.Start(t, "unix", k.path, "redis-server", "--port", "0", "--unixsocket", k.path, "--save", "", "--dir", dir)
	return k
}

// do sends a command and returns the first line of the answer.
func (k *keeper) do(args ...string) string {
	k.t.Helper()
	c, err := net.Dial("unix", k.path)
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(c, "$%d\r\n%s\r\n", len(a), a)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// chooser takes certificates out of Redis. Names that begin with "slow" wait there until the list gate:NAME has
// something.
const chooser = `
	local ssl = require "ngx.ssl"
	local name = ssl.server_name()
	local r = ngx.socket.tcp()
	r:settimeout(60000)
	assert(r:connect("unix:%REDIS%"))
	local function ask(...)
		assert(r:send(table.concat({...}, " ") .. "\r\n"))
		local line = assert(r:receive())
		local n = tonumber(line:match("^%$(%d+)$"))
		if not n then return nil, line end
		local data = assert(r:receive(n))
		assert(r:receive(2))
		return data
	end
	if name:find("^slow") then
		local _, line = ask("BLPOP", "gate:" .. name, 0)
		for i = 1, 4 do assert(r:receive()) end
	end
	local chain, key = ask("GET", "crt:" .. name), ask("GET", "key:" .. name)
	r:setkeepalive()
	if not chain then return end
	assert(ssl.clear_certs())
	assert(ssl.set_cert(assert(ssl.parse_pem_cert(chain))))
	assert(ssl.set_priv_key(assert(ssl.parse_pem_priv_key(key))))`

func TestHandshakesWaitForRedisAndHoldNobodyUp(t *testing.T) {
	k := startRedis(t)
	for _, name := range []string{"slow-a", "slow-b", "quick"} {
		chain, key := certstest.Issue(t, nil, name).PEM(t)
		k.do("SET", "crt:"+name, chain)
		k.do("SET", "key:"+name, key)
	}
	s := secured(t, `server { listen %LISTEN% ssl; ssl_certificate_by_lua_block {`+strings.ReplaceAll(chooser, "%REDIS%", k.path)+`}
		location / { content_by_lua_block { ngx.print("served") } } }`)
	type outcome struct {
		name string
		err  error
	}
	got := make(chan outcome, 2)
	for _, name := range []string{"slow-a", "slow-b"} {
		go func() { // ends with its handshake
			c, err := connect(s, name)
			if err != nil {
				got <- outcome{name, err}
				return
			}
			defer c.Close()
			if cn := c.ConnectionState().PeerCertificates[0].Subject.CommonName; cn != name {
				err = fmt.Errorf("got the certificate of %s", cn)
			} else if body, e := get(c, "/"); e != nil || body != "served" {
				err = fmt.Errorf("got %q, %v", body, e)
			}
			got <- outcome{name, err}
		}()
	}
	until(t, s, "both wait", func(w *http.Worker) bool { return w.TLS.Stats().Handshakes == 2 })
	for _, name := range []string{"quick", "unknown"} {
		c, err := connect(s, name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"quick": "quick", "unknown": "fallback"}[name]
		if cn := c.ConnectionState().PeerCertificates[0].Subject.CommonName; cn != want {
			t.Errorf("%s got the certificate of %s", name, cn)
		}
		if body, err := get(c, "/"); err != nil || body != "served" {
			t.Errorf("%s: got %q, %v", name, body, err)
		}
		c.Close()
	}
	if len(got) != 0 {
		t.Error("a slow handshake ended before its certificate was there")
	}
	for _, name := range []string{"slow-b", "slow-a"} {
		k.do("RPUSH", "gate:"+name, "go")
		if o := <-got; o.name != name || o.err != nil {
			t.Errorf("%s: %v, while %s should have ended", o.name, o.err, name)
		}
	}
	t.Run("openssl is a client", func(t *testing.T) {
		path := peertest.Find(t, "openssl")
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			cmd := exec.Command(path, "s_client", "-unix", socket(s), "-servername", "quick", version)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "subject=CN = quick") && !strings.Contains(string(out), "subject=CN=quick") {
				t.Errorf("%s: %v\n%s", version, err, out)
			}
		}
	})
	until(t, s, "the end", quiet)
}

// leave begins a handshake and goes away when a script waits in it.
func leave(t *testing.T, s *httptest.Server) {
	t.Helper()
	nc, err := net.Dial("unix", socket(s))
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends when the socket is closed
		_ = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}).Handshake() // which is what this is about
	}()
	until(t, s, "the script", func(w *http.Worker) bool { return api.Workers.Of(w).Current.Contexts() == 1 })
	nc.Close()
}

func TestScriptsEndWithTheirHandshake(t *testing.T) {
	const waits = `ssl_%PHASE%_by_lua_block { ngx.thread.spawn(function() ngx.sleep(600) end) ngx.sleep(600) ngx.log(ngx.ERR, "went on") }`
	for _, at := range []string{"client_hello", "certificate"} {
		t.Run(at+", by its timeout", func(t *testing.T) {
			s := secured(t, `client_header_timeout 50ms; server { listen %LISTEN% ssl; `+strings.ReplaceAll(waits, "%PHASE%", at)+` }`)
			if _, err := connect(s, "x"); err == nil {
				t.Error("the handshake succeeded")
			}
			until(t, s, "the end", quiet)
			if log := s.Errors(t); !strings.Contains(log, "client timed out (110: Connection timed out) while SSL handshaking") || strings.Contains(log, "went on") {
				t.Error(log)
			}
		})
		t.Run(at+", by the client", func(t *testing.T) {
			s := secured(t, `lua_check_client_abort on; server { listen %LISTEN% ssl; `+strings.ReplaceAll(waits, "%PHASE%", at)+` }`)
			leave(t, s)
			until(t, s, "the end", quiet)
			if log := s.Errors(t); !strings.Contains(log, "peer closed connection in SSL handshake") || strings.Contains(log, "went on") {
				t.Error(log)
			}
		})
	}
	t.Run("unless the client may leave", func(t *testing.T) {
		s := secured(t, `lua_shared_dict d 32k; server { listen %LISTEN% ssl;
			ssl_certificate_by_lua_block {
				if require "ngx.ssl".server_name() then return end
				while not ngx.shared.d:get("go") do ngx.sleep(0.001) end
				ngx.log(ngx.WARN, "went on")
			}
			location / { content_by_lua_block { ngx.shared.d:set("go", true) } } }`)
		leave(t, s)
		c, err := connect(s, "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := get(c, "/"); err != nil {
			t.Error(err)
		}
		until(t, s, "the end", quiet)
		if log := s.Errors(t); !strings.Contains(log, "went on") {
			t.Error(log)
		}
	})
}

func TestBothEndsExportTheSameMaterial(t *testing.T) {
	s := secured(t, `server { listen %LISTEN% ssl;
		ssl_certificate_by_lua_block {
			local ssl = require "ngx.ssl"
			ngx.ctx.early = tostring(select(2, ssl.export_keying_material(8, "EXPORTER-x"))) .. tostring(select(2, ssl.get_server_random()))
		}
		location / { content_by_lua_block {
			local ssl = require "ngx.ssl"
			local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
			ngx.say(hex(ssl.export_keying_material(20, "EXPORTER-weir")))
			ngx.say(hex(ssl.export_keying_material(20, "EXPORTER-weir", "context")))
			ngx.say(hex(ssl.export_keying_material(20, "EXPORTER-weir", "")))
			ngx.say(#ssl.get_server_random(), " ", ssl.get_server_random(0), " ", ssl.get_server_random() == ssl.get_client_random())
			local m, err = ssl.export_keying_material(20, "client finished")
			ngx.say(m and hex(m) or err)
			ngx.say(ssl.export_keying_material_early(20, "EXPORTER-weir"))
			ngx.print(ngx.ctx.early)
		} } }`)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		nc, err := net.Dial("unix", socket(s))
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patience)) // a socket that is open takes one
		c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
		body, err := get(c, "/")
		if err != nil {
			t.Fatal(err)
		}
		state := c.ConnectionState()
		material := func(label string, context []byte) string {
			b, err := state.ExportKeyingMaterial(label, context, 20)
			if err != nil {
				t.Fatal(err)
			}
			return hex.EncodeToString(b)
		}
		want := []string{material("EXPORTER-weir", nil), material("EXPORTER-weir", []byte("context")), material("EXPORTER-weir", []byte{}), "32 32 false"}
		if version == tls.VersionTLS12 {
			want = append(want, "SSL_export_keying_material() failed")
		} else { // where the label cannot be mistaken for one of TLS
			want = append(want, material("client finished", nil))
		}
		want = append(want, "nilSSL_export_keying_material_early() failed", "the handshake is not overthe handshake is not over")
		if body != strings.Join(want, "\n") {
			t.Errorf("version %x: got\n%s\nwant\n%s", version, body, strings.Join(want, "\n"))
		}
		nc.Close()
	}
}

// BenchmarkHandshakes measures both ends of a handshake, without scripts and with those of each phase.
func BenchmarkHandshakes(b *testing.B) {
	chain, key := certstest.Issue(b, nil, "other").PEM(b)
	for _, c := range []struct{ name, script string }{
		{"no script", ""},
		{"client_hello", `ssl_client_hello_by_lua_block { ngx.ctx.name = require "ngx.ssl.clienthello".get_client_hello_server_name() }`},
		{"certificate", `init_by_lua_block {
			local ssl = require "ngx.ssl"
			chain, key = ssl.parse_pem_cert([[` + chain + `]]), ssl.parse_pem_priv_key([[` + key + `]])
		}
		ssl_certificate_by_lua_block { local ssl = require "ngx.ssl" ssl.clear_certs() ssl.set_cert(chain) ssl.set_priv_key(key) }`},
		{"one that waits", `ssl_certificate_by_lua_block { ngx.sleep(0) }`},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := secured(b, c.script+` server { listen %LISTEN% ssl; }`)
			b.ReportAllocs()
			for b.Loop() {
				conn, err := connect(s, "x")
				if err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}

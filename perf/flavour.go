package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// flavour is a set of configurations for the servers: one process cannot be
// measured for all that it might do. In them ADDR is where to listen, BACKEND
// the backend and DIR the folder of the files.
type flavour struct {
	suffix  string   // of the servers' folders
	nginx   string   // weir's and nginx's, letter for letter the same
	haproxy string   // "": it is not asked
	modules []string // that nginx has to load
	tls     bool
	settles time.Duration // how long it takes until idle connections hold no more than they need
}

var (
	plain = flavour{nginx: plainNginx, haproxy: plainHAProxy, settles: 500 * time.Millisecond}
	// weir gives up the ciphers of connections that were idle for 5 to 10 s, and memory some time later.
	secure   = flavour{suffix: "-tls", nginx: secureNginx, haproxy: secureHAProxy, tls: true, settles: 40 * time.Second}
	scripted = flavour{suffix: "-lua", nginx: scriptedNginx, modules: []string{"ndk_http_module.so", "ngx_http_lua_module.so"}}
)

// commonNginx begins the configurations of weir and nginx, up to where http is
// open; haproxy's begin with commonHAProxy. Connections stay open as long as
// the load wants them to.
const commonNginx = `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid server.pid;
error_log error.log;
events { worker_connections 18000; }
http {
    default_type text/plain;
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body_temp;
`

const commonHAProxy = `
global
    nbthread 1
    maxconn 9000
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
`

// plainNginx is weir's and nginx's configuration, letter for letter the same.
const plainNginx = commonNginx + `
    proxy_temp_path proxy_temp;
    upstream backend {
        server BACKEND;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen ADDR backlog=4096;
        location / { return 200 "hello, world\n"; }
        location /logged { access_log access.log combined; return 200 "hello, world\n"; }
        location /proxied { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
        location /large { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
        location /huge { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
    }
}
`

const backendConf = commonNginx + `
    sendfile on;
    tcp_nopush on;
    server {
        listen ADDR backlog=4096;
        location / { return 200 "hello, world\n"; }
        location = /large { root DIR; }
        location = /huge { root DIR; }
    }
}
`

// plainHAProxy has haproxy send what the others send for "return 200": the same
// fields, a date of the moment among them, and the same body.
const plainHAProxy = commonHAProxy + `
frontend f
    bind ADDR backlog 4096
    acl proxied path /proxied /large /huge
    http-request return status 200 content-type text/plain string "hello, world\n" hdr server haproxy/x.yy.zz hdr date "%[date,http_date]" hdr connection keep-alive unless proxied
    default_backend b
backend b
    http-reuse always
    server s BACKEND pool-max-conn -1
`

// secureNginx has TLS 1.3 with AES-128-GCM, which weir takes by itself where
// the processor has AES instructions, and sessions in tickets.
const secureNginx = commonNginx + `
    sendfile on;
    ssl_certificate DIR/server.crt;
    ssl_certificate_key DIR/server.key;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_session_timeout 1h;
    server {
        listen ADDR ssl backlog=4096;
        location / { return 200 "hello, world\n"; }
        location = /large { root DIR; }
    }
}
`

const secureHAProxy = commonHAProxy + `
frontend f
    bind ADDR ssl crt DIR/server.pem ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 backlog 4096
    http-request return status 200 content-type text/plain string "hello, world\n" hdr server haproxy/x.yy.zz hdr date "%[date,http_date]" hdr connection keep-alive
`

// scriptedNginx has the Lua of a small gateway: a token of three parts, a
// counter per client, a user out of the arguments, a number out of the path, an
// answer in JSON.
const scriptedNginx = commonNginx + `
    lua_package_cpath "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";
    lua_shared_dict counts 1m;
    server {
        listen ADDR backlog=4096;
        location = /hello { content_by_lua_block { ngx.say("hello world") } }
        location /edge/ {
            access_by_lua_block {
                local auth = ngx.req.get_headers()["Authorization"]
                if not auth then
                    return ngx.exit(ngx.HTTP_UNAUTHORIZED)
                end
                if not auth:match("^Bearer ([^.]+)%.([^.]+)%.([^.]+)$") then
                    return ngx.exit(ngx.HTTP_FORBIDDEN)
                end
                local key = "count:" .. ngx.req.get_method() .. ":" .. ngx.var.remote_addr
                ngx.ctx.count = ngx.shared.counts:incr(key, 1, 0)
                ngx.ctx.user = ngx.req.get_uri_args().u or "nobody"
            }
            content_by_lua_block {
                local json = require "cjson.safe"
                ngx.header.content_type = "application/json"
                ngx.say(json.encode({ id = tonumber(ngx.var.uri:match("^/edge/(%d+)$")), user = ngx.ctx.user, ok = true }))
            }
            header_filter_by_lua_block { ngx.header["X-User"] = ngx.ctx.user }
            log_by_lua_block { local line = ngx.ctx.user .. " " .. ngx.status .. " " .. ngx.var.remote_addr }
        }
    }
}
`

// writeCertificate makes a P-256 certificate and its key: server.crt and
// server.key, and both in server.pem.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "perf"}, DNSNames: []string{"perf"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, text := range map[string][]byte{"server.crt": cert, "server.key": secret, "server.pem": bytes.Join([][]byte{cert, secret}, nil)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

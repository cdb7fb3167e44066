package stdmodules

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// serve runs one worker with all modules in the test process. text is the
// inside of the http block; %LISTEN% stands for the socket's address, whose
// path is returned.
func serve(t *testing.T, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "sock")
	file := filepath.Join(dir, "nginx.conf")
	text = "error_log " + dir + "/error.log; events {} http { access_log off; " + strings.ReplaceAll(text, "%LISTEN%", "unix:"+path) + "}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := cycle.Load(Table(), cycle.LoadOptions{Prefix: dir + "/", ConfFile: file})
	if err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan error), make(chan struct{})
	var loop *poll.Loop
	go func() {
		runtime.LockOSThread()
		defer close(done)
		l, err := poll.New(poll.Config{})
		if err != nil {
			ready <- err
			return
		}
		loop = l
		d := conn.NewDriver(l, buf.NewPool(0))
		w := http.NewWorker(d, 0, &http.Process{Version: "test"})
		w.Use(c.HTTP.(*http.Generation))
		for _, at := range c.Listens {
			fd, err := sock.Listen(at.Options)
			if err == nil {
				_, err = conn.NewListener(d, fd, w.Acceptor(at), conn.ListenerOptions{Addr: at.Addr})
			}
			if err != nil {
				ready <- err
				return
			}
		}
		ready <- nil
		l.Run()
		w.Abort()
		l.Close()
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		loop.Stop()
		<-done
	})
	return path
}

func TestModulesAllocateNothingPerRequest(t *testing.T) {
	path := serve(t, `keepalive_requests 1000000; default_type text/plain;
		map $arg_m $mapped { default none; one 1; Two 2; }
		map $http_user_agent $agent { default other; ~^te(?<rest>.+)$ "te $rest"; }
		map $host $hosted { hostnames; default no; *.example.com below; }
		geo $place { default far; 192.0.2.0/24 near; 127.0.0.0/8 here; }
		geo $span { ranges; default far; 192.0.2.0-192.0.2.99 near; }
		split_clients "$remote_addr$uri" $half { 50% a; * b; }
		set_real_ip_from unix:; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on;
		server {
			listen %LISTEN%;
			allow 192.0.2.0/24; deny all;
			location / { return 200 "$mapped $agent $hosted $place $span $half $remote_addr $realip_remote_addr"; }
			location /asked { auth_request /auth; auth_request_set $status_of $status; mirror /mirrored; mirror_request_body off; try_files /none @in; }
			location @in { return 200 "in $status_of"; }
			location /auth { return 204; }
			location /mirrored { return 204; }
		}`)
	tests := []struct {
		name, request, want string
	}{
		{"variables by map, geo and split_clients, realip and access",
			"GET /x?m=two HTTP/1.1\r\nHost: a.Example.com\r\nUser-Agent: test\r\nX-Forwarded-For: 1.2.3.4, 192.0.2.7, 10.0.0.1\r\n\r\n",
			"2 te st below near near b 192.0.2.7 unix:"},
		{"auth_request and mirror",
			"GET /asked HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n", "in 204"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			request, in := []byte(tt.request), make([]byte, 4096)
			n := 0
			once := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				if n, err = c.Read(in); err != nil {
					t.Fatal(err)
				}
			}
			for range 100 {
				once()
			}
			if !bytes.HasSuffix(in[:n], []byte("\r\n\r\n"+tt.want)) {
				t.Fatalf("got %q, want %q", in[:n], tt.want)
			}
			if n := testing.AllocsPerRun(1000, once); n >= 1 {
				t.Errorf("got %v allocations per request, want 0", n)
			}
		})
	}
}

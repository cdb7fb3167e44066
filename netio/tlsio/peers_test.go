package tlsio

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/netio/conn"
	"weir/netio/peertest"
	"weir/netio/sock"
	"weir/netio/sock/socktest"
)

// Programs of other makers, on either side. Package peertest finds them.

// files are the test's certificates as files.
type files struct{ dir, ca, cert, key, rsaCert, rsaKey, clientCert, clientKey string }

func writeFiles(t testing.TB) *files {
	t.Helper()
	dir := t.TempDir()
	a := theAuthority()
	put := func(name, kind string, der []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	key := func(k any) []byte { return must(x509.MarshalPKCS8PrivateKey(k)) }
	return &files{
		dir:  dir,
		ca:   put("ca.pem", "CERTIFICATE", a.ca),
		cert: put("ec.pem", "CERTIFICATE", a.ecdsa.Certificate[0]), key: put("ec.key", "PRIVATE KEY", key(a.ecdsa.PrivateKey)),
		rsaCert: put("rsa.pem", "CERTIFICATE", a.rsa.Certificate[0]), rsaKey: put("rsa.key", "PRIVATE KEY", key(a.rsa.PrivateKey)),
		clientCert: put("cl.pem", "CERTIFICATE", a.client.Certificate[0]), clientKey: put("cl.key", "PRIVATE KEY", key(a.client.PrivateKey)),
	}
}

// talk is a program whose lines are written and read while the loop runs.
type talk struct {
	t     testing.TB
	w     *world
	in    io.WriteCloser
	lines chan string
	seen  []string
}

// start runs a program until the end of the test.
func (w *world) start(name string, args ...string) *talk {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	out.Close()
	k := &talk{t: w.t, w: w, in: in, lines: make(chan string, 10_000)}
	go func() {
		defer close(k.lines)
		for b := bufio.NewReader(r); ; {
			l, err := b.ReadString('\n')
			if l != "" {
				k.lines <- strings.TrimRight(l, "\r\n")
				w.d.Loop.Post(task(func() {}))
			}
			if err != nil {
				return
			}
		}
	}()
	w.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); r.Close() })
	return k
}

func (k *talk) say(s string) {
	if _, err := io.WriteString(k.in, s); err != nil {
		k.t.Fatal(err)
	}
}

// hear drives the loop until a line contains s.
func (k *talk) hear(s string) {
	k.t.Helper()
	var late = time.Now().Add(time.Minute)
	k.w.until(fmt.Sprintf("the line %q of %q", s, k.seen), func() bool {
		if time.Now().After(late) {
			k.t.Fatalf("no line %q among %q", s, k.seen)
		}
		for {
			select {
			case l, ok := <-k.lines:
				if !ok {
					k.t.Fatalf("ended without the line %q: %q", s, k.seen)
				}
				k.seen = append(k.seen, l)
				if strings.Contains(l, s) {
					return true
				}
			default:
				return false
			}
		}
	})
}

func host(a sock.Addr) string { return fmt.Sprintf("127.0.0.1:%d", a.Port()) }

func TestOpensslClientUpdatesKeys(t *testing.T) {
	openssl := peertest.Find(t, "openssl")
	f := writeFiles(t)
	w := newWorld(t, Options{})
	s := &side{conf: serverConfig(), echo: true}
	a := w.listen(s)
	k := w.start(openssl, "s_client", "-connect", host(a), "-CAfile", f.ca, "-servername", "localhost", "-tls1_3")
	k.hear("Verify return code: 0 (ok)")
	for i, command := range []string{"", "K\n", "k\n", "K\n"} {
		if command != "" {
			k.say(command)
			k.hear("KEYUPDATE")
		}
		word := fmt.Sprintf("word-%d", i)
		k.say(word + "\n")
		k.hear(word)
	}
	w.until("the end", func() bool {
		k.in.Close()
		return len(s.got) >= 4*7
	})
	if got := string(s.got); got != "word-0\nword-1\nword-2\nword-3\n" {
		t.Errorf("received %q", got)
	}
}

func TestOpensslServerUpdatesKeys(t *testing.T) {
	openssl := peertest.Find(t, "openssl")
	f := writeFiles(t)
	w := newWorld(t, Options{})
	port := socktest.Port(t)
	k := w.start(openssl, "s_server", "-accept", fmt.Sprint(port), "-cert", f.cert, "-key", f.key, "-tls1_3")
	k.hear("ACCEPT")
	c := &side{conf: clientConfig()}
	a, _ := sock.ParseAddr(fmt.Sprintf("127.0.0.1:%d", port))
	w.dial(c, a, "")
	w.until("the handshake", func() bool { return c.handshaken > 0 })
	if c.err != nil {
		t.Fatal(c.err)
	}
	var want strings.Builder
	for i, command := range []string{"", "K\n", "k\n", "K\n"} {
		if command != "" {
			key := c.t.rd.key
			k.say(command)
			w.until("new keys", func() bool { return c.t.rd.key != key || c.end != nil })
		}
		word := fmt.Sprintf("word-%d\n", i)
		want.WriteString(word)
		k.say(word)
		w.until("the word", func() bool { return string(c.got) == want.String() || c.end != nil })
		c.send("answer-" + word)
		k.hear("answer-" + strings.TrimSpace(word))
	}
	if c.end != nil {
		t.Fatal(c.end)
	}
}

// web answers each request head with a page.
type web struct {
	side
	page string
}

func (s *web) Accepted(c *conn.Conn) {
	n := &web{side: side{w: s.w, conf: s.conf, c: c}, page: s.page}
	s.t = nil
	s.w.e.Accept(c, s.conf, nil, n)
}

func (s *web) Handshaken(c *conn.Conn, t *Conn, err error) {
	s.t, s.err = t, err
	if err != nil {
		c.Close()
		return
	}
	c.SetHandler(s)
	if c.ReadReady() {
		s.Readable(c)
	}
}

func (s *web) Readable(c *conn.Conn) {
	s.side.Readable(c)
	for {
		_, rest, ok := strings.Cut(string(s.got), "\r\n\r\n")
		if !ok {
			break
		}
		s.got = []byte(rest)
		s.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(s.page)))
		s.send(s.page)
	}
	if s.end != nil {
		s.w.d.Pool.DoneChain(&s.out)
		c.Close()
	}
}

// serveWeb makes a server that answers with page.
func (w *world) serveWeb(conf *Config, page string) sock.Addr {
	s := &web{page: page}
	s.conf = conf
	return w.listenAcceptor(&s.side, s)
}

// output runs a program to its end while the loop runs.
func (w *world) output(name string, args ...string) (string, error) {
	var out []byte
	err := w.beside(func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	return string(out), err
}

func TestCurlFetchesPages(t *testing.T) {
	curl := peertest.Find(t, "curl")
	f := writeFiles(t)
	for _, v := range []string{"1.3", "1.2"} {
		for _, size := range []int{5, 5000, 300_000} {
			t.Run(fmt.Sprintf("TLS %s, %d bytes", v, size), func(t *testing.T) {
				w := newWorld(t, Options{})
				page := strings.Repeat("page ", size/5)
				a := w.serveWeb(serverConfig(theAuthority().ecdsa, theAuthority().rsa), page)
				url := fmt.Sprintf("https://localhost:%d/", a.Port())
				out, err := w.output(curl, "-sS", "--cacert", f.ca, "--tls-max", v, "--tlsv"+v, "--resolve",
					fmt.Sprintf("localhost:%d:127.0.0.1", a.Port()), url, url)
				if err != nil || out != page+page {
					t.Errorf("%v, %d bytes: %.200s", err, len(out), out)
				}
			})
		}
	}
}

func TestOpensslResumesSessions(t *testing.T) {
	openssl := peertest.Find(t, "openssl")
	f := writeFiles(t)
	for _, v := range []string{"-tls1_3", "-tls1_2"} {
		t.Run(v, func(t *testing.T) {
			w := newWorld(t, Options{})
			a := w.serveWeb(serverConfig(), "page")
			session := filepath.Join(t.TempDir(), "session")
			first, _ := w.output("sh", "-c", "(printf 'GET / HTTP/1.1\\r\\n\\r\\n'; sleep 0.5) | "+openssl+" s_client -connect "+host(a)+
				" -CAfile "+f.ca+" "+v+" -sess_out "+session)
			second, _ := w.output("sh", "-c", "(printf 'GET / HTTP/1.1\\r\\n\\r\\n'; sleep 0.5) | "+openssl+" s_client -connect "+host(a)+
				" -CAfile "+f.ca+" "+v+" -sess_in "+session)
			if !strings.Contains(first, "New, TLS") || !strings.Contains(second, "Reused, TLS") || !strings.Contains(second, "page") {
				t.Errorf("first: %.500s\nsecond: %.3000s", first, second)
			}
			if st := w.e.Stats(); st.Accepted != 2 || st.Resumed != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestGnutlsClientTalksToServer(t *testing.T) {
	gnutls := peertest.Find(t, "gnutls-cli")
	f := writeFiles(t)
	for _, prio := range []string{
		"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2",
		"NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305",
		"NORMAL:-CIPHER-ALL:+AES-256-GCM",
	} {
		t.Run(prio, func(t *testing.T) {
			w := newWorld(t, Options{})
			s := &side{conf: serverConfig(), echo: true}
			a := w.listen(s)
			k := w.start(gnutls, "--x509cafile", f.ca, "--priority", prio, "--sni-hostname", "localhost",
				"--verify-hostname", "localhost", "-p", fmt.Sprint(a.Port()), "127.0.0.1")
			k.hear("Handshake was completed")
			for _, word := range []string{"one", "two", "three"} {
				k.say(word + " comes back\n")
				k.hear(word + " comes back")
			}
			if s.t.Info.ServerName != "localhost" {
				t.Errorf("the client asked for %q", s.t.Info.ServerName)
			}
		})
	}
}

func TestNginxServesTheClient(t *testing.T) {
	nginx := peertest.Find(t, "nginx")
	f := writeFiles(t)
	port := socktest.Port(t)
	conf := fmt.Sprintf(`daemon off; master_process off; error_log %[1]s/error.log; pid %[1]s/pid;
events { }
http {
	access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen 127.0.0.1:%[2]d ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s; ssl_protocols TLSv1.2 TLSv1.3;
		ssl_client_certificate %[5]s; ssl_verify_client optional; ssl_session_cache shared:s:1m;
		location / { return 200 "$ssl_protocol $ssl_client_verify $ssl_session_reused\n"; }
		location /big { alias %[1]s/big; } } }`, f.dir, port, f.cert, f.key, f.ca)
	if err := os.WriteFile(f.dir+"/nginx.conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.dir+"/big", pattern(1_000_000), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Chmod(f.dir, 0o755)
	w := newWorld(t, Options{})
	w.start(nginx, "-c", f.dir+"/nginx.conf", "-p", f.dir)
	a, _ := sock.ParseAddr(fmt.Sprintf("127.0.0.1:%d", port))
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			cf := clientConfig()
			cf.TLS.MinVersion, cf.TLS.MaxVersion = v.version, v.version
			if v.suite != 0 {
				cf.TLS.CipherSuites = []uint16{v.suite}
			}
			cf.TLS.ClientSessionCache = newSessions()
			cf.TLS.Certificates = append(cf.TLS.Certificates, theAuthority().client)
			for i, reused := range []string{".", "r"} {
				c := w.reach(t, cf, a)
				c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
				w.until("the answer", func() bool { return strings.Contains(string(c.got), "SUCCESS "+reused) || c.end != nil })
				if c.end != nil || c.t.Info.Resumed != (i == 1) {
					t.Fatalf("end %v, resumed %v, got %q", c.end, c.t.Info.Resumed, c.got)
				}
				c.got = nil
				c.send("GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				w.until("the end", func() bool { return c.end != nil })
				_, body, _ := strings.Cut(string(c.got), "\r\n\r\n")
				if c.end != io.EOF || c.t.Truncated() || body != string(pattern(1_000_000)) {
					t.Errorf("end %v, truncated %v, %d bytes", c.end, c.t.Truncated(), len(body))
				}
				c.c.Close()
			}
		})
	}
}

// reach connects and shakes hands, and tries again while the server starts.
func (w *world) reach(t testing.TB, conf *Config, a sock.Addr) *side {
	t.Helper()
	for late := time.Now().Add(time.Minute); ; {
		c := &side{conf: conf}
		w.dial(c, a, "")
		w.until("the handshake", func() bool { return c.handshaken > 0 })
		if c.err == nil {
			return c
		}
		if time.Now().After(late) {
			t.Fatal(c.err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/appliance/certs/certstest"
	"weir/images/fat"
	"weir/images/newc"
	"weir/tuning/profile"
)

// ktlsConf serves a file and takes uploads; what the kernel counts is shown by
// a script, since nothing else looks into the guest.
const ktlsConf = `user nobody;
worker_processes 2;
error_log stderr notice;
events {}
http {
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    ssl_ktls on;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    server {
        listen 80;
        listen 443 ssl;
        location / { return 200 guest; }
        location = /file { sendfile on; }
        location = /metrics { metrics; }
        location = /kernel {
            content_by_lua_block {
                local f = assert(io.open("/proc/net/tls_stat"))
                ngx.print(f:read("*a"))
                f:close()
            }
        }
        location = /upload {
            content_by_lua_block {
                ngx.req.read_body()
                local sha = require("resty.sha256"):new()
                sha:update(ngx.req.get_body_data())
                ngx.print(require("resty.string").to_hex(sha:final()))
            }
        }
    }
}
`

// get returns a page of the guest by plain HTTP.
func (g *guest) get(path string) string {
	g.t.Helper()
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + g.addr + path)
	if err != nil {
		g.t.Fatalf("%v\n%s", err, tail(g.log()))
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		g.t.Fatalf("%s: %s, %v\n%s\n%s", path, r.Status, err, body, tail(g.log()))
	}
	return string(body)
}

// counters reads lines "NAME VALUE", of which those of the kernel and metrics
// are made.
func counters(text string) map[string]float64 {
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndexAny(line, " \t"); i > 0 {
			all[strings.TrimSpace(line[:i])], _ = strconv.ParseFloat(line[i+1:], 64)
		}
	}
	return all
}

// dialTLS opens a connection to the guest with one cipher. Go's client cannot
// choose among those of TLS 1.3; openssl's can.
func (g *guest) dialTLS(version uint16, suite uint16) io.ReadWriteCloser {
	g.t.Helper()
	if version == tls.VersionTLS12 {
		d := net.Dialer{Timeout: time.Minute}
		c, err := tls.DialWithDialer(&d, "tcp", g.tls, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, CipherSuites: []uint16{suite}})
		if err != nil {
			g.t.Fatal(err)
		}
		return c
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		g.t.Skip("needs openssl (package openssl)")
	}
	cmd := exec.Command("openssl", "s_client", "-quiet", "-connect", g.tls, "-tls1_3", "-ciphersuites", tls.CipherSuiteName(suite))
	in, err := cmd.StdinPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	return &process{in, out, cmd}
}

// process is a program that stands for a connection.
type process struct {
	io.WriteCloser
	io.Reader
	cmd *exec.Cmd
}

// Close ends the program.
func (p *process) Close() error {
	_ = p.cmd.Process.Kill()
	return p.cmd.Wait()
}

// kernelTLS returns how many connections the guest's kernel has taken over.
func (g *guest) kernelTLS() (tx, rx float64) {
	g.t.Helper()
	c := counters(g.get("/kernel"))
	return c["TlsTxSw"] + c["TlsTxDevice"], c["TlsRxSw"] + c["TlsRxDevice"]
}

// TestTheKernelSealsAndOpensTLS serves a file and takes an upload by TLS with
// each cipher that the kernel takes over, and looks at the kernel's counters
// and at weir's.
func TestTheKernelSealsAndOpensTLS(t *testing.T) {
	needAll(t)
	cert, key := certstest.Issue(t, nil, "guest.test", func(c *x509.Certificate) { c.DNSNames = []string{"guest.test"} }).PEM(t)
	file := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{7}).Read(file)
	sum := sha256.Sum256(file)
	g := boot(t, append(directly(t), media(t,
		fat.File{Name: "weir/nginx.conf", Data: []byte(ktlsConf)},
		fat.File{Name: "weir/cert.pem", Data: []byte(cert)}, fat.File{Name: "weir/key.pem", Data: []byte(key)},
		fat.File{Name: "weir/html/file", Data: file})...)...)
	g.serves("guest")
	if m := g.get("/metrics"); !strings.Contains(m, `weir_tls_kernel_info{receives="AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305",sends="AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305"} 1`) {
		t.Errorf("the metrics do not say that the kernel takes over all ciphers:\n%s", m)
	}
	taken := 0.0 // connections of the subtests that ran
	for _, c := range []struct {
		name    string
		version uint16
		suite   uint16
	}{
		{"TLS 1.3, AES-128-GCM", tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256},
		{"TLS 1.3, AES-256-GCM", tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384},
		{"TLS 1.3, ChaCha20-Poly1305", tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256},
		{"TLS 1.2, AES-128-GCM", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		{"TLS 1.2, ChaCha20-Poly1305", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx, rx := g.kernelTLS()
			conn := g.dialTLS(c.version, c.suite)
			defer conn.Close()
			// The request follows when the server has taken the end of the
			// handshake: with it, it would be read before the kernel takes over.
			g.until("connection in the kernel", func() bool {
				ntx, nrx := g.kernelTLS()
				return ntx == tx+1 && nrx == rx+1
			})
			answers := bufio.NewReader(conn)
			ask := func(r *http.Request) []byte {
				t.Helper()
				if err := r.Write(conn); err != nil {
					t.Fatal(err)
				}
				a, err := http.ReadResponse(answers, r)
				if err != nil {
					t.Fatalf("%v\n%s", err, tail(g.log()))
				}
				defer a.Body.Close()
				body, err := io.ReadAll(a.Body)
				if err != nil || a.StatusCode != 200 {
					t.Fatalf("%s, %v", a.Status, err)
				}
				return body
			}
			taken++
			before := g.sentFiles()
			get, err := http.NewRequest("GET", "http://guest.test/file", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(get); sha256.Sum256(got) != sum {
				t.Errorf("the file of %d bytes came as %d others", len(file), len(got))
			}
			if n := g.sentFiles() - before; n != float64(len(file)) {
				t.Errorf("%v bytes were sent by sendfile, want %d", n, len(file))
			}
			post, err := http.NewRequest("POST", "http://guest.test/upload", bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(post); string(got) != hex.EncodeToString(sum[:]) {
				t.Errorf("the upload arrived as %q, want %x", got, sum)
			}
			stat := counters(g.get("/kernel"))
			t.Logf("/proc/net/tls_stat: %v", stat)
			if stat["TlsDecryptError"] != 0 {
				t.Errorf("%v records could not be opened", stat["TlsDecryptError"])
			}
		})
	}
	all := counters(g.get("/metrics"))
	for _, direction := range []string{"send", "receive"} {
		n := 0.0
		for _, worker := range []string{"0", "1"} {
			n += all[`weir_worker_tls_kernel_connections_total{direction="`+direction+`",worker="`+worker+`"}`]
		}
		if n != taken {
			t.Errorf("the metrics count %v connections of the kernel's (%s), want %v", n, direction, taken)
		}
	}
}

// sentFiles returns how many bytes sendfile has sent.
func (g *guest) sentFiles() float64 {
	g.t.Helper()
	m := counters(g.get("/metrics"))
	return m[`weir_worker_sendfile_bytes_total{worker="0"}`] + m[`weir_worker_sendfile_bytes_total{worker="1"}`]
}

// TestSteeringGivesConnectionsToBothWorkers opens connections, keeps them, and
// asks which worker got them. What a processor of the guest receives is spread
// over both by the tuning profile (RPS), since the network card has one queue.
func TestSteeringGivesConnectionsToBothWorkers(t *testing.T) {
	needAll(t)
	system := directly(t)
	for _, mode := range []string{"cpu", "load"} {
		t.Run(mode, func(t *testing.T) {
			conf := "user nobody;\nworker_processes 2;\nworker_steering " + mode + ";\nerror_log stderr notice;\nevents {}\n" +
				"http { server { listen 80; location / { return 200 guest; } location = /metrics { metrics; } } }\n"
			g := boot(t, append(system, media(t, fat.File{Name: "weir/nginx.conf", Data: []byte(conf)})...)...)
			g.serves("guest")
			g.says(`worker steering is "` + mode + `" by a program in the kernel`)
			const clients = 64
			for range clients {
				c, err := net.DialTimeout("tcp", g.addr, time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: guest.test\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			text := g.get("/metrics")
			if !strings.Contains(text, `weir_steering_info{mode="`+mode+`",rung="ebpf"} 1`) {
				t.Errorf("the metrics do not name the program:\n%s", text)
			}
			m := counters(text)
			open := [2]float64{m[`weir_worker_connections{worker="0"}`], m[`weir_worker_connections{worker="1"}`]}
			t.Logf("connections of the workers: %v", open)
			if open[0]+open[1] < clients || open[0] == 0 || open[1] == 0 {
				t.Errorf("the workers have %v connections, want %d and some for each", open, clients)
			}
		})
	}
}

// TestTuningIsTakenBackInAGuest applies, checks and takes back every profile on
// a kernel of its own. It compares all that can be set before and after; process
// 1 is that of the appliance, with this test beside it.
func TestTuningIsTakenBackInAGuest(t *testing.T) {
	needAll(t)
	program := filepath.Join(t.TempDir(), "inguest")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "weir/images/build/inguest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	args := directly(t)
	initrd := args[slices.Index(args, "-initrd")+1]
	add(t, initrd, "inguest", program)
	args[len(args)-1] += " rdinit=/inguest"
	g := boot(t, append(args, media(t, fat.File{Name: "machine.yaml", Data: []byte("profile: off\n")})...)...)
	g.says("inguest: done")
	log := g.log()
	for _, name := range profile.Names() {
		line := regexp.MustCompile(`inguest: ` + name + `: apply (\d+), (\d+) of (\d+) values changed; check (\d+), evidence (\w+); revert (\d+), (\d+) values differ`).FindStringSubmatch(log)
		if line == nil {
			t.Errorf("%s was not tried", name)
			continue
		}
		t.Log(line[0])
		if changed, _ := strconv.Atoi(line[2]); changed < 15 {
			t.Errorf("%s changed %d values only", name, changed)
		}
		if line[1] != "0" || line[4] != "0" || line[5] != "true" || line[6] != "0" || line[7] != "0" {
			t.Errorf("%s left traces or failed", name)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

// add appends an archive with one more program to a first file system: the
// kernel unpacks archives that follow each other.
func add(t *testing.T, initrd, name, program string) {
	t.Helper()
	f, err := os.OpenFile(initrd, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, -size&3)); err != nil { // each begins at a multiple of four
		t.Fatal(err)
	}
	w := newc.NewWriter(f)
	w.File(name, 0o755, data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

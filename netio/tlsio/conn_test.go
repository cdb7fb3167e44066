package tlsio

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
)

// versions are the protocol versions and suites that every data test runs on.
var versions = []struct {
	name    string
	version uint16
	suite   uint16 // TLS 1.2 only: crypto/tls has its own order in 1.3
}{
	{"TLS 1.3", tls.VersionTLS13, 0},
	{"TLS 1.2 with AES-128-GCM", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	{"TLS 1.2 with AES-256-GCM", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	{"TLS 1.2 with ChaCha20-Poly1305", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestConnectionsHaveASizeOfTheirOwn(t *testing.T) {
	if n := reflect.TypeFor[Conn]().Size(); n <= 448 || n > 480 {
		t.Errorf("a Conn has %d bytes: is there garbage of that class in handshakes? See its comment", n)
	}
}

func TestServerTalksToCryptoTLS(t *testing.T) {
	for _, v := range versions {
		for i, size := range []int{1, 100, 5000, 100_000, 1 << 20} {
			t.Run(fmt.Sprintf("%s, %d bytes", v.name, size), func(t *testing.T) {
				w := newWorld(t, Options{VectorAES: VectorAES() && i > 0})
				s := &side{conf: serverConfig(), echo: true}
				a := w.listen(s)
				p := pattern(size)
				conf := &tls.Config{MinVersion: v.version, MaxVersion: v.version}
				if v.suite != 0 {
					conf.CipherSuites = []uint16{v.suite}
				}
				err := w.goClient(a, conf, func(c *tls.Conn) error {
					got, err := exchange(c, p)
					if err == nil && !bytes.Equal(got, p) {
						err = errors.New("the echo differs")
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				w.until("the end", func() bool { return s.end != nil })
				if s.end != io.EOF || s.t.Truncated() {
					t.Errorf("ended by %v, truncated %v", s.end, s.t.Truncated())
				}
				if s.t.Info.Version != v.version || v.suite != 0 && s.t.Info.Suite != v.suite {
					t.Errorf("agreed on %x, %x", s.t.Info.Version, s.t.Info.Suite)
				}
				if s.c.Sent != int64(size) {
					t.Errorf("Sent is %d, want %d", s.c.Sent, size)
				}
				s.c.Close()
				if st := w.e.Stats(); st.Accepted != 1 || st.Active != 0 || st.Handshakes != 0 {
					t.Errorf("stats %+v", st)
				}
				if st := w.d.Pool.Stats(); st.InUse != 0 {
					t.Errorf("%d bytes of buffers are still out", st.InUse)
				}
			})
		}
	}
}

func TestClientTalksToServer(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			s := &side{conf: serverConfig(), echo: true}
			a := w.listen(s)
			conf := clientConfig()
			conf.TLS.MinVersion, conf.TLS.MaxVersion = v.version, v.version
			if v.suite != 0 {
				conf.TLS.CipherSuites = []uint16{v.suite}
			}
			c := &side{conf: conf}
			w.dial(c, a, "")
			w.until("the handshake", func() bool { return c.handshaken > 0 })
			if c.err != nil {
				t.Fatal(c.err)
			}
			p := pattern(300_000)
			c.send(string(p))
			w.until("the echo", func() bool { return len(c.got) == len(p) })
			if !bytes.Equal(c.got, p) {
				t.Error("the echo differs")
			}
			c.c.Close()
			w.until("the end", func() bool { return s.end != nil })
			if s.end != io.EOF || s.t.Truncated() {
				t.Errorf("ended by %v, truncated %v", s.end, s.t.Truncated())
			}
			s.c.Close()
			if st := w.d.Pool.Stats(); st.InUse != 0 {
				t.Errorf("%d bytes of buffers are still out", st.InUse)
			}
		})
	}
}

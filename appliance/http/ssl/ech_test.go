package ssl_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"weir/appliance/certs/certstest"
	"weir/appliance/http/httptest"
)

// echFile writes a key and its configuration (RFC 9849 section 4) for
// ssl_ech_file and returns the list for clients.
func echFile(t *testing.T, path string, id uint8, public string) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) {
		list.AddUint16(0xfe0d)
		list.AddUint16LengthPrefixed(func(c *cryptobyte.Builder) {
			c.AddUint8(id)
			c.AddUint16(0x0020) // DHKEM(X25519, HKDF-SHA256)
			c.AddUint16LengthPrefixed(func(k *cryptobyte.Builder) { k.AddBytes(key.PublicKey().Bytes()) })
			c.AddUint16LengthPrefixed(func(s *cryptobyte.Builder) {
				s.AddUint16(1) // HKDF-SHA256
				s.AddUint16(1) // AES-128-GCM
			})
			c.AddUint8(32)
			c.AddUint8LengthPrefixed(func(n *cryptobyte.Builder) { n.AddBytes([]byte(public)) })
			c.AddUint16(0) // no extensions
		})
	})
	list := b.BytesOrPanic()
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "ECHCONFIG", Bytes: list})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}

// ask makes a request for a name, hidden if list is not nil.
func ask(t *testing.T, s *httptest.Server, name string, list []byte, trusted *x509.CertPool) (body string, err error) {
	t.Helper()
	nc, err := net.FileConn(s.Dial(t).File)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	f := &tls.Config{ServerName: name, InsecureSkipVerify: true, RootCAs: trusted, EncryptedClientHelloConfigList: list}
	if list == nil {
		f.MaxVersion = tls.VersionTLS12 // or something like ECH would be sent
	}
	c := tls.Client(nc, f)
	if err := c.Handshake(); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\nHost: "+name+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(c)
	_, body, _ = strings.Cut(string(all), "\r\n\r\n")
	return body, nil
}

func TestHellosAreDecrypted(t *testing.T) {
	dir := t.TempDir()
	certstest.Issue(t, nil, "server").Write(t, dir, "server")
	current := echFile(t, filepath.Join(dir, "current.pem"), 1, "public.test")
	former := echFile(t, filepath.Join(dir, "former.pem"), 2, "public.test")
	foreign := echFile(t, filepath.Join(dir, "foreign.pem"), 3, "public.test")
	s := httptest.Start(t, modules, strings.ReplaceAll(`ssl_certificate DIR/server.crt; ssl_certificate_key DIR/server.key;
		ssl_ech_file DIR/current.pem; ssl_ech_file DIR/former.pem;
		server { listen %LISTEN% ssl; server_name public.test; location / { return 200 "public $ssl_ech_status"; } }
		server { listen %LISTEN% ssl; server_name secret.test; location / { return 200 "$ssl_server_name $ssl_ech_status [$ssl_ech_outer_server_name]"; } }`, "DIR", dir))
	for _, c := range []struct {
		name, host string
		list       []byte
		want       string
	}{
		{"the key of today", "secret.test", current, "secret.test SUCCESS [public.test]"},
		{"the key of yesterday", "secret.test", former, "secret.test SUCCESS [public.test]"},
		{"no ECH", "secret.test", nil, "secret.test NOT_TRIED []"},
	} {
		if got, err := ask(t, s, c.host, c.list, nil); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	_, err := ask(t, s, "secret.test", foreign, x509.NewCertPool())
	var told *tls.ECHRejectionError
	if err == nil {
		t.Fatal("a client with a key of somebody else is not told")
	}
	if errors.As(err, &told) && string(told.RetryConfigList) != string(current) {
		t.Error("the client is told of other keys than the first file's")
	}
}

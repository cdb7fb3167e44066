package certs

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"testing"
)

// echText is PEM text with a key and a list of configurations.
func echText(t testing.TB, key any, list []byte) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "ECHCONFIG", Bytes: list})...)
}

// echEntry is the beginning of a configuration.
func echEntry(version, kem uint16, public []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, version)
	b = binary.BigEndian.AppendUint16(b, uint16(5+len(public)))
	b = binary.BigEndian.AppendUint16(append(b, 1), kem)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(public))), public...)
}

func echList(entries ...[]byte) []byte {
	b := bytes.Join(entries, nil)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func TestKeysOfECHAreReadWithTheirConfigurations(t *testing.T) {
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := p.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	ofX, ofP := echEntry(0xfe0d, 0x20, x.PublicKey().Bytes()), echEntry(0xfe0d, 0x10, pub.Bytes())
	draft, unknown := echEntry(0xfe0a, 0x20, nil), echEntry(0xfe0d, 0x7777, x.PublicKey().Bytes())
	two := echList(ofX, ofX)
	for _, c := range []struct {
		name string
		text []byte
		n    int // 0: an error
	}{
		{"two configurations for X25519", echText(t, x, two), 2},
		{"for P-256", echText(t, p, echList(ofP)), 1},
		{"one of another version", echText(t, x, echList(draft, ofX)), 1},
		{"only one of another version", echText(t, x, echList(draft)), 0},
		{"an unknown KEM", echText(t, x, echList(unknown)), 0},
		{"another key", echText(t, p, two), 0},
		{"a key of the same kind for another", echText(t, x, echList(echEntry(0xfe0d, 0x20, make([]byte, 32)))), 0},
		{"a key for signing only", echText(t, ed, two), 0},
		{"a list that is cut off", echText(t, x, two[:len(two)-1]), 0},
		{"a configuration that is cut off", echText(t, x, []byte{0, 5, 0xfe, 0x0d, 0, 2, 'a'}), 0},
		{"an empty list", echText(t, x, []byte{0, 0}), 0},
		{"nothing", nil, 0},
	} {
		got, err := ParseECH(c.text, true)
		if len(got) != c.n || (err == nil) != (c.n > 0) {
			t.Errorf("%s: got %d, %v, want %d", c.name, len(got), err, c.n)
		}
		for _, k := range got {
			if !k.SendAsRetry || len(k.PrivateKey) != 32 || len(k.Config) < 5 {
				t.Errorf("%s: got %+v", c.name, k)
			}
		}
	}
}

func FuzzParseECH(f *testing.F) {
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(echText(f, x, echList(echEntry(0xfe0d, 0x20, x.PublicKey().Bytes()))))
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := ParseECH(text, false); err == nil && len(keys) == 0 {
			t.Error("neither keys nor an error")
		}
	})
}

package e2e

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// makeECH makes the key of Encrypted Client Hello of a section, for X25519, and
// the list of configurations with it (RFC 9849 section 4), and writes NAME.ech.
func (p *place) makeECH(s section) error {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	const version, kem, kdf, aead, maxName = 0xfe0d, 0x0020, 1, 1, 32 // HKDF-SHA256, AES-128-GCM
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) {
		list.AddUint16(version)
		list.AddUint16LengthPrefixed(func(c *cryptobyte.Builder) {
			c.AddUint8(1) // its number
			c.AddUint16(kem)
			c.AddUint16LengthPrefixed(func(k *cryptobyte.Builder) { k.AddBytes(key.PublicKey().Bytes()) })
			c.AddUint16LengthPrefixed(func(s *cryptobyte.Builder) { s.AddUint16(kdf); s.AddUint16(aead) })
			c.AddUint8(maxName)
			c.AddUint8LengthPrefixed(func(n *cryptobyte.Builder) { n.AddBytes([]byte(strings.TrimSpace(s.text))) })
			c.AddUint16(0) // extensions
		})
	})
	configs, err := b.Bytes()
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "ECHCONFIG", Bytes: configs})...)
	return p.write(section{name: s.name + ".ech", text: string(text)})
}

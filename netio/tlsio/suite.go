package tlsio

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	_ "crypto/sha256" // the hashes that suites name
	_ "crypto/sha512"
	"crypto/tls"

	"golang.org/x/crypto/chacha20poly1305"

	"weir/netio/tlsio/gcm512"
)

// bulk is what encrypts the records of a suite.
type bulk uint8

const (
	aes128gcm bulk = iota
	aes256gcm
	chacha20
)

// keyLen is the size of a bulk cipher's key in bytes.
func (b bulk) keyLen() int {
	if b == aes128gcm {
		return 16
	}
	return 32
}

// tagLen is what every AEAD here adds to a record.
const tagLen = 16

// suite is one cipher suite that the record layer speaks.
type suite struct {
	id       uint16
	bulk     bulk
	hash     crypto.Hash
	explicit int // TLS 1.2: bytes of the nonce that stand in the record
}

// suites are all AEAD suites of crypto/tls. The others (CBC, RC4) are never
// offered.
var suites = []suite{
	{tls.TLS_AES_128_GCM_SHA256, aes128gcm, crypto.SHA256, 0},
	{tls.TLS_AES_256_GCM_SHA384, aes256gcm, crypto.SHA384, 0},
	{tls.TLS_CHACHA20_POLY1305_SHA256, chacha20, crypto.SHA256, 0},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, aes128gcm, crypto.SHA256, 8},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, aes256gcm, crypto.SHA384, 8},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, chacha20, crypto.SHA256, 0},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, aes128gcm, crypto.SHA256, 8},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, aes256gcm, crypto.SHA384, 8},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, chacha20, crypto.SHA256, 0},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, aes128gcm, crypto.SHA256, 8},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, aes256gcm, crypto.SHA384, 8},
}

// suiteOf finds a suite; nil when the record layer does not speak it.
func suiteOf(id uint16) *suite {
	for i := range suites {
		if suites[i].id == id {
			return &suites[i]
		}
	}
	return nil
}

// Supported reports whether the record layer speaks a cipher suite of TLS 1.2
// or 1.3. Others in a configuration's list are not offered.
func Supported(id uint16) bool { return suiteOf(id) != nil }

// defaultSuites12 are the TLS 1.2 suites offered when a configuration names
// none: all with an ephemeral key exchange.
func defaultSuites12() []uint16 {
	var ids []uint16
	for _, s := range tls.CipherSuites() {
		if s.SupportedVersions[0] != tls.VersionTLS13 && Supported(s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// newAEAD makes the cipher of one direction.
func (e *Engine) newAEAD(b bulk, key []byte) (cipher.AEAD, error) {
	if b == chacha20 {
		return chacha20poly1305.New(key)
	}
	if e.o.VectorAES {
		return gcm512.New(key, &e.vector)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

package cpu

import (
	"crypto/tls"
	"strings"
)

// AEAD is an implementation of the record layer's encryption.
type AEAD string

// Implementations.
const (
	AESVector   AEAD = "gcm512, in hardware, four blocks at a time"
	AESHardware AEAD = "crypto/aes, in hardware"
	AESSoftware AEAD = "crypto/aes, in software"
)

// Choice is what TLS uses on a processor, where the configuration does not
// say otherwise.
type Choice struct {
	AEAD       AEAD          // of AES-GCM records
	KTLSCipher uint16        // suite to prefer where the kernel takes records over
	Suites12   []uint16      // TLS 1.2 suites to offer, all with forward secrecy
	Curves     []tls.CurveID // key exchanges to offer
	MLKEM      bool          // X25519MLKEM768 is among them
}

// The suites of TLS 1.2 by cipher, for both kinds of certificate.
var (
	aes128 = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	aes256 = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
	chacha = []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
)

// Choose decides. Without AES in hardware only AES-128 stays, behind ChaCha20,
// for clients that have nothing else. P-521 is never offered: it costs thirty
// times as much as P-256, which a client could ask for again and again.
func (f Features) Choose() Choice {
	c := Choice{Curves: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}}
	if f.HardwareAES() {
		c.AEAD = AESHardware
		if f.Arch == "amd64" && f.VAES && f.VPCLMULQDQ && f.AVX512 {
			c.AEAD = AESVector
		}
		c.KTLSCipher = tls.TLS_AES_128_GCM_SHA256
		c.Suites12 = join(aes128, aes256, chacha)
	} else {
		c.AEAD = AESSoftware
		c.KTLSCipher = tls.TLS_CHACHA20_POLY1305_SHA256
		c.Suites12 = join(chacha, aes128)
	}
	if f.fast() {
		c.MLKEM = true
		c.Curves = append([]tls.CurveID{tls.X25519MLKEM768}, c.Curves...)
	}
	return c
}

func join(lists ...[]uint16) (all []uint16) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// String says in one line what is used.
func (c Choice) String() string {
	var suites, curves []string
	for _, id := range c.Suites12 {
		suites = append(suites, strings.TrimPrefix(tls.CipherSuiteName(id), "TLS_"))
	}
	for _, id := range c.Curves {
		curves = append(curves, id.String())
	}
	return "AES-GCM by " + string(c.AEAD) + "; kTLS prefers " + tls.CipherSuiteName(c.KTLSCipher) +
		"; TLS 1.2 " + strings.Join(suites, ":") + "; key exchange " + strings.Join(curves, ":")
}

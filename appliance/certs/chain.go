package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
)

// Why PEM text has no certificate or key. OpenSSL calls the absence of any PEM
// block "no start line"; administrators search for these words.
var (
	errNoStart   = errors.New("no start line")
	errNoPrivate = errors.New("no private key found")
)

var errNoCert = errors.New("no certificate")

// ParseChainDER reads certificates in DER, one behind the other, the server's
// own first. There is at least one.
func ParseChainDER(der []byte) ([]*x509.Certificate, error) {
	chain, err := x509.ParseCertificates(der)
	if err == nil && len(chain) == 0 {
		err = errNoCert
	}
	return chain, err
}

// ParseChain reads the certificates of PEM text, the server's own first. Other
// blocks (keys, parameters) between them are skipped, as OpenSSL skips them.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		var b *pem.Block
		b, text = pem.Decode(text)
		if b == nil {
			break
		}
		der := b.Bytes
		switch b.Type {
		case "CERTIFICATE", "X509 CERTIFICATE":
		case "TRUSTED CERTIFICATE": // followed by OpenSSL's notes on what it is trusted for
			var first asn1.RawValue
			if _, err := asn1.Unmarshal(der, &first); err != nil {
				return nil, err
			}
			der = first.FullBytes
		default:
			continue
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	if chain == nil {
		return nil, errNoStart
	}
	return chain, nil
}

// Errors of NewPair and Pairs.
var (
	// ErrMismatch says that a key is not the certificate's.
	ErrMismatch = errors.New("key values mismatch")
	// ErrKeyType says that crypto/tls cannot use keys of the type.
	ErrKeyType = errors.New("unsupported type of key")
)

// NewPair joins a chain and its private key.
func NewPair(chain []*x509.Certificate, key crypto.Signer) (*tls.Certificate, error) {
	pub, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, ErrKeyType
	}
	if !pub.Equal(key.Public()) {
		return nil, ErrMismatch
	}
	c := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, x := range chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c, nil
}

// Order puts certificates into the order of preference: one of each type of
// key, the last that was given, and RSA behind the others, which cost a
// handshake less and which every client that offers them can use.
func Order(list []*tls.Certificate) []*tls.Certificate {
	var out, rsa []*tls.Certificate
	for i, c := range list {
		later := false
		for _, o := range list[i+1:] {
			later = later || o.Leaf.PublicKeyAlgorithm == c.Leaf.PublicKeyAlgorithm
		}
		switch {
		case later:
		case c.Leaf.PublicKeyAlgorithm == x509.RSA:
			rsa = append(rsa, c)
		default:
			out = append(out, c)
		}
	}
	return append(out, rsa...)
}

// selfIssued reports whether c names itself as its issuer.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

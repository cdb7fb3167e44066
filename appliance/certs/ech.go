package certs

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// Errors of ParseECH.
var (
	errECHConfig = errors.New("malformed ECHCONFIG")
	errECHNone   = errors.New("a PRIVATE KEY and an ECHCONFIG are needed")
)

// ParseECH reads the keys of Encrypted Client Hello out of PEM text: a private
// key and the list of configurations that clients find in the DNS. retry has
// clients with others told of these.
func ParseECH(text []byte, retry bool) ([]tls.EncryptedClientHelloKey, error) {
	var key *ecdh.PrivateKey
	var list cryptobyte.String
	for {
		var b *pem.Block
		b, text = pem.Decode(text)
		if b == nil {
			break
		}
		switch b.Type {
		case "PRIVATE KEY":
			k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
			if err != nil {
				return nil, err
			}
			if key, err = exchangeKey(k); err != nil {
				return nil, err
			}
		case "ECHCONFIG":
			s := cryptobyte.String(b.Bytes)
			if !s.ReadUint16LengthPrefixed(&list) || !s.Empty() {
				return nil, errECHConfig
			}
		}
	}
	if key == nil || list.Empty() {
		return nil, errECHNone
	}
	var out []tls.EncryptedClientHelloKey
	for !list.Empty() {
		all := list
		var version uint16
		var body cryptobyte.String
		if !list.ReadUint16(&version) || !list.ReadUint16LengthPrefixed(&body) {
			return nil, errECHConfig
		}
		out = append(out, tls.EncryptedClientHelloKey{Config: all[:4+len(body)], PrivateKey: key.Bytes(), SendAsRetry: retry})
	}
	return out, nil
}

// exchangeKey is a key as one of Diffie-Hellman.
func exchangeKey(k any) (*ecdh.PrivateKey, error) {
	switch k := k.(type) {
	case *ecdh.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k.ECDH()
	}
	return nil, ErrKeyType
}

package certs

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hpke"
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
	errECHKey    = errors.New("the PRIVATE KEY does not match the ECHCONFIG")
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
		if version != echVersion {
			continue // clients pass over it, too
		}
		if err := matchECH(key, body); err != nil {
			return nil, err
		}
		out = append(out, tls.EncryptedClientHelloKey{Config: all[:4+len(body)], PrivateKey: key.Bytes(), SendAsRetry: retry})
	}
	if out == nil {
		return nil, errECHNone
	}
	return out, nil
}

// echVersion is the version of configurations that RFC 9849 defines.
const echVersion = 0xfe0d

// matchECH is nil when a configuration, from its identifier on, has the public
// half of a key, in a KEM that crypto/tls has.
func matchECH(key *ecdh.PrivateKey, body cryptobyte.String) error {
	var id uint8
	var kem uint16
	var public cryptobyte.String
	if !body.ReadUint8(&id) || !body.ReadUint16(&kem) || !body.ReadUint16LengthPrefixed(&public) {
		return errECHConfig
	}
	k, err := hpke.NewKEM(kem)
	if err != nil {
		return err
	}
	own, err := k.NewPrivateKey(key.Bytes())
	if err != nil || !bytes.Equal(own.PublicKey().Bytes(), public) {
		return errECHKey
	}
	return nil
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

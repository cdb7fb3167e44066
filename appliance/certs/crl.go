package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

// ParseCRLs reads the revocation lists of PEM text.
func ParseCRLs(text []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	for {
		var b *pem.Block
		b, text = pem.Decode(text)
		if b == nil {
			break
		}
		if b.Type != "X509 CRL" {
			continue
		}
		l, err := x509.ParseRevocationList(b.Bytes)
		if err != nil {
			var old error
			if l, old = parseV1(b.Bytes); old != nil {
				return nil, err
			}
		}
		lists = append(lists, l)
	}
	if lists == nil {
		return nil, errNoStart
	}
	return lists, nil
}

// The structure of a list of version 1, which has no extensions (RFC 5280
// section 5.1). `openssl ca -gencrl` writes it unless told otherwise;
// crypto/x509 does not read it.
type (
	listV1 struct {
		TBS       tbsV1
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	tbsV1 struct {
		Raw        asn1.RawContent
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		ThisUpdate time.Time
		NextUpdate time.Time `asn1:"optional"`
		Revoked    []entryV1 `asn1:"optional"`
	}
	entryV1 struct {
		Serial *big.Int
		Time   time.Time
	}
)

// signatures are the algorithms a list may be signed with.
var signatures = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA, "1.2.840.113549.1.1.12": x509.SHA384WithRSA, "1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2": x509.ECDSAWithSHA256, "1.2.840.10045.4.3.3": x509.ECDSAWithSHA384, "1.2.840.10045.4.3.4": x509.ECDSAWithSHA512,
	"1.3.101.112": x509.PureEd25519,
}

var errCRL = errors.New("malformed CRL")

func parseV1(der []byte) (*x509.RevocationList, error) {
	var l listV1
	rest, err := asn1.Unmarshal(der, &l)
	if err != nil || len(rest) > 0 || !l.Algorithm.Algorithm.Equal(l.TBS.Algorithm.Algorithm) {
		return nil, errCRL
	}
	out := &x509.RevocationList{
		Raw: der, RawTBSRevocationList: l.TBS.Raw, RawIssuer: l.TBS.Issuer.FullBytes,
		SignatureAlgorithm: signatures[l.Algorithm.Algorithm.String()], Signature: l.Signature.RightAlign(),
		ThisUpdate: l.TBS.ThisUpdate, NextUpdate: l.TBS.NextUpdate,
	}
	for _, e := range l.TBS.Revoked {
		out.RevokedCertificateEntries = append(out.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: e.Serial, RevocationTime: e.Time})
	}
	return out, nil
}

package ocsp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // what nearly all responders name issuers by
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// responseData is ResponseData of RFC 6960 section 4.2.1.
type responseData struct {
	Version     int `asn1:"optional,default:0,explicit,tag:0"`
	ResponderID asn1.RawValue
	ProducedAt  time.Time `asn1:"generalized"`
	Responses   []singleResponse
	Extensions  asn1.RawValue `asn1:"optional,explicit,tag:1"`
}

// singleResponse is the beginning of SingleResponse.
type singleResponse struct {
	CertID certID
	Status asn1.RawValue
	This   time.Time     `asn1:"generalized"`
	Next   asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Rest   asn1.RawValue `asn1:"optional,explicit,tag:1"`
}

// certID names a certificate (RFC 6960 section 4.1.1).
type certID struct {
	Hash     pkix.AlgorithmIdentifier
	NameHash []byte
	KeyHash  []byte
	Serial   *big.Int
}

// about reports whether what x/crypto/ocsp has read, the first response with the
// certificate's serial number, is about a certificate of this issuer: others
// have the same numbers (RFC 6960 section 3.2).
func about(tbs []byte, cert, issuer *x509.Certificate) bool {
	var d responseData
	if rest, err := asn1.Unmarshal(tbs, &d); err != nil || len(rest) > 0 {
		return false
	}
	for i := range d.Responses {
		if id := &d.Responses[i].CertID; id.Serial.Cmp(cert.SerialNumber) == 0 {
			return id.by(issuer)
		}
	}
	return false
}

// hashes are those that CertID may use.
var hashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// by reports whether the certificate is named as one of an issuer.
func (id *certID) by(issuer *x509.Certificate) bool {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &key); err != nil {
		return false
	}
	for _, h := range hashes {
		if id.Hash.Algorithm.Equal(h.oid) {
			return bytes.Equal(id.NameHash, sum(h.hash, issuer.RawSubject)) && bytes.Equal(id.KeyHash, sum(h.hash, key.Key.RightAlign()))
		}
	}
	return false
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

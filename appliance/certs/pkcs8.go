package certs

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
)

// The structures of an encrypted key (RFC 5958 section 3, RFC 8018 appendix A).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct {
		KDF        pkix.AlgorithmIdentifier
		Encryption pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// maxIterations bounds the work that a key file can ask for.
const maxIterations = 4_000_000

const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

// prfs are the hashes of PBKDF2 by the identifier of their HMAC.
var prfs = map[string]func() hash.Hash{
	"":                    sha1.New, // the default
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// encryptions are the ciphers of PBES2 with the size of their key.
var encryptions = map[string]struct {
	name string
	size int
}{
	"2.16.840.1.101.3.4.1.2":  {"AES", 16},
	"2.16.840.1.101.3.4.1.22": {"AES", 24},
	"2.16.840.1.101.3.4.1.42": {"AES", 32},
	"1.2.840.113549.3.7":      {"DES-EDE3", 24},
}

// decryptPKCS8 takes off the encryption of a PKCS#8 key: PBES2 with PBKDF2 and
// AES or triple DES in CBC mode, all that OpenSSL has written since 1.1.0.
func decryptPKCS8(der, password []byte) ([]byte, error) {
	var k encryptedKey
	var p pbes2Params
	var f pbkdf2Params
	if _, err := asn1.Unmarshal(der, &k); err != nil {
		return nil, errNoPrivate
	}
	if k.Algorithm.Algorithm.String() != oidPBES2 {
		return nil, errCipher
	}
	if _, err := asn1.Unmarshal(k.Algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, errCipher
	}
	if p.KDF.Algorithm.String() != oidPBKDF2 {
		return nil, errCipher
	}
	if _, err := asn1.Unmarshal(p.KDF.Parameters.FullBytes, &f); err != nil {
		return nil, errCipher
	}
	prf := ""
	if f.PRF.Algorithm != nil {
		prf = f.PRF.Algorithm.String()
	}
	enc, ok := encryptions[p.Encryption.Algorithm.String()]
	var iv []byte
	if _, err := asn1.Unmarshal(p.Encryption.Parameters.FullBytes, &iv); err != nil || !ok ||
		prfs[prf] == nil || f.Iterations < 1 || f.Iterations > maxIterations {
		return nil, errCipher
	}
	key, err := pbkdf2.Key(prfs[prf], string(password), f.Salt, f.Iterations, enc.size)
	if err != nil {
		return nil, errCipher
	}
	return decryptCBC(enc.name, key, iv, k.Data)
}

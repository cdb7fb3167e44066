package certs

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ecdsa"
	"crypto/md5" // of keys in the traditional format
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// Errors of encrypted keys.
var (
	// ErrPassword says that a key is encrypted and no password fits.
	ErrPassword = errors.New("bad decrypt")
	// ErrNoPassword says that a key is encrypted and no password was given.
	ErrNoPassword = errors.New("the key is encrypted and there is no password")
	errCipher     = errors.New("the key is encrypted in a way that is not supported")
)

// maxPassword is the longest password that is tried, as in nginx.
const maxPassword = 512

// Passwords splits the text of a password file: one password per line, tried
// in turn. Empty lines are skipped.
func Passwords(text []byte) [][]byte {
	var list [][]byte
	for line := range strings.SplitSeq(string(text), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line != "" && len(line) <= maxPassword {
			list = append(list, []byte(line))
		}
	}
	return list
}

// ParseKey reads the first private key of PEM text: PKCS#8, PKCS#1 or SEC 1,
// encrypted or not. The passwords are tried in turn.
func ParseKey(text []byte, passwords [][]byte) (key crypto.Signer, encrypted bool, err error) {
	for {
		var b *pem.Block
		b, text = pem.Decode(text)
		if b == nil {
			return nil, false, errNoStart
		}
		if !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			continue
		}
		if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
			key, err = decrypt(b, passwords)
			return key, true, err
		}
		key, err = parseKey(b.Bytes)
		clear(b.Bytes) // the key has copies
		return key, false, err
	}
}

// decrypt tries passwords. A wrong one mostly shows in the padding, else in
// what comes out.
func decrypt(b *pem.Block, passwords [][]byte) (crypto.Signer, error) {
	if len(passwords) == 0 {
		return nil, ErrNoPassword
	}
	for _, pw := range passwords {
		var der []byte
		var err error
		if b.Type == "ENCRYPTED PRIVATE KEY" {
			der, err = decryptPKCS8(b.Bytes, pw)
		} else {
			der, err = decryptLegacy(b, pw)
		}
		if err == nil {
			key, err := parseKey(der)
			clear(der) // the key has copies
			if err == nil {
				return key, nil
			}
		} else if err != ErrPassword {
			return nil, err
		}
	}
	return nil, ErrPassword
}

// ParseKeyDER reads a private key in DER: PKCS#8, PKCS#1 or SEC 1, not
// encrypted.
func ParseKeyDER(der []byte) (crypto.Signer, error) { return parseKey(der) }

// MarshalKey writes a private key in DER as OpenSSL's i2d_PrivateKey does: RSA
// keys in PKCS#1, elliptic curves in SEC 1, others in PKCS#8.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return x509.MarshalPKCS1PrivateKey(k), nil
	case *ecdsa.PrivateKey:
		return x509.MarshalECPrivateKey(k)
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// parseKey reads a key in any of the three formats.
func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
		return nil, ErrKeyType
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	k, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, errNoPrivate
	}
	return k, nil
}

// decryptLegacy takes off the encryption of OpenSSL's traditional format: the
// DEK-Info header names the cipher and its IV, whose first 8 bytes salt the
// key (RFC 1421 section 4.6.1.3, OpenSSL's EVP_BytesToKey with MD5).
func decryptLegacy(b *pem.Block, password []byte) ([]byte, error) {
	name, ivText, _ := strings.Cut(b.Headers["DEK-Info"], ",")
	iv, err := hex.DecodeString(strings.TrimSpace(ivText))
	if err != nil || len(iv) < 8 {
		return nil, errCipher
	}
	size, ok := map[string]int{"AES-128-CBC": 16, "AES-192-CBC": 24, "AES-256-CBC": 32, "DES-EDE3-CBC": 24, "DES-CBC": 8}[name]
	if !ok {
		return nil, errCipher
	}
	key := make([]byte, 0, size+md5.Size)
	var d []byte
	for len(key) < size {
		h := md5.New()
		h.Write(d)
		h.Write(password)
		h.Write(iv[:8])
		d = h.Sum(nil)
		key = append(key, d...)
	}
	return decryptCBC(strings.TrimSuffix(name, "-CBC"), key[:size], iv, b.Bytes)
}

// decryptCBC decrypts and takes off the padding. name is that of the cipher.
func decryptCBC(name string, key, iv, data []byte) ([]byte, error) {
	var blk cipher.Block
	var err error
	switch {
	case strings.HasPrefix(name, "AES"):
		blk, err = aes.NewCipher(key)
	case name == "DES-EDE3":
		blk, err = des.NewTripleDESCipher(key)
	default:
		blk, err = des.NewCipher(key)
	}
	if err != nil || len(iv) != blk.BlockSize() || len(data) == 0 || len(data)%blk.BlockSize() != 0 {
		return nil, errCipher
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(blk, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > blk.BlockSize() {
		return nil, ErrPassword
	}
	for _, c := range out[len(out)-pad:] {
		if int(c) != pad {
			return nil, ErrPassword
		}
	}
	return out[:len(out)-pad], nil
}

package certs

import (
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
)

// curve is a key exchange group under one of its names, in lower case. id is 0
// for groups that OpenSSL has and crypto/tls lacks.
type curve struct {
	name string
	id   tls.CurveID
}

var curves = []curve{
	{"x25519mlkem768", tls.X25519MLKEM768},
	{"secp256r1mlkem768", tls.SecP256r1MLKEM768},
	{"secp384r1mlkem1024", tls.SecP384r1MLKEM1024},
	{"x25519", tls.X25519},
	{"prime256v1", tls.CurveP256}, {"p-256", tls.CurveP256}, {"secp256r1", tls.CurveP256},
	{"secp384r1", tls.CurveP384}, {"p-384", tls.CurveP384},
	{"secp521r1", tls.CurveP521}, {"p-521", tls.CurveP521},
	{"x448", 0}, {"secp256k1", 0}, {"secp224r1", 0}, {"p-224", 0},
	{"brainpoolp256r1", 0}, {"brainpoolp384r1", 0}, {"brainpoolp512r1", 0},
	{"brainpoolp256r1tls13", 0}, {"brainpoolp384r1tls13", 0}, {"brainpoolp512r1tls13", 0},
	{"ffdhe2048", 0}, {"ffdhe3072", 0}, {"ffdhe4096", 0}, {"ffdhe6144", 0}, {"ffdhe8192", 0},
	{"mlkem512", 0}, {"mlkem768", 0}, {"mlkem1024", 0}, {"x448mlkem1024", 0},
}

// ErrCurve says that a list of curves has a word that is none.
var ErrCurve = errors.New("unknown group")

// Curves reads a list of groups as OpenSSL takes it: names separated by colons,
// "?" before one that may be missing. missing are known ones that crypto/tls
// lacks. "auto" and "" leave the choice to crypto/tls: nil.
func Curves(list string) (ids []tls.CurveID, missing []string, err error) {
	if list == "auto" || list == "" {
		return nil, nil, nil
	}
	for _, name := range strings.FieldsFunc(list, func(c rune) bool { return c == ':' || c == '/' || c == ',' }) {
		optional := strings.HasPrefix(name, "?")
		name = strings.TrimLeft(name, "?*")
		known := false
		for _, c := range curves {
			if c.name != strings.ToLower(name) {
				continue
			}
			known = true
			if c.id != 0 {
				ids = append(ids, c.id)
			} else if !optional {
				missing = append(missing, name)
			}
		}
		if !known && !optional {
			return nil, nil, ErrCurve
		}
	}
	if ids == nil && missing == nil {
		return nil, nil, ErrCurve
	}
	return ids, missing, nil
}

// curveNames are OpenSSL's names by number, for $ssl_curve and $ssl_curves.
var curveNames = map[tls.CurveID]string{
	tls.CurveP256: "prime256v1", tls.CurveP384: "secp384r1", tls.CurveP521: "secp521r1", tls.X25519: "X25519",
	tls.X25519MLKEM768: "X25519MLKEM768", tls.SecP256r1MLKEM768: "SecP256r1MLKEM768", tls.SecP384r1MLKEM1024: "SecP384r1MLKEM1024",
	30: "X448", 256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
	22: "secp256k1", 26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
}

// CurveName is OpenSSL's name of a group, "0x1a2b" for one without.
func CurveName(id tls.CurveID) string {
	if n, ok := curveNames[id]; ok {
		return n
	}
	h := strconv.FormatUint(uint64(id), 16)
	return "0x" + strings.Repeat("0", 4-min(4, len(h))) + h
}

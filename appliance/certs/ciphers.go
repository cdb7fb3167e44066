package certs

import (
	"crypto/tls"
	"errors"
	"strings"
)

// tags are what the words of a cipher string select.
type tags uint32

const (
	tagECDHE tags = 1 << iota
	tagDHE
	tagRSAKey // RSA key exchange
	tagRSAAuth
	tagECDSA
	tagDSS
	tagAnon
	tagAES128
	tagAES256
	tagGCM
	tagCCM
	tagCCM8
	tagCBC
	tagChaCha
	tagCamellia
	tagARIA
	tag3DES
	tagRC4
	tagNull
	tagSHA1
	tagSHA256
	tagSHA384
	tagMD5
	tagAEAD
	tagHigh
	tagMedium
	tagTLS12
	tagDefault // in OpenSSL's DEFAULT
)

// suite is one cipher suite that OpenSSL has. id is 0 for those that weir does
// not offer: all without AEAD, and those with finite-field Diffie-Hellman.
type suite struct {
	name string
	id   uint16
	tags tags
}

const gcm128, gcm256 = tagAES128 | tagGCM | tagAEAD | tagTLS12 | tagHigh, tagAES256 | tagGCM | tagAEAD | tagTLS12 | tagHigh

// suites are those of TLS up to 1.2. The suites of TLS 1.3 are not chosen by
// cipher strings.
var suites = []suite{
	{"ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tagECDHE | tagECDSA | gcm256 | tagSHA384 | tagDefault},
	{"ECDHE-RSA-AES256-GCM-SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tagECDHE | tagRSAAuth | gcm256 | tagSHA384 | tagDefault},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tagECDHE | tagECDSA | tagChaCha | tagAEAD | tagTLS12 | tagHigh | tagDefault},
	{"ECDHE-RSA-CHACHA20-POLY1305", tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tagECDHE | tagRSAAuth | tagChaCha | tagAEAD | tagTLS12 | tagHigh | tagDefault},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tagECDHE | tagECDSA | gcm128 | tagSHA256 | tagDefault},
	{"ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tagECDHE | tagRSAAuth | gcm128 | tagSHA256 | tagDefault},
	{"AES256-GCM-SHA384", tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tagRSAKey | tagRSAAuth | gcm256 | tagSHA384 | tagDefault},
	{"AES128-GCM-SHA256", tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tagRSAKey | tagRSAAuth | gcm128 | tagSHA256 | tagDefault},

	{"DHE-RSA-AES256-GCM-SHA384", 0, tagDHE | tagRSAAuth | gcm256 | tagSHA384 | tagDefault},
	{"DHE-RSA-AES128-GCM-SHA256", 0, tagDHE | tagRSAAuth | gcm128 | tagSHA256 | tagDefault},
	{"DHE-DSS-AES256-GCM-SHA384", 0, tagDHE | tagDSS | gcm256 | tagSHA384},
	{"DHE-DSS-AES128-GCM-SHA256", 0, tagDHE | tagDSS | gcm128 | tagSHA256},
	{"DHE-RSA-CHACHA20-POLY1305", 0, tagDHE | tagRSAAuth | tagChaCha | tagAEAD | tagTLS12 | tagHigh | tagDefault},
	{"ADH-AES256-GCM-SHA384", 0, tagDHE | tagAnon | gcm256 | tagSHA384},
	{"ADH-AES128-GCM-SHA256", 0, tagDHE | tagAnon | gcm128 | tagSHA256},
	{"ECDHE-ECDSA-AES256-CCM", 0, tagECDHE | tagECDSA | tagAES256 | tagCCM | tagAEAD | tagTLS12 | tagHigh},
	{"ECDHE-ECDSA-AES128-CCM", 0, tagECDHE | tagECDSA | tagAES128 | tagCCM | tagAEAD | tagTLS12 | tagHigh},
	{"ECDHE-ECDSA-AES256-CCM8", 0, tagECDHE | tagECDSA | tagAES256 | tagCCM8 | tagAEAD | tagTLS12 | tagHigh},
	{"ECDHE-ECDSA-AES128-CCM8", 0, tagECDHE | tagECDSA | tagAES128 | tagCCM8 | tagAEAD | tagTLS12 | tagHigh},
	{"AES256-CCM", 0, tagRSAKey | tagRSAAuth | tagAES256 | tagCCM | tagAEAD | tagTLS12 | tagHigh},
	{"AES128-CCM", 0, tagRSAKey | tagRSAAuth | tagAES128 | tagCCM | tagAEAD | tagTLS12 | tagHigh},
	{"DHE-RSA-AES256-CCM", 0, tagDHE | tagRSAAuth | tagAES256 | tagCCM | tagAEAD | tagTLS12 | tagHigh},
	{"DHE-RSA-AES128-CCM", 0, tagDHE | tagRSAAuth | tagAES128 | tagCCM | tagAEAD | tagTLS12 | tagHigh},

	{"ECDHE-ECDSA-AES256-SHA384", 0, tagECDHE | tagECDSA | tagAES256 | tagCBC | tagTLS12 | tagHigh | tagSHA384 | tagDefault},
	{"ECDHE-RSA-AES256-SHA384", 0, tagECDHE | tagRSAAuth | tagAES256 | tagCBC | tagTLS12 | tagHigh | tagSHA384 | tagDefault},
	{"ECDHE-ECDSA-AES128-SHA256", 0, tagECDHE | tagECDSA | tagAES128 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"ECDHE-RSA-AES128-SHA256", 0, tagECDHE | tagRSAAuth | tagAES128 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"DHE-RSA-AES256-SHA256", 0, tagDHE | tagRSAAuth | tagAES256 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"DHE-RSA-AES128-SHA256", 0, tagDHE | tagRSAAuth | tagAES128 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"AES256-SHA256", 0, tagRSAKey | tagRSAAuth | tagAES256 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"AES128-SHA256", 0, tagRSAKey | tagRSAAuth | tagAES128 | tagCBC | tagTLS12 | tagHigh | tagSHA256 | tagDefault},
	{"ECDHE-ECDSA-AES256-SHA", 0, tagECDHE | tagECDSA | tagAES256 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"ECDHE-RSA-AES256-SHA", 0, tagECDHE | tagRSAAuth | tagAES256 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"ECDHE-ECDSA-AES128-SHA", 0, tagECDHE | tagECDSA | tagAES128 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"ECDHE-RSA-AES128-SHA", 0, tagECDHE | tagRSAAuth | tagAES128 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"DHE-RSA-AES256-SHA", 0, tagDHE | tagRSAAuth | tagAES256 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"DHE-RSA-AES128-SHA", 0, tagDHE | tagRSAAuth | tagAES128 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"DHE-DSS-AES256-SHA", 0, tagDHE | tagDSS | tagAES256 | tagCBC | tagHigh | tagSHA1},
	{"DHE-DSS-AES128-SHA", 0, tagDHE | tagDSS | tagAES128 | tagCBC | tagHigh | tagSHA1},
	{"ADH-AES256-SHA", 0, tagDHE | tagAnon | tagAES256 | tagCBC | tagHigh | tagSHA1},
	{"ADH-AES128-SHA", 0, tagDHE | tagAnon | tagAES128 | tagCBC | tagHigh | tagSHA1},
	{"AECDH-AES256-SHA", 0, tagECDHE | tagAnon | tagAES256 | tagCBC | tagHigh | tagSHA1},
	{"AECDH-AES128-SHA", 0, tagECDHE | tagAnon | tagAES128 | tagCBC | tagHigh | tagSHA1},
	{"AES256-SHA", 0, tagRSAKey | tagRSAAuth | tagAES256 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"AES128-SHA", 0, tagRSAKey | tagRSAAuth | tagAES128 | tagCBC | tagHigh | tagSHA1 | tagDefault},
	{"ECDHE-RSA-CAMELLIA256-SHA384", 0, tagECDHE | tagRSAAuth | tagCamellia | tagCBC | tagTLS12 | tagHigh | tagSHA384},
	{"ECDHE-RSA-CAMELLIA128-SHA256", 0, tagECDHE | tagRSAAuth | tagCamellia | tagCBC | tagTLS12 | tagHigh | tagSHA256},
	{"DHE-RSA-CAMELLIA256-SHA", 0, tagDHE | tagRSAAuth | tagCamellia | tagCBC | tagHigh | tagSHA1},
	{"DHE-RSA-CAMELLIA128-SHA", 0, tagDHE | tagRSAAuth | tagCamellia | tagCBC | tagHigh | tagSHA1},
	{"CAMELLIA256-SHA", 0, tagRSAKey | tagRSAAuth | tagCamellia | tagCBC | tagHigh | tagSHA1},
	{"CAMELLIA128-SHA", 0, tagRSAKey | tagRSAAuth | tagCamellia | tagCBC | tagHigh | tagSHA1},
	{"ECDHE-ARIA256-GCM-SHA384", 0, tagECDHE | tagRSAAuth | tagARIA | tagGCM | tagAEAD | tagTLS12 | tagHigh | tagSHA384},
	{"ECDHE-ARIA128-GCM-SHA256", 0, tagECDHE | tagRSAAuth | tagARIA | tagGCM | tagAEAD | tagTLS12 | tagHigh | tagSHA256},
	{"ECDHE-RSA-DES-CBC3-SHA", 0, tagECDHE | tagRSAAuth | tag3DES | tagCBC | tagMedium | tagSHA1},
	{"EDH-RSA-DES-CBC3-SHA", 0, tagDHE | tagRSAAuth | tag3DES | tagCBC | tagMedium | tagSHA1},
	{"DES-CBC3-SHA", 0, tagRSAKey | tagRSAAuth | tag3DES | tagCBC | tagMedium | tagSHA1},
	{"ECDHE-RSA-RC4-SHA", 0, tagECDHE | tagRSAAuth | tagRC4 | tagMedium | tagSHA1},
	{"RC4-SHA", 0, tagRSAKey | tagRSAAuth | tagRC4 | tagMedium | tagSHA1},
	{"RC4-MD5", 0, tagRSAKey | tagRSAAuth | tagRC4 | tagMedium | tagMD5},
	{"ECDHE-RSA-NULL-SHA", 0, tagECDHE | tagRSAAuth | tagNull | tagSHA1},
	{"NULL-SHA256", 0, tagRSAKey | tagRSAAuth | tagNull | tagTLS12 | tagSHA256},
	{"NULL-SHA", 0, tagRSAKey | tagRSAAuth | tagNull | tagSHA1},
	{"NULL-MD5", 0, tagRSAKey | tagRSAAuth | tagNull | tagMD5},
}

// word is what an alias asks of a suite: every bit of all, at least one of
// some (when there are any), none of not.
type word struct{ all, some, not tags }

// words are OpenSSL's aliases. Families that weir's table has no suite of
// (PSK, SRP, GOST, export) select nothing, as they do in an OpenSSL built
// without them.
var words = map[string]word{
	"ALL":                 {not: tagNull},
	"COMPLEMENTOFALL":     {all: tagNull},
	"DEFAULT":             {all: tagDefault},
	"COMPLEMENTOFDEFAULT": {not: tagDefault | tagNull},
	"HIGH":                {all: tagHigh},
	"MEDIUM":              {all: tagMedium},
	"ECDHE":               {all: tagECDHE, not: tagAnon},
	"EECDH":               {all: tagECDHE, not: tagAnon},
	"kECDHE":              {all: tagECDHE},
	"kEECDH":              {all: tagECDHE},
	"ECDH":                {all: tagECDHE},
	"AECDH":               {all: tagECDHE | tagAnon},
	"DHE":                 {all: tagDHE, not: tagAnon},
	"EDH":                 {all: tagDHE, not: tagAnon},
	"kDHE":                {all: tagDHE},
	"kEDH":                {all: tagDHE},
	"DH":                  {all: tagDHE},
	"ADH":                 {all: tagDHE | tagAnon},
	"kRSA":                {all: tagRSAKey},
	"RSA":                 {all: tagRSAKey},
	"aRSA":                {all: tagRSAAuth},
	"ECDSA":               {all: tagECDSA},
	"aECDSA":              {all: tagECDSA},
	"DSS":                 {all: tagDSS},
	"aDSS":                {all: tagDSS},
	"aNULL":               {all: tagAnon},
	"eNULL":               {all: tagNull},
	"NULL":                {all: tagNull},
	"AES":                 {some: tagAES128 | tagAES256},
	"AES128":              {all: tagAES128},
	"AES256":              {all: tagAES256},
	"AESGCM":              {all: tagGCM, some: tagAES128 | tagAES256},
	"AESCCM":              {some: tagCCM | tagCCM8},
	"AESCCM8":             {all: tagCCM8},
	"CHACHA20":            {all: tagChaCha},
	"CAMELLIA":            {all: tagCamellia},
	"CAMELLIA128":         {all: tagCamellia},
	"CAMELLIA256":         {all: tagCamellia},
	"ARIA":                {all: tagARIA},
	"ARIAGCM":             {all: tagARIA},
	"3DES":                {all: tag3DES},
	"RC4":                 {all: tagRC4},
	"CBC":                 {all: tagCBC},
	"MD5":                 {all: tagMD5},
	"SHA":                 {all: tagSHA1},
	"SHA1":                {all: tagSHA1},
	"SHA256":              {all: tagSHA256, not: tagAEAD},
	"SHA384":              {all: tagSHA384, not: tagAEAD},
	"TLSv1.2":             {all: tagTLS12},
	"TLSv1":               {not: tagTLS12},
	"TLSv1.0":             {not: tagTLS12},
	"SSLv3":               {not: tagTLS12},
}

func (w word) has(s *suite) bool {
	return s.tags&w.all == w.all && (w.some == 0 || s.tags&w.some != 0) && s.tags&w.not == 0
}

// ErrNoCipher says that a cipher string selects nothing at all.
var ErrNoCipher = errors.New("no cipher match")

// Ciphers reads a list of ciphers in OpenSSL's syntax. ids are the suites of
// TLS 1.2 that it selects among those weir offers; missing are suites that it
// names one by one, or that are all it selects, and that weir does not offer.
// The order does not matter: crypto/tls keeps one of its own.
func Ciphers(list string) (ids []uint16, missing []string, err error) {
	on := make([]bool, len(suites))
	killed := make([]bool, len(suites))
	named := make([]bool, len(suites))
	for _, item := range strings.FieldsFunc(list, func(c rune) bool { return c == ':' || c == ',' || c == ' ' || c == ';' }) {
		op := byte(0)
		if strings.IndexByte("!-+@", item[0]) >= 0 {
			op, item = item[0], item[1:]
		}
		if op == '@' || op == '+' { // strength, security level, order
			continue
		}
		for i := range suites {
			hit, exact := matches(item, &suites[i])
			if !hit {
				continue
			}
			on[i] = op == 0 && !killed[i]
			killed[i] = killed[i] || op == '!'
			named[i] = exact && on[i]
		}
	}
	any := false
	for i, s := range suites {
		switch {
		case !on[i]:
		case s.id != 0:
			ids = append(ids, s.id)
		case named[i]:
			missing = append(missing, s.name)
		}
		any = any || on[i]
	}
	if !any {
		return nil, nil, ErrNoCipher
	}
	if ids == nil && missing == nil {
		missing = []string{list}
	}
	return ids, missing, nil
}

// matches reports whether an item, words joined by "+", selects s; exact says
// that it is the suite's own name.
func matches(item string, s *suite) (hit, exact bool) {
	if item == s.name {
		return true, true
	}
	for w := range strings.SplitSeq(item, "+") {
		d, ok := words[w]
		if !ok || !d.has(s) {
			return false, false
		}
	}
	return true, false
}

// CipherName is OpenSSL's name of a suite.
func CipherName(id uint16) string {
	for i := range suites {
		if suites[i].id == id && id != 0 {
			return suites[i].name
		}
	}
	return tls.CipherSuiteName(id)
}

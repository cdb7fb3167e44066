package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// Result is the outcome of a check, with OpenSSL's number and words
// (X509_verify_cert_error_string). The zero Result is success.
type Result struct {
	Code int
	Text string
}

// OK reports success.
func (r Result) OK() bool { return r.Code == 0 }

// Optional reports whether the chain lacks nothing but a trusted root:
// ssl_verify_client optional_no_ca passes such certificates.
func (r Result) Optional() bool {
	switch r.Code {
	case selfSignedLeaf.Code, selfSignedChain.Code, noLocalIssuer.Code, noFirst.Code:
		return true
	}
	return false
}

// Outcomes of a check.
var (
	noCRL           = Result{3, "unable to get certificate CRL"}
	badSignature    = Result{7, "certificate signature failure"}
	notYetValid     = Result{9, "certificate is not yet valid"}
	expired         = Result{10, "certificate has expired"}
	crlExpired      = Result{12, "CRL has expired"}
	selfSignedLeaf  = Result{18, "self-signed certificate"}
	selfSignedChain = Result{19, "self-signed certificate in certificate chain"}
	noLocalIssuer   = Result{20, "unable to get local issuer certificate"}
	noFirst         = Result{21, "unable to verify the first certificate"}
	chainTooLong    = Result{22, "certificate chain too long"}
	revoked         = Result{23, "certificate revoked"}
	invalidCA       = Result{24, "invalid CA certificate"}
	pathLength      = Result{25, "path length constraint exceeded"}
	wrongPurpose    = Result{26, "unsuitable certificate purpose"}
	subtree         = Result{47, "permitted subtree violation"}
	unspecified     = Result{1, "unspecified certificate verification error"}
)

// texts are OpenSSL's words for the codes that scripts may set, besides those of the outcomes above.
var texts = map[int]string{
	1: "unspecified certificate verification error", 2: "unable to get issuer certificate", 3: noCRL.Text,
	4: "unable to decrypt certificate's signature", 5: "unable to decrypt CRL's signature", 6: "unable to decode issuer public key",
	7: badSignature.Text, 8: "CRL signature failure", 9: notYetValid.Text, 10: expired.Text, 11: "CRL is not yet valid", 12: crlExpired.Text,
	13: "format error in certificate's notBefore field", 14: "format error in certificate's notAfter field",
	15: "format error in CRL's lastUpdate field", 16: "format error in CRL's nextUpdate field", 17: "out of memory",
	18: selfSignedLeaf.Text, 19: selfSignedChain.Text, 20: noLocalIssuer.Text, 21: noFirst.Text, 22: chainTooLong.Text, 23: revoked.Text,
	24: invalidCA.Text, 25: pathLength.Text, 26: wrongPurpose.Text, 27: "certificate not trusted", 28: "certificate rejected",
	29: "subject issuer mismatch", 30: "authority and subject key identifier mismatch", 31: "authority and issuer serial number mismatch",
	32: "key usage does not include certificate signing", 33: "unable to get CRL issuer certificate", 34: "unhandled critical extension",
	35: "key usage does not include CRL signing", 36: "unhandled critical CRL extension", 37: "invalid non-CA certificate (has CA markings)",
	38: "proxy path length constraint exceeded", 39: "key usage does not include digital signature",
	40: "proxy certificates not allowed, please set the appropriate flag", 41: "invalid or inconsistent certificate extension",
	42: "invalid or inconsistent certificate policy extension", 43: "no explicit policy", 44: "different CRL scope",
	45: "unsupported extension feature", 46: "RFC 3779 resource not subset of parent's resources", 47: subtree.Text,
	48: "excluded subtree violation", 49: "name constraints minimum and maximum not supported", 50: "application verification failure",
	51: "unsupported name constraint type", 52: "unsupported or invalid name constraint syntax", 53: "unsupported or invalid name syntax",
	54: "CRL path validation error", 62: "hostname mismatch", 63: "email address mismatch", 64: "IP address mismatch",
	65: "no matching DANE TLSA records", 66: "EE certificate key too weak", 67: "CA certificate key too weak",
	68: "CA signature digest algorithm too weak", 69: "invalid certificate verification context", 70: "issuer certificate lookup error",
	72: "proxy subject name violation", 73: "OCSP verification needed", 74: "OCSP verification failed", 75: "OCSP unknown cert",
}

// ResultOf is the outcome with one of OpenSSL's codes; 0 is success.
func ResultOf(code int) Result {
	if code == 0 {
		return Result{}
	}
	text, ok := texts[code]
	if !ok {
		text = "unknown certificate verification error"
	}
	return Result{code, text}
}

// Verifier checks certificates of peers. It is immutable once in use.
type Verifier struct {
	Depth int // intermediate certificates allowed between the peer's and the root
	// CRLs, if any, must cover every certificate of a chain.
	CRLs []*x509.RevocationList

	trusted []*x509.Certificate
	roots   *x509.CertPool
	inner   []*x509.Certificate // trusted ones that are no roots
}

// Trust adds certificates to those that chains may end in or pass through. As
// in OpenSSL a chain ends in a certificate that is signed with its own key.
func (v *Verifier) Trust(list []*x509.Certificate) {
	if v.roots == nil {
		v.roots = x509.NewCertPool()
	}
	for _, c := range list {
		v.trusted = append(v.trusted, c)
		if selfIssued(c) {
			v.roots.AddCert(c)
		} else {
			v.inner = append(v.inner, c)
		}
	}
}

// Empty reports whether nothing is trusted.
func (v *Verifier) Empty() bool { return len(v.trusted) == 0 }

// Verify checks the chain that a peer sent, its own certificate first, for use
// as a client's or a server's.
func (v *Verifier) Verify(chain []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) Result {
	_, res := v.Path(chain, usage, now)
	return res
}

// Path is Verify that also returns the path from the peer's certificate to a
// root; nil when there is none.
func (v *Verifier) Path(chain []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) ([]*x509.Certificate, Result) {
	opts := x509.VerifyOptions{
		Roots: v.roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{usage},
	}
	if opts.Roots == nil {
		opts.Roots = x509.NewCertPool() // nil would mean those of the system
	}
	for _, c := range v.inner {
		opts.Intermediates.AddCert(c)
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	found, err := chain[0].Verify(opts)
	if err != nil {
		return nil, v.explain(chain, err, now)
	}
	res := chainTooLong
	for _, path := range found {
		if len(path)-2 > v.Depth {
			continue
		}
		if res = v.revocation(path, now); res.OK() {
			return path, res
		}
	}
	return nil, res
}

// explain gives crypto/x509's error OpenSSL's number.
func (v *Verifier) explain(chain []*x509.Certificate, err error, now time.Time) Result {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired:
			if invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
				return notYetValid
			}
			return expired
		case x509.NotAuthorizedToSign:
			return invalidCA
		case x509.TooManyIntermediates:
			return pathLength
		case x509.IncompatibleUsage:
			return wrongPurpose
		case x509.CANotAuthorizedForThisName, x509.UnconstrainedName:
			return subtree
		}
		return unspecified
	}
	if !errors.As(err, new(x509.UnknownAuthorityError)) {
		return unspecified
	}
	return v.missing(chain)
}

// missing says where a chain that reaches no root breaks off.
func (v *Verifier) missing(chain []*x509.Certificate) Result {
	at, n := chain[0], 1
	for ; n <= len(chain)+len(v.trusted); n++ {
		if selfIssued(at) {
			break
		}
		issuer := issuerOf(at, v.trusted, chain[1:])
		if issuer == nil {
			break
		}
		if at.CheckSignatureFrom(issuer) != nil {
			if issuer.CheckSignature(at.SignatureAlgorithm, at.RawTBSCertificate, at.Signature) == nil {
				return invalidCA
			}
			return badSignature
		}
		at = issuer
	}
	switch {
	case selfIssued(at) && n == 1:
		return selfSignedLeaf
	case selfIssued(at):
		return selfSignedChain
	case n == 1:
		return noFirst
	}
	return noLocalIssuer
}

// issuerOf finds a certificate that could have issued c, by name and key.
func issuerOf(c *x509.Certificate, lists ...[]*x509.Certificate) *x509.Certificate {
	for _, list := range lists {
		for _, o := range list {
			if bytes.Equal(o.RawSubject, c.RawIssuer) &&
				(len(c.AuthorityKeyId) == 0 || len(o.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, o.SubjectKeyId)) {
				return o
			}
		}
	}
	return nil
}

// revocation checks every certificate of a verified path, the root included,
// against the lists (OpenSSL's CRL_CHECK_ALL). What it says is wrong is the
// last thing found, nearest to the root, as it comes out of OpenSSL in nginx.
func (v *Verifier) revocation(path []*x509.Certificate, now time.Time) Result {
	if len(v.CRLs) == 0 {
		return Result{}
	}
	var out Result
	for i, c := range path {
		if res := v.revokedBy(c, path[min(i+1, len(path)-1)], now); !res.OK() {
			out = res
		}
	}
	return out
}

// revokedBy checks one certificate against the lists of its issuer.
func (v *Verifier) revokedBy(c, issuer *x509.Certificate, now time.Time) Result {
	res := noCRL
	for _, l := range v.CRLs {
		if !bytes.Equal(l.RawIssuer, issuer.RawSubject) || l.CheckSignatureFrom(issuer) != nil {
			continue
		}
		if !l.NextUpdate.IsZero() && now.After(l.NextUpdate) {
			res = crlExpired
			continue
		}
		for j := range l.RevokedCertificateEntries {
			if l.RevokedCertificateEntries[j].SerialNumber.Cmp(c.SerialNumber) == 0 {
				return revoked
			}
		}
		return Result{}
	}
	return res
}

// MatchesHost reports whether a certificate is for a host name: one of its
// alternative names, or its common name when it has none, as OpenSSL's
// X509_check_host does.
func MatchesHost(c *x509.Certificate, host string) bool {
	host = strings.Trim(host, "[]")
	if c.VerifyHostname(host) == nil {
		return true
	}
	if len(c.DNSNames) > 0 || host == "" {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return hostMatches(strings.ToLower(c.Subject.CommonName), strings.ToLower(strings.TrimSuffix(host, ".")))
}

// hostMatches compares a host with a name whose first label may be "*".
func hostMatches(pattern, host string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		_, tail, ok := strings.Cut(host, ".")
		return ok && tail == rest && strings.Contains(rest, ".")
	}
	return pattern == host && pattern != ""
}

package ocsp

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"weir/appliance/certs/ocsp"
	"weir/lua/api"
	"weir/lua/tls"
	"weir/lua/vm"
)

// Family is the module ngx.ocsp.
var Family = api.Family{
	Name: "ngx.ocsp",
	Doc:  "OCSP: whether a certificate has been revoked, as its issuer says.",
	Tables: []api.Table{{Path: "ngx.ocsp", Module: true, Funcs: []api.Func{
		{Name: "get_ocsp_responder_from_der_chain", In: api.Any, Args: "(chain, max?)", Doc: "Returns the URL to ask about the first certificate of a chain in DER; nil for none. One longer than max (4096) is cut off, with the second result truncated.", Run: responder},
		{Name: "create_ocsp_request", In: api.Any, Args: "(chain, max?)", Doc: "Returns the question about the first certificate of a chain, of at most max bytes (4096).", Run: request},
		{Name: "set_ocsp_status_resp", In: api.Any, Args: "(response)", Doc: "Staples a response, in DER, to the certificates of the handshake; the second result is no status req where the client has not asked for one.", Run: staple},
		{Name: "validate_ocsp_response", In: api.Any, Args: "(response, chain, max_error?)", Doc: "Checks a response about the first certificate of a chain: true and the time of the next one, nil where it says none, when the certificate is good. It must be signed by the issuer or by one whom the issuer lets sign.", Run: validate},
	}}},
}

// defaultMax is the size of lua-resty-core's buffer for strings.
const defaultMax = 4096

// What is wrong with a chain, in OpenResty's words.
var (
	errCert     = errors.New("d2i_X509_bio() failed")
	errNoIssuer = errors.New("no issuer certificate in chain")
)

// next takes the first certificate off a chain. It is nil with an error.
func next(der []byte) (c *x509.Certificate, rest []byte, err error) {
	var raw asn1.RawValue
	if rest, err = asn1.Unmarshal(der, &raw); err == nil {
		c, err = x509.ParseCertificate(raw.FullBytes)
	}
	if err != nil {
		return nil, nil, errCert
	}
	return c, rest, nil
}

// pair is the first certificate of a chain and its issuer. The certificate may
// be there with an error about the issuer.
func pair(der string) (cert, issuer *x509.Certificate, err error) {
	cert, rest, err := next([]byte(der))
	switch {
	case err != nil:
		return nil, nil, err
	case len(rest) == 0:
		return cert, nil, errNoIssuer
	}
	issuer, _, err = next(rest)
	return cert, issuer, err
}

func responder(l *vm.State) int {
	most := max(0, l.OptInt(2, defaultMax))
	cert, issuer, err := pair(l.CheckString(1))
	switch {
	case cert == nil:
		return api.Fail(l, err.Error())
	case len(cert.OCSPServer) == 0:
		return l.Ret(vm.Nil)
	case err != nil:
		return api.Fail(l, err.Error())
	case !issued(issuer, cert):
		return api.Fail(l, "issuer certificate not next to leaf")
	}
	url := cert.OCSPServer[0]
	if len(url) > most {
		l.PushString(url[:most])
		l.PushString("truncated")
		return 2
	}
	l.PushString(url)
	return 1
}

// issued reports whether issuer may have issued cert, by name and key.
func issued(issuer, cert *x509.Certificate) bool {
	return bytes.Equal(issuer.RawSubject, cert.RawIssuer) &&
		(len(cert.AuthorityKeyId) == 0 || len(issuer.SubjectKeyId) == 0 || bytes.Equal(cert.AuthorityKeyId, issuer.SubjectKeyId))
}

func request(l *vm.State) int {
	most := max(0, l.OptInt(2, defaultMax))
	cert, issuer, err := pair(l.CheckString(1))
	if err != nil {
		return api.Fail(l, err.Error())
	}
	der, err := ocsp.Request(cert, issuer)
	switch {
	case err != nil:
		return api.Fail(l, "OCSP_cert_to_id() failed")
	case len(der) > most:
		return api.Fail(l, fmt.Sprintf("output buffer too small: %d > %d", len(der), most))
	}
	l.PushBytes(der)
	return 1
}

func validate(l *vm.State) int {
	raw, chain := []byte(l.CheckString(1)), l.CheckString(2)
	most := max(0, l.OptInt(3, defaultMax))
	a, err := check(raw, chain)
	if err != nil {
		text := err.Error()
		return api.Fail(l, text[:min(most, len(text))])
	}
	l.Push(vm.True)
	if a.Next.IsZero() {
		l.Push(vm.Nil)
	} else {
		l.Push(vm.Number(float64(a.Next.Unix())))
	}
	return 2
}

// statusRequest is the type of the extension by which clients ask for a status (RFC 6066 section 8).
const statusRequest = 5

func staple(l *vm.State) int {
	raw := l.CheckString(1)
	c := tls.ConnectionOf(l)
	switch {
	case c == nil:
		return api.Fail(l, "bad request")
	case c.Hello() == nil:
		return api.Fail(l, "bad ssl conn")
	}
	l.Push(vm.True)
	if _, asked := c.Hello().Extension(statusRequest); !asked {
		l.PushString("no status req")
		return 2
	}
	if err := c.SetStaple([]byte(raw)); err != nil {
		l.Pop(1)
		return api.Fail(l, err.Error())
	}
	return 1
}

// statuses are OpenSSL's words for what is not good.
var statuses = map[ocsp.Status]string{ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}

// check reads a response. What is wrong with it comes before what is wrong with the chain, and the status before the
// time.
func check(raw []byte, chain string) (*ocsp.Answer, error) {
	if err := ocsp.Readable(raw); err != nil {
		return nil, err
	}
	cert, issuer, err := pair(chain)
	if err != nil {
		return nil, err
	}
	a, err := ocsp.Check(raw, cert, issuer, nil, time.Now())
	if a != nil && a.Status != ocsp.Good {
		err = fmt.Errorf("certificate status \"%s\" in the OCSP response", statuses[a.Status])
	}
	return a, err
}

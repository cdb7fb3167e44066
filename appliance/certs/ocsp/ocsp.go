package ocsp

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

const (
	// Timeout is how long an answer may take.
	Timeout = time.Minute
	// maxResponse bounds an answer; usual ones have 500 to 2500 bytes.
	maxResponse = 64 << 10
)

// Status is what a responder says.
type Status int

// Statuses.
const (
	Good    Status = ocsp.Good
	Revoked Status = ocsp.Revoked
	Unknown Status = ocsp.Unknown
)

// Answer is a checked response.
type Answer struct {
	Raw    []byte // DER, to be stapled
	Status Status
	This   time.Time
	Next   time.Time // zero: newer information is there at any time
}

// client follows no redirection: a responder answers itself.
var client = http.Client{
	Timeout:       Timeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Fetch asks the responder at a URL about a certificate. trusted is as of Check.
func Fetch(ctx context.Context, to string, cert, issuer *x509.Certificate, trusted []*x509.Certificate) (*Answer, error) {
	body, err := Request(cert, issuer)
	if err != nil {
		return nil, err
	}
	req, err := request(ctx, to, body)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the responder answers with status %d", res.StatusCode)
	case len(raw) > maxResponse:
		return nil, errors.New("the response is too large")
	}
	return Check(raw, cert, issuer, trusted, time.Now())
}

// maxGet is how long a question may be to go into the URL, where caches before
// the responder see it (RFC 5019 section 5).
const maxGet = 255

// request is the question as HTTP (RFC 6960 appendix A).
func request(ctx context.Context, to string, body []byte) (*http.Request, error) {
	if text := url.QueryEscape(base64.StdEncoding.EncodeToString(body)); len(text) <= maxGet {
		return http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(to, "/")+"/"+text, nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	return req, err
}

// Errors of Check, in the words that OpenSSL's users know.
var (
	// ErrTime says that a response is not of now.
	ErrTime      = errors.New("OCSP_check_validity() failed")
	errMalformed = errors.New("d2i_OCSP_RESPONSE() failed")
	errSignature = errors.New("OCSP_basic_verify() failed")
	errNotFound  = errors.New("certificate status not found in the OCSP response")
)

// refusals are what responders say instead of a response (RFC 6960 section
// 4.2.1).
var refusals = map[ocsp.ResponseStatus]string{
	ocsp.Malformed: "malformedrequest", ocsp.InternalError: "internalerror", ocsp.TryLater: "trylater",
	ocsp.SignatureRequired: "sigrequired", ocsp.Unauthorized: "unauthorized",
}

// Request is the question about a certificate, in DER.
func Request(cert, issuer *x509.Certificate) ([]byte, error) {
	return ocsp.CreateRequest(cert, issuer, nil)
}

// Readable is nil for a response, whatever it says and whoever signed it.
func Readable(raw []byte) error {
	// A response about several certificates is one, too.
	if _, err := ocsp.ParseResponse(raw, nil); err != nil && !strings.Contains(err.Error(), "bad number of responses") {
		return explain(err)
	}
	return nil
}

// explain gives an error of x/crypto/ocsp OpenSSL's words.
func explain(err error) error {
	var refused ocsp.ResponseError
	var bad ocsp.ParseError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("OCSP response not successful (%d: %s)", refused.Status, refusals[refused.Status])
	case errors.As(err, &bad) && strings.HasPrefix(string(bad), "no response matching"):
		return errNotFound
	case errors.As(err, &bad) && strings.HasPrefix(string(bad), "bad signature"):
		return errSignature
	}
	return errMalformed
}

// Check reads a response about a certificate that is of now, signed by the
// issuer, by one whom the issuer lets sign, or by one of trusted (RFC 6960
// section 4.2.2.2). With ErrTime it returns the answer too.
func Check(raw []byte, cert, issuer *x509.Certificate, trusted []*x509.Certificate, now time.Time) (*Answer, error) {
	r, err := ocsp.ParseResponseForCert(raw, cert, nil)
	switch {
	case err != nil:
		return nil, explain(err)
	case !about(r.TBSResponseData, cert, issuer):
		return nil, errNotFound
	case !signed(r, issuer, trusted, now):
		return nil, errSignature
	}
	a := &Answer{Raw: raw, Status: Status(r.Status), This: r.ThisUpdate, Next: r.NextUpdate}
	const skew = 5 * time.Minute
	if r.ThisUpdate.After(now.Add(skew)) || !r.NextUpdate.IsZero() && r.NextUpdate.Add(skew).Before(now) {
		return a, ErrTime
	}
	return a, nil
}

// signed reports whether a response is signed by somebody who may. The
// signature by a certificate that the response brings has been checked.
func signed(r *ocsp.Response, issuer *x509.Certificate, trusted []*x509.Certificate, now time.Time) bool {
	if c := r.Certificate; c != nil && !c.Equal(issuer) && now.After(c.NotBefore) && now.Before(c.NotAfter) &&
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && c.CheckSignatureFrom(issuer) == nil {
		return true
	}
	if r.CheckSignatureFrom(issuer) == nil {
		return true
	}
	return slices.ContainsFunc(trusted, func(t *x509.Certificate) bool { return r.CheckSignatureFrom(t) == nil })
}

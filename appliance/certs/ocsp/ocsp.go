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

var errDelegate = errors.New("the responder's certificate is not for signing OCSP responses")

// client follows no redirection: a responder answers itself.
var client = http.Client{
	Timeout:       Timeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Fetch asks the responder at a URL about a certificate. trusted is as of Check.
func Fetch(ctx context.Context, to string, cert, issuer *x509.Certificate, trusted []*x509.Certificate) (*Answer, error) {
	body, err := ocsp.CreateRequest(cert, issuer, nil)
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

// Check reads a response about a certificate that is of now, signed by the
// issuer, by one whom the issuer lets sign, or by one of trusted (RFC 6960
// section 4.2.2.2).
func Check(raw []byte, cert, issuer *x509.Certificate, trusted []*x509.Certificate, now time.Time) (*Answer, error) {
	r, err := ocsp.ParseResponseForCert(raw, cert, issuer)
	if err == nil && r.Certificate != nil && !r.Certificate.Equal(issuer) && !slices.Contains(r.Certificate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		err = errDelegate
	}
	if err != nil {
		if r = byTrusted(raw, cert, trusted); r == nil {
			return nil, err
		}
	}
	const skew = 5 * time.Minute
	if r.ThisUpdate.After(now.Add(skew)) || !r.NextUpdate.IsZero() && r.NextUpdate.Add(skew).Before(now) {
		return nil, errors.New("the response is not of this time")
	}
	return &Answer{Raw: raw, Status: Status(r.Status), This: r.ThisUpdate, Next: r.NextUpdate}, nil
}

// byTrusted reads a response that one of trusted has signed; nil for none.
func byTrusted(raw []byte, cert *x509.Certificate, trusted []*x509.Certificate) *ocsp.Response {
	r, err := ocsp.ParseResponseForCert(raw, cert, nil)
	if err != nil {
		return nil
	}
	for _, t := range trusted {
		if r.CheckSignatureFrom(t) == nil {
			return r
		}
	}
	return nil
}

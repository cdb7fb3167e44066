package ocsp

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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

// Fetch asks the responder at url about a certificate.
func Fetch(ctx context.Context, url string, cert, issuer *x509.Certificate) (*Answer, error) {
	body, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
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
	return Check(raw, cert, issuer, time.Now())
}

// Check reads a response about a certificate: signed by its issuer, or by one
// that the issuer lets sign, and of now.
func Check(raw []byte, cert, issuer *x509.Certificate, now time.Time) (*Answer, error) {
	r, err := ocsp.ParseResponseForCert(raw, cert, issuer)
	if err != nil {
		return nil, err
	}
	if d := r.Certificate; d != nil && !d.Equal(issuer) && !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return nil, errDelegate
	}
	const skew = 5 * time.Minute
	if r.ThisUpdate.After(now.Add(skew)) || !r.NextUpdate.IsZero() && r.NextUpdate.Add(skew).Before(now) {
		return nil, errors.New("the response is not of this time")
	}
	return &Answer{Raw: raw, Status: Status(r.Status), This: r.ThisUpdate, Next: r.NextUpdate}, nil
}

package ocsp

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/appliance/certs/certstest"
)

func TestAnswersAreCheckedAgainstTheIssuer(t *testing.T) {
	root := certstest.Issue(t, nil, "x", certstest.CA)
	leaf := certstest.Issue(t, root, "x")
	delegate := certstest.Issue(t, root, "x", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	other := certstest.Issue(t, nil, "x", certstest.CA)
	now := time.Now()
	answer := func(about *certstest.Pair, status int, from, until time.Time, by *certstest.Pair) []byte {
		tmpl := ocsp.Response{Status: status, SerialNumber: about.Cert.SerialNumber, ThisUpdate: from, NextUpdate: until, RevokedAt: from}
		if by != root {
			tmpl.Certificate = by.Cert
		}
		raw, err := ocsp.CreateResponse(root.Cert, by.Cert, tmpl, by.Key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	// The same responder, about a certificate of an issuer with another key.
	foreign, err := ocsp.CreateResponse(other.Cert, delegate.Cert, ocsp.Response{SerialNumber: leaf.Cert.SerialNumber, ThisUpdate: now.Add(-time.Hour),
		NextUpdate: now.Add(time.Hour), Certificate: delegate.Cert}, delegate.Key)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	defer s.Close()
	hour := time.Hour
	for _, c := range []struct {
		name string
		body []byte
		code int
		want Status
		err  string
		also *x509.Certificate // trusted
	}{
		{"good", answer(leaf, ocsp.Good, now.Add(-hour), now.Add(hour), root), 200, Good, "", nil},
		{"revoked", answer(leaf, ocsp.Revoked, now.Add(-hour), now.Add(hour), root), 200, Revoked, "", nil},
		{"by a delegate", answer(leaf, ocsp.Good, now.Add(-hour), now.Add(hour), delegate), 200, Good, "", nil},
		{"by one the issuer did not make", answer(leaf, ocsp.Good, now.Add(-hour), now.Add(hour), other), 200, 0, "OCSP_basic_verify() failed", nil},
		{"by a certificate for other things", answer(leaf, ocsp.Good, now.Add(-hour), now.Add(hour), leaf), 200, 0, "OCSP_basic_verify() failed", nil},
		{"about another", answer(other, ocsp.Good, now.Add(-hour), now.Add(hour), root), 200, 0, "status not found", nil},
		{"about another issuer's with the same number", foreign, 200, 0, "status not found", nil},
		{"by a trusted one", answer(leaf, ocsp.Good, now.Add(-hour), now.Add(hour), other), 200, Good, "", other.Cert},
		{"old", answer(leaf, ocsp.Good, now.Add(-2*hour), now.Add(-hour), root), 200, 0, "OCSP_check_validity() failed", nil},
		{"no response", []byte("junk"), 200, 0, "d2i_OCSP_RESPONSE() failed", nil},
		{"a refusal", ocsp.UnauthorizedErrorResponse, 200, 0, "OCSP response not successful (6: unauthorized)", nil},
		{"a status", nil, 500, 0, "status 500", nil},
		{"too large", make([]byte, maxResponse+1), 200, 0, "too large", nil},
	} {
		body, status = c.body, c.code
		var trusted []*x509.Certificate
		if c.also != nil {
			trusted = append(trusted, c.also)
		}
		a, err := Fetch(context.Background(), s.URL, leaf.Cert, root.Cert, trusted)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
		case err != nil || a.Status != c.want:
			t.Errorf("%s: %+v, %v; want status %d", c.name, a, err, c.want)
		}
	}
}

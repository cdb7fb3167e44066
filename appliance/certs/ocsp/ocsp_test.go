package ocsp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

func issue(t *testing.T, serial int64, by *x509.Certificate, signer crypto.Signer, usage ...x509.ExtKeyUsage) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: by == nil, ExtKeyUsage: usage}
	if by == nil {
		by, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestAnswersAreCheckedAgainstTheIssuer(t *testing.T) {
	root, rootKey := issue(t, 1, nil, nil)
	leaf, leafKey := issue(t, 2, root, rootKey)
	delegate, delegateKey := issue(t, 3, root, rootKey, x509.ExtKeyUsageOCSPSigning)
	other, otherKey := issue(t, 4, nil, nil)
	now := time.Now()
	answer := func(serial int64, status int, from, until time.Time, by *x509.Certificate, key crypto.Signer) []byte {
		tmpl := ocsp.Response{Status: status, SerialNumber: big.NewInt(serial), ThisUpdate: from, NextUpdate: until, RevokedAt: from}
		if by != root {
			tmpl.Certificate = by
		}
		raw, err := ocsp.CreateResponse(root, by, tmpl, key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	// The same responder, about a certificate of an issuer with another key.
	foreign, err := ocsp.CreateResponse(other, delegate, ocsp.Response{SerialNumber: big.NewInt(2), ThisUpdate: now.Add(-time.Hour),
		NextUpdate: now.Add(time.Hour), Certificate: delegate}, delegateKey)
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
		{"good", answer(2, ocsp.Good, now.Add(-hour), now.Add(hour), root, rootKey), 200, Good, "", nil},
		{"revoked", answer(2, ocsp.Revoked, now.Add(-hour), now.Add(hour), root, rootKey), 200, Revoked, "", nil},
		{"by a delegate", answer(2, ocsp.Good, now.Add(-hour), now.Add(hour), delegate, delegateKey), 200, Good, "", nil},
		{"by one the issuer did not make", answer(2, ocsp.Good, now.Add(-hour), now.Add(hour), other, otherKey), 200, 0, "OCSP_basic_verify() failed", nil},
		{"by a certificate for other things", answer(2, ocsp.Good, now.Add(-hour), now.Add(hour), leaf, leafKey), 200, 0, "OCSP_basic_verify() failed", nil},
		{"about another", answer(9, ocsp.Good, now.Add(-hour), now.Add(hour), root, rootKey), 200, 0, "status not found", nil},
		{"about another issuer's with the same number", foreign, 200, 0, "status not found", nil},
		{"by a trusted one", answer(2, ocsp.Good, now.Add(-hour), now.Add(hour), other, otherKey), 200, Good, "", other},
		{"old", answer(2, ocsp.Good, now.Add(-2*hour), now.Add(-hour), root, rootKey), 200, 0, "OCSP_check_validity() failed", nil},
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
		a, err := Fetch(context.Background(), s.URL, leaf, root, trusted)
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

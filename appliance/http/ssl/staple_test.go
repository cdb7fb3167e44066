package ssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/netio/tlsio"
)

// issue makes a certificate; by nil makes an authority.
func issue(t *testing.T, serial int64, by *tls.Certificate, ocspURL ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: by == nil, OCSPServer: ocspURL}
	parent, signer := tmpl, crypto.Signer(key)
	if by != nil {
		tmpl.Subject.CommonName = "leaf"
		parent, signer = by.Leaf, by.PrivateKey.(crypto.Signer)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestStaplesAreFetchedKeptAndDropped(t *testing.T) {
	root := issue(t, 1, nil)
	leaf := issue(t, 2, root)
	var status, requests atomic.Int64
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		raw, err := ocsp.CreateResponse(root.Leaf, root.Leaf, ocsp.Response{Status: int(status.Load()), SerialNumber: leaf.Leaf.SerialNumber,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now()}, root.PrivateKey.(crypto.Signer))
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	defer responder.Close()
	s := &staple{cert: leaf.Leaf, issuer: root.Leaf, url: responder.URL}
	ctx := &context{list: []*tls.Certificate{leaf}, staples: []*staple{s}, conf: &tlsio.Config{TLS: &tls.Config{}}}
	now := time.Now()

	s.busy.Store(true) // nobody else asks while it is asked
	if f := ctx.withStaples(now); f.TLS.Certificates[0].OCSPStaple != nil || requests.Load() != 0 {
		t.Error("something is stapled before the responder was asked")
	}
	status.Store(ocsp.Revoked)
	s.renew()
	if f := ctx.withStaples(now); f.TLS.Certificates[0].OCSPStaple != nil {
		t.Error("a bad status is stapled")
	}
	status.Store(ocsp.Good)
	s.renew()
	f := ctx.withStaples(now)
	if f.TLS.Certificates[0].OCSPStaple == nil || leaf.OCSPStaple != nil {
		t.Error("the response is not stapled, or to the certificate of all")
	}
	if ctx.withStaples(now) != f {
		t.Error("the configuration is made again though nothing has changed")
	}
	if requests.Load() != 2 {
		t.Errorf("the responder was asked %d times, want 2", requests.Load())
	}
	s.busy.Store(true)
	if f := ctx.withStaples(now.Add(2 * time.Hour)); f.TLS.Certificates[0].OCSPStaple != nil {
		t.Error("an old response is still stapled")
	}
}

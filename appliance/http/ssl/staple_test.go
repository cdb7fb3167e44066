package ssl

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/appliance/certs/certstest"
	"weir/netio/tlsio"
)

func TestStaplesAreFetchedKeptAndDropped(t *testing.T) {
	root := certstest.Issue(t, nil, "x", certstest.CA)
	pair := certstest.Issue(t, root, "leaf").TLS()
	leaf := &pair
	var status, requests atomic.Int64
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		raw, err := ocsp.CreateResponse(root.Cert, root.Cert, ocsp.Response{Status: int(status.Load()), SerialNumber: leaf.Leaf.SerialNumber,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now()}, root.Key)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	defer responder.Close()
	s := &staple{cert: leaf.Leaf, issuer: root.Cert, url: responder.URL}
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

package ssl

import (
	"bytes"
	stdcontext "context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"weir/appliance/certs"
	"weir/appliance/certs/ocsp"
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/netio/tlsio"
)

// staple is what is known of one certificate's status. It outlives reloads;
// all workers read it, one goroutine at a time renews it.
type staple struct {
	cert, issuer *x509.Certificate
	trusted      []*x509.Certificate // may sign as well as the issuer
	url          string
	fixed        bool // out of a file: never renewed

	now   atomic.Pointer[stapled]
	asked atomic.Int64 // when to ask next, Unix seconds
	busy  atomic.Bool
}

// stapled is a response; nil Raw is none that could be sent.
type stapled struct {
	raw   []byte
	until time.Time // zero: as long as nothing newer is there
}

const (
	// renewAfter is how often a responder is asked at most, and how soon after
	// a failure, as in nginx.
	renewAfter = time.Hour
	retryAfter = 5 * time.Minute
)

// joined is a configuration with the responses it was made with.
type joined struct {
	conf *tlsio.Config
	raw  []*stapled
}

// setStapling finds out whom to ask about each certificate. What makes that
// impossible is warned of, and the certificate goes without.
func (ctx *context) setStapling(b *http.Builder, c *srvConf) error {
	if !c.stapling.V || ctx.list == nil {
		return nil
	}
	if c.staplingFile.V != "" {
		raw, path, err := certfile.Raw(b.Cycle(), b.Cx(), c.staplingFile.V)
		if err != nil {
			return err
		}
		if len(raw) == 0 || raw[0] != 0x30 {
			return conf.Errorf("d2i_OCSP_RESPONSE(\"%s\") failed", path)
		}
		s := &staple{fixed: true}
		s.now.Store(&stapled{raw: raw})
		for range ctx.list {
			ctx.staples = append(ctx.staples, s)
		}
		return nil
	}
	files := &mainSlot.In(b).files
	var trusted []*x509.Certificate
	if c.trustedCert.V != "" {
		var err error
		if trusted, err = files.Chain(b, c.trustedCert.V); err != nil {
			return err
		}
	}
	found := make([]*staple, len(ctx.list))
	for i, p := range ctx.list {
		s, why, err := newStaple(b.Cycle(), p, trusted, c)
		if err != nil {
			return err
		}
		if s == nil {
			files.Warn(b, "\"ssl_stapling\" ignored, "+why+" \""+p.Leaf.Subject.CommonName+"\"")
			continue
		}
		found[i], ctx.staples = s, found
	}
	return nil
}

// newStaple makes or carries over the staple of a certificate.
func newStaple(cyc *cycle.Cycle, p *tls.Certificate, trusted []*x509.Certificate, c *srvConf) (s *staple, why string, err error) {
	roots := certs.Verifier{Depth: c.depth.V}
	roots.Trust(trusted)
	own := trusted
	if c.staplingVerify.V {
		own = nil // the issuer signs, or one it lets sign
	}
	url := c.staplingResponder.V
	var issuer *x509.Certificate
	for _, der := range p.Certificate[1:] {
		if x, err := x509.ParseCertificate(der); err == nil {
			trusted = append(trusted[:len(trusted):len(trusted)], x)
		}
	}
	for _, x := range trusted {
		if bytes.Equal(x.RawSubject, p.Leaf.RawIssuer) && p.Leaf.CheckSignatureFrom(x) == nil {
			issuer = x
			break
		}
	}
	if issuer == nil {
		return nil, "issuer certificate not found for certificate", nil
	}
	if c.staplingVerify.V && !roots.Verify([]*x509.Certificate{issuer}, x509.ExtKeyUsageAny, time.Now()).OK() {
		return nil, "ssl_trusted_certificate does not trust the issuer of certificate", nil
	}
	if url == "" && len(p.Leaf.OCSPServer) > 0 {
		url = p.Leaf.OCSPServer[0]
	}
	if url == "" {
		return nil, "no OCSP responder URL in the certificate", nil
	}
	sum := sha256.Sum256(p.Leaf.Raw)
	z, err := cyc.Zone(cycle.ZoneID{Kind: "ssl_stapling", Name: hex.EncodeToString(sum[:]), Params: fmt.Sprint(url, " ", c.trustedCert.V, " ", c.staplingVerify.V)},
		func() (any, error) { return &staple{cert: p.Leaf, issuer: issuer, trusted: own, url: url}, nil })
	if err != nil {
		return nil, "", err
	}
	return z.(*staple), "", nil
}

// current is the response to send now, nil for none. It has the responder
// asked when it is time.
func (s *staple) current(now time.Time) *stapled {
	if s == nil {
		return nil
	}
	if !s.fixed && now.Unix() >= s.asked.Load() && s.busy.CompareAndSwap(false, true) {
		go s.renew() // one at a time, bounded by ocsp.Timeout
	}
	v := s.now.Load()
	if v == nil || v.raw == nil || !v.until.IsZero() && now.After(v.until) {
		return nil
	}
	return v
}

// renew asks the responder. Only a good status is sent to clients.
func (s *staple) renew() {
	defer s.busy.Store(false)
	cx, cancel := stdcontext.WithTimeout(stdcontext.Background(), ocsp.Timeout)
	defer cancel()
	a, err := ocsp.Fetch(cx, s.url, s.cert, s.issuer, s.trusted)
	now := time.Now()
	switch {
	case err != nil:
		errlog.Default().Printf(errlog.Error, 0, "OCSP responder %s: %v while requesting certificate status of \"%s\"", s.url, err, s.cert.Subject.CommonName)
	case a.Status != ocsp.Good:
		errlog.Default().Printf(errlog.Error, 0, "certificate status of \"%s\" is not good in the OCSP response of %s", s.cert.Subject.CommonName, s.url)
	default:
		s.now.Store(&stapled{a.Raw, a.Next})
		next := now.Add(renewAfter)
		if !a.Next.IsZero() && a.Next.Before(next) {
			next = a.Next
		}
		s.asked.Store(max(next.Unix(), now.Add(retryAfter).Unix()))
		return
	}
	s.asked.Store(now.Add(retryAfter).Unix())
}

// withStaples is the context's configuration with the responses that hold now.
// It is made again when one of them has changed.
func (ctx *context) withStaples(now time.Time) *tlsio.Config {
	j := ctx.stapling.Load()
	same := j != nil
	for i, s := range ctx.staples {
		v := s.current(now)
		same = same && j.raw[i] == v
	}
	if same {
		return j.conf
	}
	fresh := &joined{raw: make([]*stapled, len(ctx.staples))}
	list := make([]*tls.Certificate, len(ctx.list))
	for i, p := range ctx.list {
		own := *p
		if fresh.raw[i] = ctx.staples[i].current(now); fresh.raw[i] != nil {
			own.OCSPStaple = fresh.raw[i].raw
		}
		list[i] = &own
	}
	fresh.conf = ctx.with(list)
	ctx.stapling.Store(fresh)
	return fresh.conf
}

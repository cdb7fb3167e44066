package ssl

import (
	stdcontext "context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"weir/appliance/certs"
	"weir/appliance/certs/ocsp"
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// ocspMode is the value of ssl_ocsp.
type ocspMode uint8

const (
	ocspOff ocspMode = iota
	ocspOn
	ocspLeaf
)

var ocspNames = []conf.EnumValue[ocspMode]{{Name: "off", Value: ocspOff}, {Name: "on", Value: ocspOn}, {Name: "leaf", Value: ocspLeaf}}

// revocation is ssl_ocsp of a server: responders are asked about the
// certificates of clients.
type revocation struct {
	leaf      bool   // only about the client's own
	responder string // "": as the certificates say
	cache     *ocsp.Cache
}

// Outcomes besides those of certs, with nginx's words. They have no number of
// OpenSSL's.
var (
	statusFailed  = certs.Result{Code: -1, Text: "certificate status request failed"}
	statusUnknown = certs.Result{Code: -1, Text: "certificate status unknown"}
	statusRevoked = certs.Result{Code: -1, Text: "certificate revoked"}
)

// resultOf is what a status means for a client.
func resultOf(s ocsp.Status) certs.Result {
	switch s {
	case ocsp.Good:
		return certs.Result{}
	case ocsp.Revoked:
		return statusRevoked
	}
	return statusUnknown
}

// setOCSP decides whom to ask.
func (ctx *context) setOCSP(b *http.Builder, c *srvConf) error {
	if c.ocsp.V == ocspOff || ctx.verifier == nil {
		return nil
	}
	if c.verify.V == verifyOptionalNoCA {
		return conf.Errorf("\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\"")
	}
	v := &revocation{leaf: c.ocsp.V == ocspLeaf, responder: c.ocspResponder.V}
	if v.responder != "" && !plainHTTP(v.responder) {
		return conf.Errorf("invalid URL prefix in OCSP responder \"%s\" in \"ssl_ocsp_responder\"", v.responder)
	}
	if z := c.ocspCache.V; z.size > 0 {
		cache, err := b.Cycle().Zone(cycle.ZoneID{Kind: "ssl_ocsp_cache", Name: z.name, Size: z.size},
			func() (any, error) { return ocsp.NewCache(z.size), nil })
		if err != nil {
			return err
		}
		v.cache = cache.(*ocsp.Cache)
	}
	ctx.revocation = v
	return nil
}

func plainHTTP(url string) bool {
	return len(url) > len("http://") && strings.EqualFold(url[:len("http://")], "http://")
}

// setOCSPCache reads ssl_ocsp_cache.
func setOCSPCache(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[srvConf](cx)
	if c.ocspCache.Set {
		return conf.Tail("is duplicate")
	}
	a := it.Args[0]
	if a == "off" {
		c.ocspCache.Put(cacheConf{})
		return nil
	}
	rest, shared := strings.CutPrefix(a, "shared:")
	name, text, _ := strings.Cut(rest, ":")
	size, ok := conf.ParseSize(text)
	switch {
	case !shared || name == "" || !ok:
		return conf.Errorf("invalid OCSP cache \"%s\"", a)
	case size < 8*4096:
		return conf.Errorf("OCSP cache \"%s\" is too small", a)
	}
	c.ocspCache.Put(cacheConf{name, size})
	return nil
}

// maxInquiries bounds the clients that wait for a responder, of all workers.
// Who comes beyond it is answered as if the responder had failed.
const maxInquiries = 1024

var inquiries atomic.Int64

// inquiry asks responders about a client that waits: its connection's handler,
// from the end of the handshake until the answer.
//
//	Handshaken ─► begin ─► goroutine: ask ─► (loop) Run ─► Client.Secured
//	                 └─ all in the cache ─────────────────────►┘
type inquiry struct {
	by     *revocation
	c      *Connection
	client *http.Client // nil: it has gone
	net    *conn.Conn   // its own
	t      *tlsio.Conn
	todo   []question
	cx     stdcontext.Context // ends with the client's interest
	cancel func()
	result certs.Result
	failed string // why, for the log
	of     string // whose certificate that was about
}

// question is one certificate and who issued it.
type question struct{ cert, issuer *x509.Certificate }

// ask asks about the certificates of a path to a root that are to be asked
// about. It ends with Client.Secured, or when the client goes away.
func (v *revocation) ask(c *Connection, cl *http.Client, t *tlsio.Conn, path []*x509.Certificate) {
	q := &inquiry{by: v, c: c, client: cl, net: cl.Net(), t: t}
	q.cx, q.cancel = stdcontext.WithCancel(stdcontext.Background())
	for i := 0; i+1 < len(path) && (i == 0 || !v.leaf); i++ {
		q.todo = append(q.todo, question{path[i], path[i+1]})
	}
	if q.cached(time.Now()) {
		q.finish()
		return
	}
	if inquiries.Add(1) > maxInquiries {
		inquiries.Add(-1)
		q.fail(q.todo[0].cert, "too many clients wait for OCSP responders")
		q.finish()
		return
	}
	q.net.SetHandler(q)
	q.net.SetTimer(conn.ReadTimer, c.ctx.conf.Timeout)
	go q.run(q.net.Driver()) // bounded by maxInquiries; ends with the last answer, each within ocsp.Timeout
}

// cached takes what the cache knows, and reports whether that is enough.
func (q *inquiry) cached(now time.Time) bool {
	if q.by.cache == nil {
		return len(q.todo) == 0
	}
	for len(q.todo) > 0 {
		s, ok := q.by.cache.Get(q.todo[0].cert, q.todo[0].issuer, now)
		if !ok {
			return false
		}
		if q.result = resultOf(s); !q.result.OK() {
			return true
		}
		q.todo = q.todo[1:]
	}
	return true
}

// run asks one question after the other, beside the loop.
func (q *inquiry) run(d *conn.Driver) {
	defer inquiries.Add(-1)
	defer d.Loop.Post(q)
	for !q.cached(time.Now()) {
		x := q.todo[0]
		q.todo = q.todo[1:]
		url := q.by.responder
		switch {
		case url != "":
		case len(x.cert.OCSPServer) == 0:
			q.fail(x.cert, "no OCSP responder URL in certificate")
			return
		default:
			url = x.cert.OCSPServer[0]
		}
		if !plainHTTP(url) {
			q.fail(x.cert, fmt.Sprintf("invalid URL prefix in OCSP responder \"%s\" in certificate", url))
			return
		}
		cx, cancel := stdcontext.WithTimeout(q.cx, ocsp.Timeout)
		a, err := ocsp.Fetch(cx, url, x.cert, x.issuer, nil)
		cancel()
		if err != nil {
			q.fail(x.cert, fmt.Sprintf("%v while requesting certificate status, responder: %s", err, url))
			return
		}
		if q.by.cache != nil {
			q.by.cache.Put(x.cert, x.issuer, a, time.Now())
		}
		if q.result = resultOf(a.Status); !q.result.OK() {
			return
		}
	}
}

func (q *inquiry) fail(cert *x509.Certificate, why string) {
	q.result, q.failed, q.of = statusFailed, why, certs.Name(cert.RawSubject)
}

// Run is the end, on the loop. The connection may have been closed meanwhile,
// and be another one.
func (q *inquiry) Run() {
	if q.client != nil && q.net.Transport() == conn.Transport(q.t) {
		q.finish()
	}
}

func (q *inquiry) finish() {
	q.cancel()
	cl := q.client
	q.client = nil
	q.c.result = q.result
	if q.failed != "" {
		cl.LogTLS(http.LogErr, fmt.Sprintf("%s, certificate: \"%s\"", q.failed, q.of))
	}
	cl.Secured(q.t)
}

// Readable implements conn.Handler: what the client sends waits, but it may go
// away.
func (q *inquiry) Readable(c *conn.Conn) {
	if c.Hangup() {
		q.drop()
	}
}

// Writable implements conn.Handler.
func (q *inquiry) Writable(*conn.Conn) {}

// Expired implements conn.Handler.
func (q *inquiry) Expired(*conn.Conn, conn.TimerID) {
	q.client.SetTimedOut()
	q.client.LogTLS(http.LogInfo, "client timed out (110: Connection timed out)")
	q.drop()
}

func (q *inquiry) drop() {
	q.cancel()
	cl := q.client
	q.client = nil
	cl.Drop()
}

// Panicked ends the connection after a panic.
func (q *inquiry) Panicked() {
	if q.client != nil {
		q.drop()
	}
}

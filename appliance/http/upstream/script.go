package upstream

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"weir/appliance/certs"
	"weir/appliance/http"
	"weir/netio/tlsio"
)

// Scripts are what another module has a say with in the handshakes of a
// location with its backends. Either may be nil. Connections of a location
// with scripts resume no sessions: a session would bring the certificate it
// was made with, and would not be verified.
type Scripts struct {
	// Certificate runs when a backend has asked for a certificate. It may call
	// the exchange's SetCertificate, SetKey and ClearCertificate.
	Certificate Script
	// Verify runs when a backend has sent its certificate and that has been
	// found good. It may call VerifyResult and SetVerifyResult.
	Verify Script
	// SkipVerify has Verify run without a check before it.
	SkipVerify bool
}

// Script is one of Scripts. It is part of the configuration and shared by all
// requests.
type Script interface {
	// Begin runs the script for an exchange, on the loop. It ends with the
	// exchange's ScriptDone, which Begin may call itself.
	Begin(x *Exchange)
	// Abort ends a script that has begun: its handshake is over. ScriptDone is
	// not called any more.
	Abort(x *Exchange)
	// Action says in logs what is being done: "loading certificate".
	Action() string
}

// Reasons for a handshake to fail, in OpenSSL's words.
var (
	errVerify   = errors.New("certificate verify failed")
	errCallback = errors.New("callback failed")
)

// SetScripts gives scripts to a location. It is for a Finish behind that of
// the module whose location it is; false says that the location passes nothing
// to https.
func SetScripts(b *http.Builder, l *http.Location, s Scripts) bool {
	to := mainSlot.In(b).secure[l]
	if to != nil {
		to.scripts = s
	}
	return to != nil
}

// shaking is the handshake of an exchange with scripts: from its begin until
// the connection is closed or given up.
//
//	crypto/tls ─hook─► run ─► (loop) Run ─► Script.Begin ─► ScriptDone ─► hook goes on
//
// The hook is parked meanwhile. A script is begun on the loop's stack and not
// on the handshake's, since it may wait on a coroutine of its own.
type shaking struct {
	x       *Exchange // nil: the handshake is over
	h       *tlsio.Handshake
	script  Script // that runs
	begun   bool
	ok      bool
	version uint16 // 0: not agreed on yet

	chain  [][]byte // this side's certificate
	key    crypto.PrivateKey
	peer   []*x509.Certificate
	result certs.Result
}

// config is a configuration for one handshake of an exchange, with hooks for
// its scripts.
func (s *secure) config(x *Exchange, f *tlsio.Config) *tlsio.Config {
	k := &shaking{x: x}
	x.shaking = k
	own := f.TLS.Clone()
	own.ClientSessionCache = nil
	own.VerifyConnection = func(cs tls.ConnectionState) error { return k.verify(s, cs) }
	if s.scripts.Certificate != nil {
		given := own.GetClientCertificate
		own.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.certificate(s, given, r) }
	}
	return f.With(own)
}

// verify is the hook behind the backend's certificate. What SetVerifyResult
// says counts where proxy_ssl_verify is on; see trusts.
func (k *shaking) verify(s *secure, cs tls.ConnectionState) error {
	k.version, k.peer = cs.Version, cs.PeerCertificates
	if s.verify && !s.scripts.SkipVerify {
		if k.result = s.verifier.Verify(k.peer, x509.ExtKeyUsageServerAuth, time.Now()); !k.result.OK() {
			return nil // trusts says so, in the words of the log
		}
	}
	if s.scripts.Verify == nil {
		return nil
	}
	return k.run(s.scripts.Verify, errVerify)
}

// certificate is the hook behind the backend's request for one. given is how
// the configuration would answer it.
func (k *shaking) certificate(s *secure, given func(*tls.CertificateRequestInfo) (*tls.Certificate, error), r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	k.version = r.Version
	if given != nil {
		p, err := given(r)
		if err != nil {
			return nil, err
		}
		k.chain, k.key = p.Certificate, p.PrivateKey
	}
	if err := k.run(s.scripts.Certificate, errCallback); err != nil {
		return nil, err
	}
	if len(k.chain) == 0 || k.key == nil {
		return new(tls.Certificate), nil // none
	}
	return &tls.Certificate{Certificate: k.chain, PrivateKey: k.key}, nil
}

// run has a script run and waits for its end, on the handshake's stack.
func (k *shaking) run(s Script, failed error) error {
	x := k.x
	if x == nil { // the connection has been closed
		return failed
	}
	h, ok := x.c.Transport().(*tlsio.Handshake)
	if !ok {
		return failed
	}
	action := x.action
	k.h, k.script, k.begun = h, s, false
	x.action = s.Action()
	x.ws.w.Loop.Defer(k)
	if err := h.Park(); err != nil {
		return err
	}
	x.action = action
	k.script = nil
	if !k.ok {
		return failed
	}
	return nil
}

// Run begins the script, on the loop.
func (k *shaking) Run() {
	if k.x == nil {
		return
	}
	k.begun = true
	k.script.Begin(k.x)
}

// end is the end of the handshake, on the loop.
func (k *shaking) end() {
	if k.begun && k.script != nil {
		k.script.Abort(k.x)
	}
	k.x, k.script = nil, nil
}

// endShaking ends the handshake's part of a try whose handshake is over.
func (x *Exchange) endShaking() {
	if x.shaking != nil {
		x.shaking.end()
		x.shaking = nil
	}
}

// ScriptDone ends a script; ok false fails the handshake. It is called on the
// loop, and may end the request before it returns.
func (x *Exchange) ScriptDone(ok bool) {
	k := x.shaking
	k.ok, k.begun = ok, false
	k.h.Wake()
}

// TLSVersion is the version of TLS on the connection to the backend, that of a
// handshake under way included; 0 when there is none.
func (x *Exchange) TLSVersion() uint16 {
	switch {
	case x.c == nil:
		return 0
	case x.shaking != nil:
		return x.shaking.version
	}
	if t := tlsio.Of(x.c); t != nil {
		return t.Info.Version
	}
	return 0
}

// Shaking reports whether a handshake with scripts is under way, so that the
// functions below may be called.
func (x *Exchange) Shaking() bool { return x.shaking != nil }

// SetCertificate sets the certificate for the backend, those of its issuers
// behind it. It needs SetKey as well.
func (x *Exchange) SetCertificate(chain []*x509.Certificate) {
	x.shaking.chain = make([][]byte, len(chain))
	for i, c := range chain {
		x.shaking.chain[i] = c.Raw
	}
}

// SetKey sets the private key of the certificate.
func (x *Exchange) SetKey(key crypto.PrivateKey) { x.shaking.key = key }

// ClearCertificate takes back whatever certificate has been set, that of the
// configuration included.
func (x *Exchange) ClearCertificate() { x.shaking.chain, x.shaking.key = nil, nil }

// PeerCertificates is the chain that the backend sent, its own first.
func (x *Exchange) PeerCertificates() []*x509.Certificate { return x.shaking.peer }

// VerifyResult is what the check of the backend's certificate has said so far.
func (x *Exchange) VerifyResult() certs.Result { return x.shaking.result }

// SetVerifyResult replaces it, by one of OpenSSL's codes.
func (x *Exchange) SetVerifyResult(code int) { x.shaking.result = certs.ResultOf(code) }

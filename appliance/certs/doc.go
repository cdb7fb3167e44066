// Package certs turns what TLS directives name into values of crypto/tls and
// crypto/x509: certificate chains, private keys, revocation lists, cipher
// strings in OpenSSL's syntax, lists of curves, session tickets. It also checks
// peers' certificates and says what is wrong with one in OpenSSL's numbers and
// words, which nginx's variables and log lines carry.
//
//	PEM text ──► ParseChain, ParseKey ──► Pair ──► tls.Certificate
//	"HIGH:!aNULL" ──► Ciphers;  "X25519:P-256" ──► Curves
//	peer's chain ──► Verifier.Verify ──► Result{18, "self-signed certificate"}
//
// It knows no directive, no file and no connection: callers read files and
// hand over bytes. Everything is immutable after it was made, except Sessions
// and Cache, which take locks; both are used once per handshake, never per
// request.
package certs

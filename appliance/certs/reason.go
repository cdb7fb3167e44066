package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
)

// reasons are OpenSSL's numbers and words for what crypto/tls says of failed handshakes, by how that begins.
var reasons = []struct {
	says string
	code int
	text string
}{
	{"first record does not look like a TLS handshake", 267, "wrong version number"},
	{"unsupported SSLv2 handshake received", 267, "wrong version number"},
	{"client offered only unsupported versions", 258, "unsupported protocol"},
	{"server selected unsupported protocol version", 258, "unsupported protocol"},
	{"no supported versions satisfy", 191, "no protocols available"},
	{"no cipher suite supported by both client and server", 193, "no shared cipher"},
	{"no ECDHE curve supported by both client and server", 193, "no shared cipher"},
	{"client requested unsupported application protocols", 235, "no application protocol"},
	{"peer doesn't support any of the certificate's signature algorithms", 118, "no suitable signature algorithm"},
	{"client didn't provide a certificate", 199, "peer did not return a certificate"},
	{"oversized record received", 198, "packet length too long"},
	{"certificate verify failed", 134, "certificate verify failed"},
	{"callback failed", 234, "callback failed"},
	{"cert cb error", 377, "cert cb error"},
}

// alerts are OpenSSL's words for alerts of the peer, by number.
var alerts = map[int]string{
	10: "sslv3 alert unexpected message", 20: "sslv3 alert bad record mac", 22: "tlsv1 alert record overflow",
	40: "sslv3 alert handshake failure", 42: "sslv3 alert bad certificate", 43: "sslv3 alert unsupported certificate",
	44: "sslv3 alert certificate revoked", 45: "sslv3 alert certificate expired", 46: "sslv3 alert certificate unknown",
	47: "sslv3 alert illegal parameter", 48: "tlsv1 alert unknown ca", 49: "tlsv1 alert access denied",
	50: "tlsv1 alert decode error", 51: "tlsv1 alert decrypt error", 70: "tlsv1 alert protocol version",
	71: "tlsv1 alert insufficient security", 80: "tlsv1 alert internal error", 86: "tlsv1 alert inappropriate fallback",
	90: "tlsv1 alert user cancelled", 100: "tlsv1 alert no renegotiation", 109: "tlsv13 alert missing extension",
	110: "tlsv1 unsupported extension", 112: "tlsv1 unrecognized name", 113: "tlsv1 bad certificate status response",
	115: "tlsv1 alert unknown psk identity", 116: "tlsv13 alert certificate required", 120: "tlsv1 alert no application protocol",
}

// Reason is why a handshake failed as OpenSSL writes it, which logs are searched for: an error of crypto/tls with a
// counterpart there in its form, any other as it is.
func Reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		for n, text := range alerts {
			if tls.AlertError(n).Error() == op.Err.Error() {
				return fmt.Sprintf("%s:SSL alert number %d", reason(1000+n, text), n)
			}
		}
	}
	says := strings.TrimPrefix(err.Error(), "tls: ")
	for _, r := range reasons {
		if strings.HasPrefix(says, r.says) {
			return reason(r.code, r.text)
		}
	}
	return says
}

// reason is an entry of OpenSSL's error queue: 20 is its number of the library.
func reason(code int, text string) string {
	return fmt.Sprintf("error:%08X:SSL routines::%s", 20<<23|code, text)
}

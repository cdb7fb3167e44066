package tlsio

import "strconv"

// Alert is an alert of the TLS protocol (RFC 8446 section 6). As an error it
// says that the peer sent it.
type Alert uint8

// Alerts that the record layer sends or looks for.
const (
	alertCloseNotify       Alert = 0
	alertUnexpectedMessage Alert = 10
	alertBadRecordMAC      Alert = 20
	alertRecordOverflow    Alert = 22
	alertDecodeError       Alert = 50
	alertInternalError     Alert = 80
	alertUserCanceled      Alert = 90
	alertNoRenegotiation   Alert = 100
)

var alertTexts = map[Alert]string{
	0: "close notify", 10: "unexpected message", 20: "bad record mac", 21: "decryption failed", 22: "record overflow",
	30: "decompression failure", 40: "handshake failure", 41: "no certificate", 42: "bad certificate",
	43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
	47: "illegal parameter", 48: "unknown CA", 49: "access denied", 50: "decode error", 51: "decrypt error",
	70: "protocol version", 71: "insufficient security", 80: "internal error", 86: "inappropriate fallback",
	90: "user canceled", 100: "no renegotiation", 109: "missing extension", 110: "unsupported extension",
	112: "unrecognized name", 113: "bad certificate status response", 115: "unknown PSK identity",
	116: "certificate required", 120: "no application protocol",
}

// Error implements error.
func (a Alert) Error() string {
	s, ok := alertTexts[a]
	if !ok {
		s = "number " + strconv.Itoa(int(a))
	}
	return "peer sent alert: " + s
}

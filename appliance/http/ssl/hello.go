package ssl

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// Hello is a client's hello as it was sent (RFC 8446 section 4.1.2). Its bytes
// are not to be changed. Of an encrypted one (ECH) it is what everybody can
// read; sessions are not resumed by it then.
//
//	type 1 | length 3 | version 2 | random 32 | session id | suites | compression | extensions
type Hello struct {
	Random     []byte
	Ciphers    []uint16
	Extensions []Extension // in the order sent
}

// Extension is one of a hello.
type Extension struct {
	Type uint16
	Data []byte
}

// Extensions that are looked into (IANA's registry of TLS extension types).
const (
	extServerName    = 0
	extExtendedMS    = 23
	extSessionTicket = 35
	extPreSharedKey  = 41
	extPSKModes      = 45
)

// Extension finds an extension's content; nil and false when there is none.
func (h *Hello) Extension(typ uint16) ([]byte, bool) {
	for _, e := range h.Extensions {
		if e.Type == typ {
			return e.Data, true
		}
	}
	return nil, false
}

// parseHello reads a hello that crypto/tls has accepted; nil for anything
// else.
func parseHello(msg []byte) *Hello {
	s := cryptobyte.String(msg)
	var body, id, suites, compression cryptobyte.String
	var typ uint8
	var version uint16
	h := new(Hello)
	if !s.ReadUint8(&typ) || typ != 1 || !s.ReadUint24LengthPrefixed(&body) ||
		!body.ReadUint16(&version) || !body.ReadBytes(&h.Random, 32) ||
		!body.ReadUint8LengthPrefixed(&id) || !body.ReadUint16LengthPrefixed(&suites) || !body.ReadUint8LengthPrefixed(&compression) {
		return nil
	}
	for !suites.Empty() {
		var c uint16
		if !suites.ReadUint16(&c) {
			return nil
		}
		h.Ciphers = append(h.Ciphers, c)
	}
	if body.Empty() {
		return h // a hello without extensions
	}
	var list cryptobyte.String
	if !body.ReadUint16LengthPrefixed(&list) {
		return nil
	}
	for !list.Empty() {
		var e Extension
		var data cryptobyte.String
		if !list.ReadUint16(&e.Type) || !list.ReadUint16LengthPrefixed(&data) {
			return nil
		}
		e.Data = data
		h.Extensions = append(h.Extensions, e)
	}
	return h
}

// ServerName is the name in the extension server_name: "" and true when there
// is no extension, false when it is malformed (RFC 6066 section 3).
func (h *Hello) ServerName() (name string, ok bool) {
	data, found := h.Extension(extServerName)
	if !found {
		return "", true
	}
	s := cryptobyte.String(data)
	var list, host cryptobyte.String
	var typ uint8
	if !s.ReadUint16LengthPrefixed(&list) || !list.ReadUint8(&typ) || typ != 0 || !list.ReadUint16LengthPrefixed(&host) || len(host) == 0 {
		return "", false
	}
	return string(host), true
}

// offered is the ticket of the session that the client wants to resume with
// TLS 1.2 or 1.3; nil for none. Of several only the first counts.
func (h *Hello) offered(tls13 bool) []byte {
	if !tls13 {
		t, _ := h.Extension(extSessionTicket)
		return t
	}
	data, _ := h.Extension(extPreSharedKey)
	s := cryptobyte.String(data)
	var ids, ticket cryptobyte.String
	modes, _ := h.Extension(extPSKModes)
	if len(modes) < 2 || !slices.Contains(modes[1:], 1) || // psk_dhe_ke
		!s.ReadUint16LengthPrefixed(&ids) || !ids.ReadUint16LengthPrefixed(&ticket) {
		return nil
	}
	return ticket
}

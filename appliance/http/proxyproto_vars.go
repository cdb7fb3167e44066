package http

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// proxySide returns the address that a variable asks for; d.Data is true for
// that of the server.
func proxySide(r *Request, d *Variable) (h *ProxyHeader, server bool) {
	return r.c.proxy, d.Data.(bool)
}

func varProxyAddr(r *Request, v *Value, d *Variable) {
	h, server := proxySide(r, d)
	switch {
	case h == nil:
		v.Missing()
	case server:
		v.Is(h.DstText)
	default:
		v.Is(h.SrcText)
	}
}

func varProxyPort(r *Request, v *Value, d *Variable) {
	h, server := proxySide(r, d)
	switch {
	case h == nil:
		v.Missing()
	case server:
		r.port(v, h.Dst.Port())
	default:
		r.port(v, h.Src.Port())
	}
}

// proxyTLV is what $proxy_protocol_tlv_NAME looks for.
type proxyTLV struct {
	ssl    bool // inside the TLV of TLS
	verify bool // the result of the client certificate's check
	kind   int  // type of the TLV; unknownTLV, badTLV
}

const (
	unknownTLV = -1
	badTLV     = -2

	tlvSSL = 0x20
)

var tlvNames = map[string]int{"alpn": 0x01, "authority": 0x02, "unique_id": 0x05, "ssl": tlvSSL, "netns": 0x30}

var tlvSSLNames = map[string]int{"version": 0x21, "cn": 0x22, "cipher": 0x23, "sig_alg": 0x24, "key_alg": 0x25}

func compileProxyTLV(name string) any {
	t := &proxyTLV{}
	names := tlvNames
	if name, t.ssl = strings.CutPrefix(name, "ssl_"); t.ssl {
		names = tlvSSLNames
		if name == "verify" {
			t.verify = true
			return t
		}
	}
	if digits, hex := strings.CutPrefix(name, "0x"); hex {
		n, err := strconv.ParseUint(digits, 16, 31)
		if t.kind = int(n); err != nil {
			t.kind = badTLV
		}
		return t
	}
	var known bool
	if t.kind, known = names[name]; !known {
		t.kind = unknownTLV
	}
	return t
}

func varProxyTLV(r *Request, v *Value, d *Variable) {
	v.Missing()
	h := r.c.proxy
	if h == nil {
		return
	}
	t := d.Data.(*proxyTLV)
	list := h.TLVs
	if t.ssl {
		ssl, ok := r.findTLV(list, tlvSSL)
		if !ok || len(ssl) < 5 { // client flags 1, verify 4
			return
		}
		if t.verify {
			r.number(v, int64(binary.BigEndian.Uint32(ssl[1:])))
			return
		}
		list = ssl[5:]
	}
	switch t.kind {
	case badTLV:
		r.Logf(LogErr, "invalid PROXY protocol TLV \"%s\"", strings.TrimPrefix(d.Name, "proxy_protocol_tlv_"))
	case unknownTLV:
		r.Logf(LogErr, "unknown PROXY protocol TLV \"%s\"", strings.TrimPrefix(d.Name, "proxy_protocol_tlv_"))
	default:
		if val, ok := r.findTLV(list, t.kind); ok {
			v.Is(val)
		}
	}
}

// findTLV finds the first TLV of a type: type 1 | length 2 | value.
func (r *Request) findTLV(list []byte, kind int) (val []byte, ok bool) {
	for len(list) > 0 {
		if len(list) < 3 || len(list)-3 < int(binary.BigEndian.Uint16(list[1:])) {
			r.Log(LogErr, "broken PROXY protocol TLV")
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(list[1:]))
		if int(list[0]) == kind {
			return list[3 : 3+n], true
		}
		list = list[3+n:]
	}
	return nil, false
}

package http

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"weir/netio/sock"
)

// ProxyHeader is the PROXY protocol header (version 1 or 2) that a connection
// began with. It lives as long as the connection and is not changed.
type ProxyHeader struct {
	Src, Dst sock.Addr // client and server as the proxy saw them, with ports
	SrcText  []byte    // the addresses as $proxy_protocol_addr shows them
	DstText  []byte
	TLVs     []byte // of version 2, all of them, not yet checked
}

// Limits of a header: that of the specification for version 1, nginx's for
// version 2.
const (
	maxProxyV1 = 107
	maxProxy   = 4096
)

// proxySignature begins a version 2 header:
//
//	signature 12 | version, command 1 | family, transport 1 | length 2 | addresses | TLVs
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// What can be wrong with a PROXY protocol header.
var (
	errProxyMore    = errors.New("incomplete PROXY protocol header")
	errProxyBroken  = errors.New("broken header")
	errProxyVersion = errors.New("unknown PROXY protocol version")
	errProxyLarge   = errors.New("header is too large")
	errProxyShort   = errors.New("PROXY protocol addresses are cut short")
)

// parseProxyHeader reads the header at the beginning of b. size is its length.
// h is nil for connections of the proxy itself (UNKNOWN, LOCAL), whose own
// addresses count. errProxyMore asks for more bytes; b is copied.
func parseProxyHeader(b []byte) (h *ProxyHeader, size int, err error) {
	n := min(len(b), len(proxySignature))
	if string(b[:n]) == proxySignature[:n] {
		if n < len(proxySignature) {
			return nil, 0, errProxyMore
		}
		return parseProxyV2(b)
	}
	return parseProxyV1(b)
}

// parseProxyV1 reads "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n".
func parseProxyV1(b []byte) (h *ProxyHeader, size int, err error) {
	const prefix = "PROXY "
	n := min(len(b), len(prefix))
	if string(b[:n]) != prefix[:n] {
		return nil, 0, errProxyBroken
	}
	end := bytes.IndexByte(b[:min(len(b), maxProxyV1)], '\n')
	if end < 0 {
		if len(b) >= maxProxyV1 {
			return nil, 0, errProxyBroken
		}
		return nil, 0, errProxyMore
	}
	line, ok := bytes.CutSuffix(b[len(prefix):end], []byte{'\r'})
	if !ok || bytes.IndexByte(line, '\r') >= 0 {
		return nil, 0, errProxyBroken
	}
	if bytes.HasPrefix(line, []byte("UNKNOWN")) {
		return nil, end + 1, nil
	}
	part := strings.Split(string(line), " ")
	if len(part) != 5 || part[0] != "TCP4" && part[0] != "TCP6" {
		return nil, 0, errProxyBroken
	}
	h = new(ProxyHeader)
	if h.Src, ok = proxyAddr(part[1], part[3], part[0] == "TCP4"); !ok {
		return nil, 0, errProxyBroken
	}
	if h.Dst, ok = proxyAddr(part[2], part[4], part[0] == "TCP4"); !ok {
		return nil, 0, errProxyBroken
	}
	h.SrcText, h.DstText = []byte(part[1]), []byte(part[2])
	return h, end + 1, nil
}

// proxyAddr reads an address without zone and a decimal port.
func proxyAddr(host, port string, v4 bool) (a sock.Addr, ok bool) {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is4() != v4 || ip.Zone() != "" {
		return a, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return a, false
	}
	return sock.AddrFrom(ip, uint16(n)), true
}

// parseProxyV2 reads a binary header.
func parseProxyV2(b []byte) (h *ProxyHeader, size int, err error) {
	const fixed = len(proxySignature) + 4
	if len(b) < fixed {
		return nil, 0, errProxyMore
	}
	if b[12]>>4 != 2 {
		return nil, 0, errProxyVersion
	}
	size = fixed + int(binary.BigEndian.Uint16(b[14:]))
	if size > maxProxy {
		return nil, 0, errProxyLarge
	}
	if len(b) < size {
		return nil, 0, errProxyMore
	}
	if b[12]&15 != 1 || b[13]&15 != 1 { // only command PROXY of a stream says something
		return nil, size, nil
	}
	width := 0
	switch b[13] >> 4 {
	case 1:
		width = 4
	case 2:
		width = 16
	default:
		return nil, size, nil
	}
	p := b[fixed:size]
	if len(p) < 2*width+4 {
		return nil, 0, errProxyShort
	}
	src, _ := netip.AddrFromSlice(p[:width])
	dst, _ := netip.AddrFromSlice(p[width : 2*width])
	ports := p[2*width:]
	h = &ProxyHeader{
		Src:  sock.AddrFrom(src, binary.BigEndian.Uint16(ports)),
		Dst:  sock.AddrFrom(dst, binary.BigEndian.Uint16(ports[2:])),
		TLVs: bytes.Clone(ports[4:]),
	}
	h.SrcText, h.DstText = h.Src.AppendIP(nil), h.Dst.AppendIP(nil)
	return h, size, nil
}

// parseProxy takes the header off the front of the connection's input. It
// returns false when more bytes are needed, or when the connection was closed
// for a bad header and is not in state h1Proxy any more.
func (h *h1Conn) parseProxy() bool {
	hdr, size, err := parseProxyHeader(h.head[h.pos:])
	switch {
	case err == errProxyMore:
		return false
	case err != nil:
		h.logProxyError(err)
		h.state = h1Idle
		h.close()
		return false
	}
	h.proxy = hdr
	h.pos += size
	h.state = h1Idle
	return true
}

// logProxyError reports a bad header in nginx's words.
func (h *h1Conn) logProxyError(err error) {
	l := h.log()
	if !l.On(LogErr) {
		return
	}
	b := h.w.line[:0]
	b = append(b, err.Error()...)
	switch err {
	case errProxyBroken:
		line := h.head[h.pos:]
		if i := bytes.IndexAny(line, "\r\n"); i >= 0 {
			line = line[:i]
		}
		b = append(b, ": \""...)
		b = append(b, line...)
		b = append(b, '"')
	case errProxyVersion:
		b = append(b, ": "...)
		b = itoa(b, int64(h.head[h.pos+12]>>4))
	}
	b = append(b, " while reading PROXY protocol, client: "...)
	b = h.AppendRemoteIP(b)
	b = append(b, ", server: "...)
	b = h.addr.Addr.AppendTo(b)
	h.w.line = b
	l.Write(LogErr, h.Number(), b)
}

package http

import (
	"encoding/binary"
	"strings"
	"testing"
)

// v2 makes a version 2 header.
func v2(command, family byte, payload string) string {
	n := binary.BigEndian.AppendUint16(nil, uint16(len(payload)))
	return proxySignature + string([]byte{0x20 | command, family}) + string(n) + payload
}

const inet = "\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x00\x50"

var proxyCases = []struct {
	name, in string
	src, dst string // "" for a header without addresses
	tlvs     string
	err      error
}{
	{name: "version 1, IPv4", in: "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n", src: "192.0.2.1:1234", dst: "192.0.2.2:80"},
	{name: "version 1, IPv6", in: "PROXY TCP6 2001:DB8::1 ::1 65535 0\r\n", src: "[2001:db8::1]:65535", dst: "[::1]:0"},
	{name: "version 1, unknown", in: "PROXY UNKNOWN\r\n"},
	{name: "version 1, unknown with something", in: "PROXY UNKNOWN TCP4 1.2.3.4 5.6.7.8 1 2\r\n"},
	{name: "no header", in: "GET / HTTP/1.0\r\n\r\n", err: errProxyBroken},
	{name: "no such family", in: "PROXY TCP5 192.0.2.1 192.0.2.2 1234 80\r\n", err: errProxyBroken},
	{name: "an address of the other family", in: "PROXY TCP4 ::1 ::1 1234 80\r\n", err: errProxyBroken},
	{name: "no address", in: "PROXY TCP4 192.0.2.x 192.0.2.2 1234 80\r\n", err: errProxyBroken},
	{name: "a zone", in: "PROXY TCP6 fe80::1%eth0 ::1 1234 80\r\n", err: errProxyBroken},
	{name: "a port too large", in: "PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n", err: errProxyBroken},
	{name: "a signed port", in: "PROXY TCP4 192.0.2.1 192.0.2.2 +1 80\r\n", err: errProxyBroken},
	{name: "too few words", in: "PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n", err: errProxyBroken},
	{name: "two spaces", in: "PROXY TCP4  192.0.2.1 192.0.2.2 1234 80\r\n", err: errProxyBroken},
	{name: "a bare line feed", in: "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\n", err: errProxyBroken},
	{name: "an endless line", in: "PROXY UNKNOWN " + strings.Repeat("x", 107), err: errProxyBroken},
	{name: "version 2, IPv4", in: v2(1, 0x11, inet), src: "192.0.2.1:1234", dst: "192.0.2.2:80"},
	{name: "version 2, TLVs", in: v2(1, 0x11, inet+"\x01\x00\x02h2"), src: "192.0.2.1:1234", dst: "192.0.2.2:80", tlvs: "\x01\x00\x02h2"},
	{name: "version 2, IPv6", in: v2(1, 0x21, strings.Repeat("\x00", 15)+"\x01"+strings.Repeat("\x00", 15)+"\x02"+"\x00\x01\x00\x02"),
		src: "[::1]:1", dst: "[::2]:2"},
	{name: "version 2, local", in: v2(0, 0x11, inet)},
	{name: "version 2, no addresses", in: v2(1, 0, "")},
	{name: "version 2, datagrams", in: v2(1, 0x12, inet)},
	{name: "version 2, unix", in: v2(1, 0x31, strings.Repeat("x", 216))},
	{name: "version 2, cut short", in: v2(1, 0x11, inet[:11]), err: errProxyShort},
	{name: "version 2, too large", in: v2(1, 0x11, strings.Repeat("x", 4081)), err: errProxyLarge},
	{name: "version 3", in: proxySignature + "\x31\x11\x00\x00", err: errProxyVersion},
}

func TestProxyHeadersAreParsedStrictly(t *testing.T) {
	for _, c := range proxyCases {
		h, size, err := parseProxyHeader([]byte(c.in + "GET"))
		if err != c.err {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.err)
			continue
		}
		if err != nil {
			continue
		}
		if size != len(c.in) {
			t.Errorf("%s: took %d bytes, want %d", c.name, size, len(c.in))
		}
		if c.src == "" {
			if h != nil {
				t.Errorf("%s: got addresses %s %s", c.name, h.Src, h.Dst)
			}
			continue
		}
		if h == nil || h.Src.String() != c.src || h.Dst.String() != c.dst || string(h.TLVs) != c.tlvs {
			t.Errorf("%s: got %+v", c.name, h)
		}
	}
}

func TestProxyHeadersMayComeInPieces(t *testing.T) {
	for _, c := range proxyCases {
		if c.err != nil {
			continue
		}
		for n := range len(c.in) {
			if _, _, err := parseProxyHeader([]byte(c.in[:n])); err != errProxyMore {
				t.Fatalf("%s: got %v after %d bytes, want %v", c.name, err, n, errProxyMore)
			}
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, c := range proxyCases {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, size, err := parseProxyHeader(b)
		switch {
		case err == errProxyMore && len(b) >= maxProxy:
			t.Fatal("asks for more than it may")
		case err != nil:
			if h != nil {
				t.Fatal("a header with an error")
			}
		case size > len(b) || size == 0:
			t.Fatalf("took %d of %d bytes", size, len(b))
		}
		// What was decided early must not change with what follows.
		if err == nil || err != errProxyMore {
			if _, size2, err2 := parseProxyHeader(append(b[:len(b):len(b)], "\r\nx"...)); size2 != size || err2 != err {
				t.Fatalf("got %d %v, then %d %v with more bytes", size, err, size2, err2)
			}
		}
	})
}

func TestTLVNames(t *testing.T) {
	for name, want := range map[string]proxyTLV{
		"alpn":       {kind: 1},
		"unique_id":  {kind: 5},
		"ssl":        {kind: 0x20},
		"0x04":       {kind: 4},
		"0xfF":       {kind: 0xff},
		"ssl_cn":     {ssl: true, kind: 0x22},
		"ssl_0x21":   {ssl: true, kind: 0x21},
		"ssl_verify": {ssl: true, verify: true},
		"0x":         {kind: badTLV},
		"0xg":        {kind: badTLV},
		"what":       {kind: unknownTLV},
		"ssl_alpn":   {ssl: true, kind: unknownTLV},
	} {
		if got := *compileProxyTLV(name).(*proxyTLV); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

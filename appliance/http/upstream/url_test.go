package upstream

import (
	"strings"
	"testing"
)

func TestURLsAreTakenApart(t *testing.T) {
	for _, tc := range []struct {
		text                string
		host, portText, uri string
		port                uint16
		noPort, unix, addr  bool
		err                 string
	}{
		{text: "a.example", host: "a.example", port: 80, noPort: true},
		{text: "a.example:8080/x?y", host: "a.example", port: 8080, portText: "8080", uri: "/x?y"},
		{text: "a?x", host: "a", port: 80, noPort: true, uri: "?x"},
		{text: "127.0.0.1", host: "127.0.0.1", port: 80, noPort: true, addr: true},
		{text: "[::1]:81/", host: "[::1]", port: 81, portText: "81", uri: "/", addr: true},
		{text: "[::1]", host: "[::1]", port: 80, noPort: true, addr: true},
		{text: "unix:/a/b:/uri", host: "/a/b", noPort: true, unix: true, addr: true, uri: "/uri"},
		{text: "UNIX:/a", host: "/a", noPort: true, unix: true, addr: true},
		{text: "", err: "no host"},
		{text: ":80", err: "no host"},
		{text: "a:0", err: "invalid port"},
		{text: "a:65536", err: "invalid port"},
		{text: "a:b", err: "invalid port"},
		{text: "[::1", err: "invalid host"},
		{text: "[x]", err: "invalid IPv6 address"},
		{text: "unix:", err: "no path in the unix domain socket"},
		{text: "unix:" + strings.Repeat("a", 200), err: "too long path in the unix domain socket"},
	} {
		u, err := ParseURL(tc.text, 80, true)
		if tc.err != "" {
			if err == nil || err.Error() != tc.err {
				t.Errorf("%q: got %v, want %s", tc.text, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
			continue
		}
		if u.Host != tc.host || u.PortText != tc.portText || u.URI != tc.uri || u.Port != tc.port ||
			u.NoPort != tc.noPort || u.Unix != tc.unix || u.Addr.IsValid() != tc.addr {
			t.Errorf("%q: got %+v", tc.text, u)
		}
	}
}

func TestServersHaveNoPath(t *testing.T) {
	if _, err := ParseURL("a/b", 80, false); err == nil || err.Error() != "invalid host" {
		t.Errorf("got %v, want invalid host", err)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"a", "a:80/x", "[::1]:80", "unix:/a:/b", "127.0.0.1", ":", "[", "a?b"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, part bool) {
		u, err := ParseURL(s, 80, part)
		if err != nil {
			return
		}
		if u.Host == "" || !u.Unix && u.Port == 0 || !part && u.URI != "" && !u.Unix {
			t.Errorf("%q: got %+v", s, u)
		}
		if u.Addr.IsValid() && !u.Unix && u.Addr.Port() != u.Port {
			t.Errorf("%q: address %s, port %d", s, u.Addr, u.Port)
		}
	})
}

package sock

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestAddrReadsAndPrintsAsNginx(t *testing.T) {
	for _, c := range []struct{ in, full, ip string }{
		{"1.2.3.4:80", "1.2.3.4:80", "1.2.3.4"},
		{"127.0.0.1", "127.0.0.1:0", "127.0.0.1"},
		{"255.100.10.0:65535", "255.100.10.0:65535", "255.100.10.0"},
		{"[::1]:80", "[::1]:80", "::1"},
		{"[::]", "[::]:0", "::"},
		{"[2001:DB8:0:0:1:0:0:1]:443", "[2001:db8::1:0:0:1]:443", "2001:db8::1:0:0:1"},
		{"[::ffff:10.0.0.1]:8080", "[::ffff:10.0.0.1]:8080", "::ffff:10.0.0.1"},
		{"[::10.1.2.3]:1", "[::10.1.2.3]:1", "::10.1.2.3"},
		{"[1:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7:8]:9", "1:2:3:4:5:6:7:8"},
		{"unix:/tmp/a.sock", "unix:/tmp/a.sock", "unix:/tmp/a.sock"},
	} {
		a, err := ParseAddr(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := a.String(); got != c.full {
			t.Errorf("%s: got %q, want %q", c.in, got, c.full)
		}
		if got := string(a.AppendIP(nil)); got != c.ip {
			t.Errorf("%s: got %q, want %q", c.in, got, c.ip)
		}
		if a.Family() == Unix {
			continue
		}
		if got := AddrFrom(a.IP(), a.Port()); got != a {
			t.Errorf("%s: through netip came %v", c.in, got)
		}
	}
}

func TestAddrRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{"", "a", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "[::1", "[1.2.3.4]", "::1:80:",
		"unix:", "unix:" + strings.Repeat("x", maxPath+1), "host:80", "1.2.3.4:80x"} {
		if a, err := ParseAddr(s); err == nil {
			t.Errorf("%q was taken as %v", s, a)
		}
	}
}

func TestRawAddrKeepsEveryAddress(t *testing.T) {
	for _, s := range []string{"1.2.3.4:80", "[fe80::1]:443", "[::ffff:1.2.3.4]:1", "unix:/x", "unix:" + strings.Repeat("p", maxPath)} {
		a, err := ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		var r RawAddr
		r.Set(a)
		if got := r.Addr(); got != a {
			t.Errorf("%s came back as %v", s, got)
		}
	}
	scoped := AddrFrom(netip.MustParseAddr("fe80::1%3"), 80)
	var r RawAddr
	r.Set(scoped)
	if got := r.Addr(); got != scoped || got.scope != 3 {
		t.Errorf("the scope was lost: %+v", got)
	}
	for _, path := range []string{"", "\x00abstract"} {
		r.Set(UnixAddr(path))
		if got := r.Addr(); got != UnixAddr(path) {
			t.Errorf("%q came back as %q", path, got.Path())
		}
	}
}

func TestAddrProperties(t *testing.T) {
	parse := func(s string) Addr {
		a, err := ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if !parse("0.0.0.0:80").IsUnspecified() || !parse("[::]:80").IsUnspecified() || parse("[::1]:80").IsUnspecified() {
		t.Error("IsUnspecified is wrong")
	}
	if got := parse("[::ffff:1.2.3.4]:5").Unmap(); got != parse("1.2.3.4:5") {
		t.Errorf("Unmap gives %v", got)
	}
	if got := parse("1.2.3.4:5").AppendBinary(nil); string(got) != "\x01\x02\x03\x04" {
		t.Errorf("binary IPv4 is %x", got)
	}
	if got := parse("[1::2]:5").AppendBinary(nil); len(got) != 16 || got[1] != 1 || got[15] != 2 {
		t.Errorf("binary IPv6 is %x", got)
	}
	if (Addr{}).IsValid() {
		t.Error("the zero Addr is valid")
	}
	if n := reflect.TypeFor[Addr]().Size(); n > 40 {
		t.Errorf("an Addr takes %d bytes: every connection has one", n)
	}
}

func TestAddrDoesNotAllocate(t *testing.T) {
	a, b := mustParse(t, "1.2.3.4:80"), mustParse(t, "[2001:db8::1]:443")
	buf := make([]byte, 0, 64)
	var r RawAddr
	if n := testing.AllocsPerRun(100, func() {
		for _, x := range [...]Addr{a, b} {
			r.Set(x)
			buf = r.Addr().AppendTo(buf[:0])
		}
	}); n != 0 {
		t.Errorf("decoding and printing allocate %v times", n)
	}
}

func mustParse(t testing.TB, s string) Addr {
	t.Helper()
	a, err := ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"1.2.3.4:80", "[::1]:80", "unix:/x", "::1", "[fe80::1%1]:2", "1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			return
		}
		var r RawAddr
		r.Set(a)
		text := r.Addr().String()
		b, err := ParseAddr(text)
		if a.Family() == Unix && strings.IndexByte(a.path, 0) >= 0 {
			return // a path ends at its first NUL, or begins with one
		}
		if err != nil || b.String() != text {
			t.Fatalf("%q became %q, which reads as %v, %v", s, text, b, err)
		}
	})
}

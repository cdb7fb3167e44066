package http_test

import (
	"bytes"
	"net/netip"
	"testing"

	"weir/appliance/http"
	"weir/netio/sock"
)

var addressSeeds = []string{
	"127.0.0.1", "255.255.255.255", "0.0.0.0", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1..2.3", "1.2.3.4.", "",
	"::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8::", "1::2::3", ":::", ":", "1:", ":1", "12345::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
	"1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1.2.3.4::", "FE80::AbCd", "fe80::1%eth0", "unix:",
}

// FuzzParseIP holds the parser against netip's, which takes zones, too.
func FuzzParseIP(f *testing.F) {
	for _, s := range addressSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := netip.ParseAddr(string(b))
		if want.Zone() != "" {
			return
		}
		got, ok := http.ParseIP(b)
		if ok != (err == nil) || ok && got != want {
			t.Errorf("%q: got %v, %v; want %v, %v", b, got, ok, want, err)
		}
	})
}

func proxies(t testing.TB, list ...string) (cidrs []http.CIDR) {
	t.Helper()
	for _, s := range list {
		c, _, ok := http.ParseCIDR(s)
		if !ok {
			t.Fatalf("%q is no network", s)
		}
		cidrs = append(cidrs, c)
	}
	return cidrs
}

func TestForwardedAddressesAreFollowed(t *testing.T) {
	trusted := proxies(t, "127.0.0.0/8", "10.0.0.0/8", "fd00::/8", "unix:")
	tests := []struct {
		name      string
		peer      string
		values    []string
		recursive bool
		want      string // "" when nothing changes
	}{
		{"the last address counts", "127.0.0.1", []string{"1.1.1.1, 2.2.2.2"}, false, "2.2.2.2:0"},
		{"a peer that is not trusted is not asked", "9.9.9.9", []string{"1.1.1.1"}, false, ""},
		{"a unix peer can be trusted", "unix:/x", []string{"1.1.1.1"}, false, "1.1.1.1:0"},
		{"a mapped peer counts as IPv4", "[::ffff:127.0.0.1]:5", []string{"1.1.1.1"}, false, "1.1.1.1:0"},
		{"no value changes nothing", "127.0.0.1", nil, true, ""},
		{"an empty value changes nothing", "127.0.0.1", []string{"1.1.1.1", ""}, true, ""},
		{"what is no address changes nothing", "127.0.0.1", []string{"unknown"}, false, ""},
		{"once is not twice", "127.0.0.1", []string{"1.1.1.1, 10.0.0.1"}, false, "10.0.0.1:0"},
		{"recursion passes over trusted addresses", "127.0.0.1", []string{"3.3.3.3, 1.1.1.1, 10.0.0.1"}, true, "1.1.1.1:0"},
		{"recursion goes on in the field before", "127.0.0.1", []string{"3.3.3.3, 1.1.1.1", "10.0.0.1"}, true, "1.1.1.1:0"},
		{"recursion ends with the list", "127.0.0.1", []string{"10.0.0.2, 10.0.0.1"}, true, "10.0.0.2:0"},
		{"recursion ends at what is no address", "127.0.0.1", []string{"1.1.1.1, x, 10.0.0.1"}, true, "10.0.0.1:0"},
		{"any mix of blanks and commas separates", "127.0.0.1", []string{" ,, 1.1.1.1 ,,10.0.0.1 , "}, true, "1.1.1.1:0"},
		{"blanks alone change nothing", "127.0.0.1", []string{" , "}, true, ""},
		{"a port is kept", "127.0.0.1", []string{"1.1.1.1:99"}, false, "1.1.1.1:99"},
		{"port 0 is none", "127.0.0.1", []string{"1.1.1.1:0"}, false, ""},
		{"a port has 16 bits", "127.0.0.1", []string{"1.1.1.1:65536"}, false, ""},
		{"a colon wants a port", "127.0.0.1", []string{"1.1.1.1:"}, false, ""},
		{"IPv6 stands bare", "127.0.0.1", []string{"2001:db8::1"}, false, "[2001:db8::1]:0"},
		{"IPv6 stands in brackets", "127.0.0.1", []string{"[2001:db8::1]"}, false, "[2001:db8::1]:0"},
		{"IPv6 has a port behind brackets", "127.0.0.1", []string{"fd00::5, [2001:db8::1]:80"}, false, "[2001:db8::1]:80"},
		{"brackets want a colon before the port", "127.0.0.1", []string{"[2001:db8::1]80"}, false, ""},
		{"brackets are closed", "127.0.0.1", []string{"[2001:db8::1"}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peer, err := sock.ParseAddr(tt.peer)
			if err != nil {
				t.Fatal(err)
			}
			var values [][]byte
			for _, v := range tt.values {
				values = append(values, []byte(v))
			}
			got, changed := http.ForwardedAddr(peer, values, trusted, tt.recursive)
			want := tt.want
			if changed != (want != "") {
				t.Fatalf("got %s, changed %v; want %q", got, changed, want)
			}
			if want == "" {
				want = peer.String()
			}
			if got.String() != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// FuzzForwardedAddr wants any list to end, and an address out of it to be one
// that it holds.
func FuzzForwardedAddr(f *testing.F) {
	for _, s := range []string{"1.1.1.1, 10.0.0.1", " , ", "[::1]:1,", "10.0.0.1 10.0.0.2,10.0.0.3", ",", ":"} {
		f.Add([]byte(s), []byte(""))
	}
	f.Add([]byte("1.1.1.1"), []byte("10.0.0.1, [fd00::1]:7"))
	trusted := proxies(f, "10.0.0.0/8", "fd00::/8", "127.0.0.1")
	peer := sock.AddrFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		values := [][]byte{a, b}
		one, changed := http.ForwardedAddr(peer, values, trusted, false)
		if !changed && one != peer {
			t.Errorf("%q %q: %s without a change", a, b, one)
		}
		all, followed := http.ForwardedAddr(peer, values, trusted, true)
		if followed != changed {
			t.Errorf("%q %q: changed %v once, %v recursively", a, b, changed, followed)
		}
		if changed && !http.ContainsAny(trusted, one) && all != one {
			t.Errorf("%q %q: recursion went past %s to %s", a, b, one, all)
		}
	})
}

func TestForwardedAddressesTakeNoAllocation(t *testing.T) {
	trusted := proxies(t, "127.0.0.1", "10.0.0.0/8", "fd00::/8")
	peer := sock.AddrFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)
	values := [][]byte{[]byte("1.2.3.4, [2001:db8::1]:80"), []byte("fd00::1, 10.0.0.1")}
	if n := testing.AllocsPerRun(100, func() {
		if a, _ := http.ForwardedAddr(peer, values, trusted, true); a.Port() != 80 {
			t.Fatalf("got %s", a)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// FuzzParseCIDR wants what is taken to be a network that has its own address.
func FuzzParseCIDR(f *testing.F) {
	for _, s := range append(addressSeeds, "10.0.0.0/8", "10.1.2.3/8", "::/0", "1.2.3.4/33", "1.2.3.4/", "/8", "1.2.3.4/-1", "fe80::/10") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, masked, ok := http.ParseCIDR(s)
		switch {
		case !ok:
		case c.Unix:
			if s != "unix:" || masked {
				t.Errorf("%q is taken for unix:", s)
			}
		case !c.Prefix.IsValid() || c.Prefix.Masked() != c.Prefix:
			t.Errorf("%q: got %v", s, c.Prefix)
		case !c.Prefix.Addr().Is4In6() && !c.Contains(sock.AddrFrom(c.Prefix.Addr(), 0)):
			t.Errorf("%q does not contain its address", s)
		}
	})
}

func TestHostPatternsAreFoundInNginxsOrder(t *testing.T) {
	var x http.HostIndex[string]
	for _, name := range []string{"example.com", "*.example.com", ".example.org", "www.*", "www.example.*", "*.org"} {
		if !x.Add(name, name) {
			t.Fatalf("%q is refused", name)
		}
	}
	for _, name := range []string{"example.org", ".example.com", "*.example.org", "www.*"} {
		if x.Add(name, "again") {
			t.Errorf("%q does not conflict", name)
		}
	}
	for host, want := range map[string]string{
		"example.com": "example.com", "a.example.com": "*.example.com", "a.b.example.com": "*.example.com",
		"example.org": ".example.org", "a.example.org": ".example.org", "other.org": "*.org",
		"www.net": "www.*", "www.example.net": "www.example.*", "www.a.b": "www.*", "www": "", "com": "", "": "", ".": "",
	} {
		got, ok := x.Find([]byte(host))
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestHostPatternsAllowOneAsteriskAtAnEnd(t *testing.T) {
	for name, want := range map[string]bool{
		"a.b": true, "*.a": true, "a.*": true, ".a": true, "*": false, "*a": false, "a*.b": false, "a.*.b": false,
		"*.a.*": false, "a..b": false, "*.*": false,
	} {
		if got := http.ValidHostPattern(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	if b := []byte("x"); !bytes.Equal(http.Lower(nil, b), b) {
		t.Error("Lower changes what is lower")
	}
}

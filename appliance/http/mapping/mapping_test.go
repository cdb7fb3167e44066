package mapping

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// fill adds "key value" lines to a geo block and returns the warnings.
func fill(g *geo, lines ...string) (warnings []string, err error) {
	cx := &conf.Cx{Log: func(_, msg string) { warnings = append(warnings, msg) }}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		if err := g.add(cx, key, value); err != nil {
			return warnings, err
		}
	}
	g.finish()
	return warnings, nil
}

func find(g *geo, addr string) string { return string(g.find(netip.MustParseAddr(addr))) }

func TestGeoTakesTheLongestNetwork(t *testing.T) {
	g := &geo{}
	warnings, err := fill(g, "default d", "10.0.0.0/8 a", "10.1.0.0/16 b", "10.1.2.3 c", "255.255.255.255 none",
		"2001:db8::/32 six", "2001:db8::1 one", "192.0.2.0/24 gone", "delete 192.0.2.0/24")
	if err != nil || warnings != nil {
		t.Fatal(err, warnings)
	}
	for addr, want := range map[string]string{
		"9.9.9.9": "d", "10.9.9.9": "a", "10.1.9.9": "b", "10.1.2.3": "c", "255.255.255.255": "none", "192.0.2.1": "d",
		"::1": "d", "2001:db8::2": "six", "2001:db8::1": "one",
	} {
		if got := find(g, addr); got != want {
			t.Errorf("%s: got %q, want %q", addr, got, want)
		}
	}
}

func TestGeoWarnsOfWhatItReplaces(t *testing.T) {
	g := &geo{}
	warnings, err := fill(g, "10.0.0.1/8 a", "10.0.0.0/8 b", "delete 11.0.0.0/8", "::/0 x", "default y")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"low address bits of 10.0.0.1/8 are meaningless",
		`duplicate network "10.0.0.0/8", value: "b", old value: "a"`,
		`no network "11.0.0.0/8" to delete`,
		`duplicate network "default", value: "y", old value: "x"`,
	}
	if fmt.Sprint(warnings) != fmt.Sprint(want) {
		t.Errorf("got %q\nwant %q", warnings, want)
	}
	if got := find(g, "::1") + find(g, "1.1.1.1") + find(g, "10.1.1.1"); got != "yyb" {
		t.Errorf("got %q", got)
	}
}

func TestGeoRefusesWhatIsNoNetwork(t *testing.T) {
	for _, line := range []string{"x a", "10.0.0.0/33 a", "proxy unix:", "proxy x", "delete x", "unix: a"} {
		if _, err := fill(&geo{}, line); err == nil || !strings.Contains(err.Error(), "invalid network") {
			t.Errorf("%q: got %v", line, err)
		}
	}
	for _, line := range []string{"10.0.0.1 a", "10.0.0.2-10.0.0.1 a", "::1-::2 a", "10.0.0.1- a", "delete x"} {
		if _, err := fill(&geo{byRange: true}, line); err == nil || !strings.Contains(err.Error(), "invalid range") {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

func TestGeoRangesGiveWayAsInNginx(t *testing.T) {
	tests := []struct {
		name     string
		lines    []string
		want     string            // warnings, or the error
		find     map[string]string // address to value
		wantFail bool
	}{
		{"a range inside splits the outer one", []string{"10.0.0.0-10.0.0.9 a", "10.0.0.3-10.0.0.5 b"}, "",
			map[string]string{"10.0.0.2": "a", "10.0.0.3": "b", "10.0.0.5": "b", "10.0.0.6": "a", "10.0.0.9": "a", "10.0.0.10": "d"}, false},
		{"a range at the start shifts it", []string{"10.0.0.0-10.0.0.9 a", "10.0.0.0-10.0.0.5 b"}, "",
			map[string]string{"10.0.0.0": "b", "10.0.0.5": "b", "10.0.0.6": "a"}, false},
		{"a range at the end cuts it", []string{"10.0.0.0-10.0.0.9 a", "10.0.0.5-10.0.0.9 b"}, "",
			map[string]string{"10.0.0.4": "a", "10.0.0.5": "b", "10.0.0.9": "b"}, false},
		{"the same range is replaced", []string{"10.0.0.0-10.0.0.9 a", "10.0.0.0-10.0.0.9 b"},
			`[duplicate range "10.0.0.0-10.0.0.9", value: "b", old value: "a"]`, map[string]string{"10.0.0.4": "b"}, false},
		{"ranges that cross fail", []string{"10.0.0.0-10.0.0.9 a", "10.0.0.12-10.0.0.13 b", "10.0.0.5-10.0.0.14 c"},
			`range "10.0.0.5-10.0.0.14" overlaps "10.0.0.12-10.0.0.13"`, nil, true},
		{"a range around another fails", []string{"10.0.0.5-10.0.0.6 a", "10.0.0.0-10.0.0.9 b"},
			`range "10.0.0.0-10.0.0.9" overlaps "10.0.0.5-10.0.0.6"`, nil, true},
		{"a range spans networks", []string{"10.10.3.0-10.12.2.255 a", "10.13.0.0-10.13.0.0 b"}, "",
			map[string]string{"10.10.2.255": "d", "10.10.3.0": "a", "10.11.0.0": "a", "10.12.2.255": "a", "10.12.3.0": "d", "10.13.0.0": "b"}, false},
		{"a range is deleted as it was given", []string{"10.10.3.0-10.12.2.255 a", "delete 10.10.3.0-10.12.2.255"}, "",
			map[string]string{"10.10.3.0": "d", "10.11.0.0": "d", "10.12.2.255": "d"}, false},
		{"a part of a range is not deleted", []string{"10.0.0.0-10.0.0.9 a", "delete 10.0.0.0-10.0.0.5"},
			`[no address range "10.0.0.0-10.0.0.5" to delete]`, map[string]string{"10.0.0.3": "a"}, false},
		{"default is given twice", []string{"default e"}, `[duplicate default geo range value: "e", old value: "d"]`,
			map[string]string{"1.1.1.1": "e"}, false},
		{"IPv6 is no address", []string{"255.255.255.0-255.255.255.255 none"}, "", map[string]string{"::1": "none", "2001::": "none"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &geo{byRange: true}
			warnings, err := fill(g, append([]string{"default d"}, tt.lines...)...)
			got := ""
			if warnings != nil {
				got = fmt.Sprint(warnings)
			}
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || (err != nil) != tt.wantFail {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for addr, want := range tt.find {
				if got := find(g, addr); got != want {
					t.Errorf("%s: got %q, want %q", addr, got, want)
				}
			}
		})
	}
}

// TestGeoRangesAgreeWithALinearList nests random ranges and compares.
func TestGeoRangesAgreeWithALinearList(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g := &geo{byRange: true}
	var values [512]string
	lo, hi := 0, len(values)-1
	for n := 0; lo <= hi; n++ {
		value := fmt.Sprint(n)
		if _, err := fill(g, fmt.Sprintf("10.0.%d.%d-10.0.%d.%d %s", lo>>8, lo&255, hi>>8, hi&255, value)); err != nil {
			t.Fatal(err)
		}
		for i := lo; i <= hi; i++ {
			values[i] = value
		}
		lo += 1 + rnd.IntN(9)
		hi -= rnd.IntN(9)
	}
	for i, want := range values {
		if got := find(g, fmt.Sprintf("10.0.%d.%d", i>>8, i&255)); got != want {
			t.Errorf("%d: got %q, want %q", i, got, want)
		}
	}
}

func FuzzGeoRange(f *testing.F) {
	f.Add("10.0.0.0-10.0.0.9", "10.0.0.3-10.0.0.5", "10.0.0.3-10.0.0.5")
	f.Add("0.0.0.0-1.255.255.255", "1.0.0.0-1.0.0.0", "x")
	f.Fuzz(func(t *testing.T, a, b, remove string) {
		for _, s := range []string{a, b, remove} {
			if first, last, ok := parseRange(s); ok && last-first > 1<<24 {
				t.Skip("many blocks")
			}
		}
		g := &geo{byRange: true}
		_, err := fill(g, a+" a", b+" b", "delete "+remove)
		for _, bl := range g.blocks {
			for i := range bl {
				if bl[i].first > bl[i].last || i > 0 && bl[i-1].last >= bl[i].first {
					t.Fatalf("%q %q %q: out of order: %v (%v)", a, b, remove, bl, err)
				}
			}
		}
	})
}

func TestSharesAreRead(t *testing.T) {
	for s, want := range map[string]uint64{
		"1%": 100, "0.5%": 50, ".5%": 50, "12.34%": 1234, "1.%": 100, "100%": 10000, "200%": 20000,
		"0%": 0, "0.00%": 0, "%": 0, "1": 0, "1.234%": 0, "-1%": 0, "+1%": 0, "x%": 0, "1.2.3%": 0,
	} {
		if got, ok := percent(s); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: got %d %v, want %d", s, got, ok, want)
		}
	}
}

// TestTheHashIsMurmur2 holds the hash to values whose groups split_clients.txtar
// of the end-to-end cases shows to be those of nginx.
func TestTheHashIsMurmur2(t *testing.T) {
	for s, want := range map[string]uint32{
		"": 0, "a": 0x92685f5e, "ab": 0x1aa14063, "abc": 0x13577c9b, "abcd": 0x26873021, "test": 0x1812752e,
	} {
		if got := murmur2([]byte(s)); got != want {
			t.Errorf("%q: got %#x, want %#x", s, got, want)
		}
	}
}

func TestLookupsTakeNoAllocation(t *testing.T) {
	nets, ranges := &geo{}, &geo{byRange: true}
	if _, err := fill(nets, "default d", "10.0.0.0/8 a", "10.1.0.0/16 b", "2001:db8::/32 c"); err != nil {
		t.Fatal(err)
	}
	if _, err := fill(ranges, "default d", "10.0.0.0-10.1.255.255 a"); err != nil {
		t.Fatal(err)
	}
	var m table
	if !m.keys.AddExact("key", new(http.Complex)) {
		t.Fatal("refused")
	}
	s := &split{parts: []share{{limit: 1 << 31, value: []byte("a")}, {all: true, value: []byte("b")}}}
	four, six, key := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1"), []byte("key")
	if n := testing.AllocsPerRun(100, func() {
		nets.find(four)
		nets.find(six)
		ranges.find(four)
		ranges.find(six)
		m.find(nil, key)
		s.find(murmur2(key))
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

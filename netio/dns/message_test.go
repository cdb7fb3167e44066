package dns

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzParse feeds answers to the parser. Whatever comes, it must not panic,
// must not take an answer to another query, and must hold its bounds.
func FuzzParse(f *testing.F) {
	types := []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeSRV, dnsmessage.TypePTR}
	q := func(t dnsmessage.Type) dnsmessage.Question {
		return dnsmessage.Question{Name: dnsmessage.MustNewName("h.test."), Type: t, Class: dnsmessage.ClassINET}
	}
	for i, re := range []reply{
		{records: []dnsmessage.Resource{addr("h.test", "192.0.2.1", 60)}},
		{records: []dnsmessage.Resource{alias("h.test", "i.test", 60), addr("i.test", "2001:db8::1", 60)}},
		{records: []dnsmessage.Resource{srv("h.test", "a.test", 80, 1, 1)}},
		{code: dnsmessage.RCodeNameError, authority: []dnsmessage.Resource{soa("test", 60, 5)}},
		{truncated: true},
		{code: dnsmessage.RCodeFormatError},
	} {
		f.Add(pack(f, 7, q(types[i%len(types)]), re), uint8(i))
	}
	// A name that points at itself, and a record with no data.
	for _, s := range []string{
		"000781800001000100000000" + "c00c00010001",
		"000781800001000100000000" + "0168047465737400" + "00010001" + "c00c00010001000000090000",
	} {
		raw, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint8(0))
	}
	f.Fuzz(func(t *testing.T, msg []byte, kind uint8) {
		want := question{"h.test", types[int(kind)%len(types)]}
		a, err := parse(msg, 7, want)
		if err != nil {
			return
		}
		if len(msg) < 12 || msg[0] != 0 || msg[1] != 7 || msg[2]&0x80 == 0 {
			t.Errorf("took %x for an answer", msg)
		}
		if a.ttl > 1<<31-1 && (!a.empty() || a.alias != "" || a.keep) {
			t.Errorf("TTL %d is out of range", a.ttl)
		}
		for _, ip := range a.addrs {
			if ip.Is4() != (want.typ == dnsmessage.TypeA) {
				t.Errorf("got %v for type %v", ip, want.typ)
			}
		}
		if a.truncated && !a.empty() {
			t.Error("took records from a truncated answer")
		}
	})
}

func TestQueryMessage(t *testing.T) {
	msg, err := appendQuery(nil, 0x1234, question{"h.test", dnsmessage.TypeAAAA})
	const want = "1234" + "0100" + "0001000000000000" + "0168047465737400" + "001c0001"
	if got := hex.EncodeToString(msg); err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestNamesAreCheckedBeforeTheyAreAsked(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct {
		name string
		want bool
	}{
		{"a", true}, {"a.b", true}, {"_http._tcp.a", true}, {"", false}, {".", false}, {".a", false}, {"a..b", false},
		{label, true}, {label + "a", false},
		{strings.Join([]string{label, label, label, label[:61]}, "."), true},
		{strings.Join([]string{label, label, label, label[:62]}, "."), false},
	} {
		if got := valid(c.name); got != c.want {
			t.Errorf("valid(%q) = %v, want %v", c.name, got, c.want)
		}
		if _, err := appendQuery(nil, 1, question{c.name, dnsmessage.TypeA}); c.want && err != nil {
			t.Errorf("%q is valid, yet: %v", c.name, err)
		}
	}
}

func TestReverseNames(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.10": "10.2.0.192.in-addr.arpa",
		"::1":        "1" + strings.Repeat(".0", 31) + ".ip6.arpa",
	} {
		if got := reverseName(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

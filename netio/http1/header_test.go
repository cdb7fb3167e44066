package http1

import (
	"strings"
	"testing"
)

func TestLookupHeaderFindsEveryNameInAnyCase(t *testing.T) {
	for id := HeaderID(1); id < HeaderCount; id++ {
		name := id.String()
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := LookupHeader([]byte(s)); got != id {
				t.Errorf("%q: got %d (%v), want %d", s, got, got, id)
			}
		}
	}
}

func TestLookupHeaderIsExact(t *testing.T) {
	// Every name that differs in one byte, other than by case, is another name.
	for id := HeaderID(1); id < HeaderCount; id++ {
		name := []byte(id.String())
		for i, c := range name {
			for x := range 256 {
				name[i] = byte(x)
				got := LookupHeader(name)
				if same := EqualFold(name, strings.ToLower(id.String())); same != (got == id) {
					t.Fatalf("%q: got %v, want match %v", name, got, same)
				}
				if got != HeaderUnknown && !EqualFold(name, strings.ToLower(got.String())) {
					t.Fatalf("%q: got %v", name, got)
				}
			}
			name[i] = c
		}
		for _, s := range []string{string(name[1:]), string(name[:len(name)-1]), "X" + string(name), string(name) + "s", string(name) + " "} {
			if got := LookupHeader([]byte(s)); got != HeaderUnknown && !EqualFold([]byte(s), strings.ToLower(got.String())) {
				t.Errorf("%q: got %v", s, got)
			}
		}
	}
	for _, s := range []string{"", "a", "\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("x", 33), strings.Repeat("Host", 20)} {
		if got := LookupHeader([]byte(s)); got != HeaderUnknown {
			t.Errorf("%q: got %v, want none", s, got)
		}
	}
}

func TestFieldsKeepSetsOfKnownHeaders(t *testing.T) {
	b := []byte("Accept: a\r\nCookie: b\r\nX-Y: c\r\nCOOKIE: d\r\nX-Y: e\r\n\r\n")
	var p FieldParser
	p.Reset(0, Options{})
	var f Fields
	if res := p.Fields(b, &f); res != Done {
		t.Fatalf("got %v, want done", res)
	}
	if !f.Known.Has(HeaderAccept) || !f.Known.Has(HeaderCookie) || f.Known.Has(HeaderHost) || f.Known.Has(HeaderUnknown) {
		t.Errorf("got known %x", f.Known)
	}
	if f.Repeated.Has(HeaderAccept) || !f.Repeated.Has(HeaderCookie) || f.Repeated.Has(HeaderUnknown) {
		t.Errorf("got repeated %x", f.Repeated)
	}
	if v, ok := f.Value(b, HeaderCookie); !ok || string(v) != "b" {
		t.Errorf("got Cookie %q, %v; want the first one", v, ok)
	}
	if v, ok := f.Value(b, HeaderHost); ok || v != nil {
		t.Errorf("got Host %q, %v; want none", v, ok)
	}
	f.Clear()
	if len(f.Headers) != 0 || cap(f.Headers) == 0 || f.Known.Has(HeaderAccept) {
		t.Errorf("after Clear: got %d headers, known %x", len(f.Headers), f.Known)
	}
}

func TestAddKeepsTheSetsAsTheParserDoes(t *testing.T) {
	var f Fields
	for _, name := range []string{"Cookie", "a_b", "cookie"} {
		id, flags, ok := ClassifyName([]byte(name))
		if !ok {
			t.Fatalf("%q: not a name", name)
		}
		f.Add(Header{ID: id, Flags: flags})
	}
	if len(f.Headers) != 3 || f.Known != SetOf(HeaderCookie) || f.Repeated != SetOf(HeaderCookie) || f.Odd != HeaderUnderscore {
		t.Errorf("got %+v", f)
	}
}

func TestSets(t *testing.T) {
	a, b := SetOf(HeaderHost, HeaderXPad), SetOf(HeaderXPad, HeaderDate)
	if got := a.Common(&b); got != HeaderXPad {
		t.Errorf("got %v, want %v", got, HeaderXPad)
	}
	if got := a.Common(new(HeaderSet)); got != HeaderUnknown {
		t.Errorf("got %v, want none", got)
	}
}

func TestNamesAndValuesFromElsewhere(t *testing.T) {
	for _, tc := range []struct {
		name  string
		id    HeaderID
		flags HeaderFlags
		ok    bool
	}{
		{"etag", HeaderETag, 0, true},
		{"X-Y", HeaderUnknown, 0, true},
		{"x_y", HeaderUnknown, HeaderUnderscore, true},
		{"x.y_", HeaderUnknown, HeaderUnderscore | HeaderInvalid, true},
		{"", HeaderUnknown, 0, false},
		{"x y", HeaderUnknown, 0, false},
		{"x:", HeaderUnknown, 0, false},
		{"x\r\n", HeaderUnknown, 0, false},
	} {
		if id, flags, ok := ClassifyName([]byte(tc.name)); id != tc.id || ok != tc.ok || ok && flags != tc.flags {
			t.Errorf("%q: got %v, %b, %v", tc.name, id, flags, ok)
		}
	}
	for v, want := range map[string]bool{"": true, "a b\tc\t": true, "\xff": true, "a\r\nX: y": false, "a\n": false, "\x00": false, "\t\x7f": false} {
		if got := ValidValue([]byte(v)); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
}

func TestLookupMethodFindsEveryName(t *testing.T) {
	for m := MethodUnknown + 1; m < methodCount; m++ {
		if got := LookupMethod([]byte(m.String())); got != m {
			t.Errorf("%v: got %v", m, got)
		}
	}
	for _, s := range []string{"", "get", "GETX", "GE", "POSTS"} {
		if got := LookupMethod([]byte(s)); got != MethodUnknown {
			t.Errorf("%q: got %v, want unknown", s, got)
		}
	}
}

func TestScanners(t *testing.T) {
	colon, control := make([]byte, 40), make([]byte, 40)
	for n := range 40 {
		for at := range n + 1 {
			for c := range 256 {
				for i := range n {
					colon[i], control[i] = ';', ' '
				}
				if at < n {
					colon[at], control[at] = byte(c), byte(c)
				}
				want := n
				if at < n && c == ':' {
					want = at
				}
				if got := indexColon(colon[:n], 0); got != want {
					t.Fatalf("colon %q: got %d, want %d", colon[:n], got, want)
				}
				want = n
				if at < n && (c < ' ' || c == 0x7f) {
					want = at
				}
				if got := indexControl(control[:n], 0); got != want {
					t.Fatalf("control %q: got %d, want %d", control[:n], got, want)
				}
			}
		}
	}
	if got := indexColon([]byte("a:bcdefghijk:"), 2); got != 12 {
		t.Errorf("colon from 2: got %d, want 12", got)
	}
	if got := indexControl([]byte("\n\x80\xff~\t\n"), 1); got != 4 {
		t.Errorf("control from 1: got %d, want 4", got)
	}
}

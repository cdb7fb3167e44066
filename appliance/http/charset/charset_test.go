package charset

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/netio/buf"
)

// koi8 are tables with a few letters of KOI8-R.
func koi8(t testing.TB) (there, back *table) {
	t.Helper()
	there, back = newTables(true)
	for src, text := range map[byte]string{0xc1: "D0B0", 0xc2: "D0B1", 0x95: "E28099"} {
		if !join(there, back, src, text) {
			t.Fatalf("%s was refused", text)
		}
	}
	return there, back
}

func TestBytesBecomeUTF8AndBack(t *testing.T) {
	there, back := koi8(t)
	got, _ := there.appendTo(nil, []byte("x\xc1\xc2\x95\xff"))
	if string(got) != "xаб’?" {
		t.Errorf("to UTF-8: got %q", got)
	}
	for _, c := range []struct{ in, out, rest string }{
		{"xаб’y", "x\xc1\xc2\x95y", ""},
		{"ц", "&#1094;", ""},
		{"\U0001F600", "&#128512;", ""},
		{"a\xffb\x80", "a?b?", ""},
		{"a\xd0", "a", "\xd0"},
		{"a\xe2\x80", "a", "\xe2\x80"},
		{"\xed\xa0\x80", "???", ""},
	} {
		out, rest := back.appendTo(nil, []byte(c.in))
		if string(out) != c.out || string(rest) != c.rest {
			t.Errorf("%q: got %q and %q, want %q and %q", c.in, out, rest, c.out, c.rest)
		}
		if n := back.most([]byte(c.in)); n < len(out) {
			t.Errorf("%q: %d bytes were foreseen for %d", c.in, n, len(out))
		}
	}
}

func TestMapsRefuseWhatIsNoCharacter(t *testing.T) {
	for _, text := range []string{"", "D0", "D0B0D0B1", "zz", "D0B", "F09F9880", "FF"} {
		there, back := newTables(true)
		if join(there, back, 0x80, text) {
			t.Errorf("%q was taken for a character", text)
		}
	}
	there, back := newTables(false)
	for _, text := range []string{"", "100", "zz"} {
		if join(there, back, 0x80, text) {
			t.Errorf("%q was taken for a byte", text)
		}
	}
}

// recodeIn recodes text that comes in pieces and returns what goes out.
func recodeIn(tb *table, pieces ...string) string {
	pool := buf.NewPool(0)
	c := &recoding{pool: pool, t: tb}
	var b strings.Builder
	for _, p := range pieces {
		var in http.Chain
		in.Append(pool.MemLink([]byte(p)))
		c.recode(&in)
		for l := c.out.Pop(); l != nil; l = c.out.Pop() {
			b.Write(l.Mem)
			pool.Done(l)
		}
	}
	if st := pool.Stats(); st.InUse != 0 || st.Links != 0 || !c.held.Empty() {
		return "LEAK"
	}
	return b.String()
}

func TestCharactersMayBeSplitAnywhere(t *testing.T) {
	_, back := koi8(t)
	const text = "xаб’\U0001F600\xff\xf0\x9f\x98а\xe2aб"
	want := recodeIn(back, text)
	for i := range len(text) + 1 {
		for j := i; j <= len(text); j++ {
			if got := recodeIn(back, text[:i], text[i:j], text[j:]); got != want {
				t.Errorf("split at %d and %d: got %q, want %q", i, j, got, want)
			}
		}
	}
	if got := recodeIn(back, strings.Split(text, "")...); got != want && utf8.ValidString(text) {
		t.Errorf("by characters: got %q, want %q", got, want)
	}
}

func FuzzFromUTF8(f *testing.F) {
	f.Add("xаб’\U0001F600", 3)
	f.Add("\xf0\x9f\x98\xe2\x82\xac", 3)
	f.Fuzz(func(t *testing.T, text string, at int) {
		if at < 0 || at > len(text) {
			return
		}
		_, back := koi8(t)
		whole, split := recodeIn(back, text), recodeIn(back, text[:at], text[at:])
		if whole != split {
			t.Errorf("%q split at %d: got %q, want %q", text, at, split, whole)
		}
	})
}

func TestTypesAreComparedWithoutParameters(t *testing.T) {
	s := http.NewTypeSet(defaultTypes...)
	for text, want := range map[string]bool{"text/html": true, "Text/HTML; charset=x": true, "text/plain ;a": true,
		"image/gif": false, "": false, "text/htmlx": false} {
		if got := s.Has([]byte(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestTheFilterIsInTheChainOnlyWhereACharsetIsNamed(t *testing.T) {
	for text, want := range map[string]bool{
		"server { }": false,
		"charset off; override_charset on; server { }":     false,
		"charset_types text/css; server { }":               false,
		"server { location / { charset utf-8; } }":         true,
		"server { charset $arg_c; }":                       true,
		"server { location / { source_charset koi8-r; } }": true,
		"charset_map koi8-r utf-8 { } server { }":          true,
	} {
		var inChain [2]bool
		m := Module
		m.HeaderFilter = func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
			f := Module.HeaderFilter(b, next)
			inChain[0] = reflect.ValueOf(f).Pointer() != reflect.ValueOf(next).Pointer()
			return f
		}
		m.BodyFilter = func(b *http.Builder, next http.BodyFilter) http.BodyFilter {
			f := Module.BodyFilter(b, next)
			inChain[1] = reflect.ValueOf(f).Pointer() != reflect.ValueOf(next).Pointer()
			return f
		}
		if _, err := httptest.Load(t, http.Modules{&http.Core, &m}, text); err != nil {
			t.Fatal(err)
		}
		if inChain != [2]bool{want, want} {
			t.Errorf("%s: in the chains of header and body: %v, want %v", text, inChain, want)
		}
	}
}

package http1

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"weir/netio/buf"
)

// The seeds of these targets are the samples of the table tests and the files
// under testdata/fuzz, which hold what fuzzing has found to be interesting.

// FuzzRequest holds that where a request is cut never matters, and that an
// accepted one has only spans that mean what they say.
func FuzzRequest(f *testing.F) {
	for _, s := range requestSamples {
		f.Add([]byte(s), uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		var whole, split Request
		want, wantPos := parseSplit(b, len(b), 0, &whole)
		for _, step := range []int{1, len(b)} {
			split = Request{}
			got, pos := parseSplit(b, int(cut)%(len(b)+1), step, &split)
			checkSplit(t, want, got, wantPos == pos && reflect.DeepEqual(whole, split))
		}
		if want != Done {
			return
		}
		for _, s := range []buf.Span{whole.Line, whole.MethodName, whole.Target, whole.Scheme, whole.Host, whole.Port, whole.Path, whole.Query, whole.Ext, whole.Protocol} {
			if s.Off > s.End || int(s.End) > wantPos {
				t.Fatalf("span %v is out of range", s)
			}
			if bytes.ContainsAny(s.Of(b), "\r\n\x00") {
				t.Fatalf("span %q has a line end or NUL", s.Of(b))
			}
		}
		if whole.Path.Empty() || b[whole.Path.Off] != '/' || bytes.ContainsAny(whole.Path.Of(b), "?# ") {
			t.Fatalf("got path %q", whole.Path.Of(b))
		}
		checkFields(t, b, &whole.Fields)
		if body, res := CheckRequest(b, &whole); res == Done && body.Chunked && body.Length >= 0 {
			t.Fatal("a body has two lengths")
		}
	})
}

// FuzzResponse is FuzzRequest for responses.
func FuzzResponse(f *testing.F) {
	for _, s := range responseSamples {
		f.Add([]byte(s), uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		var whole, split Response
		want, wantPos := parseResponse(b, len(b), 0, &whole)
		for _, step := range []int{1, len(b)} {
			split = Response{}
			got, pos := parseResponse(b, int(cut)%(len(b)+1), step, &split)
			checkSplit(t, want, got, wantPos == pos && reflect.DeepEqual(whole, split))
		}
		if want != Done {
			return
		}
		if whole.Status < 100 || whole.Status > 999 || !strings.HasSuffix(string(whole.StatusLine.Of(b)), string(whole.Reason.Of(b))) {
			t.Fatalf("got status %d, %q, %q", whole.Status, whole.StatusLine.Of(b), whole.Reason.Of(b))
		}
		checkFields(t, b, &whole.Fields)
	})
}

// checkSplit compares the result for whole input with that for parts. A fault
// is seen early or late, depending on the parts, but it never goes unseen.
func checkSplit(t *testing.T, whole, split Result, equal bool) {
	t.Helper()
	switch {
	case whole.Failed() && split == Done, !whole.Failed() && split != whole:
		t.Fatalf("got %v for parts, want %v", split, whole)
	case whole == Done && !equal:
		t.Fatal("parts give another message than the whole")
	}
}

// checkFields compares each field with what a plain reading of it gives.
func checkFields(t *testing.T, b []byte, f *Fields) {
	t.Helper()
	for _, h := range f.Headers {
		name, value := h.Name.Of(b), h.Value.Of(b)
		lower := strings.ToLower(string(name))
		switch {
		case len(name) == 0 || strings.ContainsFunc(string(name), func(c rune) bool { return c <= ' ' || c == 0x7f || c == ':' }):
			t.Fatalf("got name %q", name)
		case strings.ContainsFunc(string(value), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			t.Fatalf("got value %q", value)
		case strings.Trim(string(value), " \t") != string(value):
			t.Fatalf("got value %q with spaces around it", value)
		case h.ID != HeaderUnknown && strings.ToLower(h.ID.String()) != lower:
			t.Fatalf("got %v for %q", h.ID, name)
		case (h.Flags&HeaderUnderscore != 0) != strings.Contains(lower, "_"):
			t.Fatalf("got flags %b for %q", h.Flags, name)
		case (h.Flags&HeaderInvalid != 0) != (strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || strings.ContainsFunc(lower, oddRune)):
			t.Fatalf("got flags %b for %q", h.Flags, name)
		case h.Flags&^f.Odd != 0:
			t.Fatalf("flags %b of %q are not in %b", h.Flags, name, f.Odd)
		case h.ID != HeaderUnknown && !f.Known.Has(h.ID):
			t.Fatalf("%v is not in the set", h.ID)
		}
	}
}

func oddRune(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
}

// FuzzChunked compares ChunkedReader, fed in parts, with a plain decoder, and
// decodes what is written with AppendChunkHeader.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"5\r\nhello\r\n0\r\n\r\n",
		"5;a=b\r\nhello\r\n1a \t;x\r\nabcdefghijklmnopqrstuvwxyz\r\n0;\r\nX: y\r\n\r\nGET /",
		"7fffffffffffffff\r\nx",
		"4\r\nSEE-THIS\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		var c ChunkedReader
		c.Reset(ChunkedOptions{})
		data, consumed, res := decode(&c, string(b), len(b)+1)
		c.Reset(ChunkedOptions{})
		if d, n, r := decode(&c, string(b), int(step)+1); d != data || n != consumed || r != res {
			t.Fatalf("in parts: got %q, %d, %v; want %q, %d, %v", d, n, r, data, consumed, res)
		}
		if res == Done {
			want, ok := plainDecode(string(b[:consumed]))
			if !ok || want != data {
				t.Fatalf("got %q, want %q, %v", data, want, ok)
			}
		}
		if len(b) == 0 {
			return
		}
		coded := string(AppendChunkHeader(nil, int64(len(b)))) + string(b) + "\r\n" + LastChunk
		c.Reset(ChunkedOptions{})
		if d, n, r := decode(&c, coded, int(step)+1); d != string(b) || n != len(coded) || r != Done {
			t.Fatalf("got %q, %d, %v for %q", d, n, r, coded)
		}
	})
}

// plainDecode takes a complete body apart with the means of package strings.
func plainDecode(s string) (data string, ok bool) {
	for {
		line, rest, found := strings.Cut(s, "\r\n")
		size, _, _ := strings.Cut(line, ";")
		size = strings.TrimRight(size, " \t")
		if !found || size == "" || strings.Trim(size, "0123456789abcdefABCDEF") != "" {
			return data, false
		}
		n := 0
		for _, c := range size {
			n = n<<4 + int(hexDigit[byte(c)])
		}
		if n == 0 {
			return data, strings.HasPrefix(rest, "\r\n") || strings.HasSuffix(rest, "\r\n\r\n")
		}
		if n < 0 || n+2 > len(rest) || rest[n:n+2] != "\r\n" {
			return data, false
		}
		data += rest[:n]
		s = rest[n+2:]
	}
}

// FuzzNormalize holds what a location may rely on.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"/a/../b//c/./d%2e%2E/%2e%2e/x.html?y", "/..", "/%00", "/.%3f", "/a%2f%2e%2e%2f..", "/....//"} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, merge bool) {
		out, n, res := Normalize(nil, in, merge)
		again, _, resAgain := Normalize(bytes.Clone(in)[:0], in, merge)
		if res != resAgain || !bytes.Equal(out, again) {
			t.Fatalf("got %q and %q for the same input", out, again)
		}
		place := bytes.Clone(in)
		if got, _, r := Normalize(place[:0], place, merge); r != res || !bytes.Equal(got, out) {
			t.Fatalf("in place: got %q and %v, want %q and %v", got, r, out, res)
		}
		if res != Done {
			return
		}
		if n.Used < len(in) && in[n.Used] != '?' && in[n.Used] != '#' {
			t.Fatalf("got used %d", n.Used)
		}
		s := string(out)
		if s[0] != '/' || len(s) > len(in)+1 || strings.Contains(s, "\x00") ||
			strings.Contains(s+"/", "/./") || strings.Contains(s+"/", "/../") || merge && strings.Contains(s, "//") {
			t.Fatalf("got %q", s)
		}
		if ext := s[n.Ext.Off:n.Ext.End]; n.Ext.End > 0 && (s[n.Ext.Off-1] != '.' || int(n.Ext.End) != len(s) || strings.ContainsAny(ext, "./")) {
			t.Fatalf("got extension %q of %q", ext, s)
		}
	})
}

// FuzzAuthority holds that host and port cover the input.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"Example.com.:80", "[::1]:8080", "a:", "[::1].", "..", "1.2.3.4:65536"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, ok := ParseAuthority(in)
		if !ok {
			return
		}
		host, port := string(a.Host.Of(in)), string(a.Port.Of(in))
		joined := string(in)
		if joined != host && joined != host+"." && joined != host+":"+port && joined != host+".:"+port {
			t.Fatalf("got %q and %q of %q", host, port, in)
		}
		if host == "" || strings.ContainsAny(host, "/\\@ ?#\r\n\x00") || a.Upper != (strings.ContainsFunc(host, func(c rune) bool { return c >= 'A' && c <= 'Z' })) {
			t.Fatalf("got host %q, upper %v", host, a.Upper)
		}
	})
}

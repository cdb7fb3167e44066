package http

import "strings"

import "testing"

func TestReplaceKeepsThePlaceOfTheFirstField(t *testing.T) {
	var h Headers
	for _, f := range [][2]string{{"X-A", "1"}, {"Etag", "2"}, {"x-a", "3"}, {"X-B", "4"}} {
		h.Add([]byte(f[0]), []byte(f[1]))
	}
	h.AddPlain([]byte("Expires"), []byte("5"))
	h.Replace([]byte("X-a"), []byte("longer"))
	h.Replace([]byte("ETag"), []byte(""))
	h.Replace([]byte("Expires"), []byte("6"))
	h.Replace([]byte("X-C"), []byte("7"))
	var got strings.Builder
	for i := range h.Len() {
		if name, value, _, ok := h.Field(i); ok {
			got.WriteString(string(name) + "=" + string(value) + " ")
		}
	}
	if want := "X-A=longer Etag= X-B=4 Expires=6 X-C=7 "; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if v := h.Lookup([]byte("expires")); string(v) != "6" {
		t.Errorf("a plain field that was replaced is not found: %q", v)
	}
	h.ClearPrefix([]byte("x-"))
	if h.Count() != 2 {
		t.Errorf("got %d fields, want 2", h.Count())
	}
}

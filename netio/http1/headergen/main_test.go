package main

import (
	"bytes"
	"os"
	"testing"
)

func TestGeneratedFileIsUpToDate(t *testing.T) {
	want, err := generate(nameList)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../headers_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("headers_gen.go differs from what names.txt gives; run go generate in netio/http1")
	}
}

func TestListIsChecked(t *testing.T) {
	for _, list := range []string{"Host\nhost\n", "X_Y\n", "A\n", "Header-Of-More-Than-Thirty-Two-Bytes\n", "a b\n"} {
		if _, err := generate(list); err == nil {
			t.Errorf("%q: got no error", list)
		}
	}
}

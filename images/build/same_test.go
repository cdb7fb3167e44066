package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// usedLimit is how much room the disk may take where holes take none, in bytes.
const usedLimit = 64 << 20

func TestTheSameInputsGiveTheSameBytes(t *testing.T) {
	needAll(t)
	b := newBuilder(t, "0.1")
	program := filepath.Join(t.TempDir(), "weir")
	if err := os.WriteFile(program, b.program, 0o755); err != nil {
		t.Fatal(err)
	}
	sums := [2]string{}
	for i := range sums {
		out := t.TempDir()
		if err := build(program, out, b.version, b.time.Unix(), b.source.Cache, "", "", licenseFile); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = string(text)
		info, err := os.Stat(filepath.Join(out, "weir.raw"))
		if err != nil {
			t.Fatal(err)
		}
		if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > usedLimit {
			t.Errorf("the disk takes %d bytes, want at most %d", used, usedLimit)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("the sums were\n%s\nand then\n%s", sums[0], sums[1])
	}
}

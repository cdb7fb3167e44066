package uki

import (
	"bytes"
	"debug/pe"
	"strings"
	"testing"

	"weir/images/uki/ukitest"
)

func TestPartsAreFoundAgain(t *testing.T) {
	kernel := bytes.Repeat([]byte("k"), 5000)
	p := &Parts{Stub: ukitest.Stub(5), OSRelease: "ID=weir\nVERSION_ID=1.2\n", Cmdline: "quiet", Uname: "6.1", Initrd: []byte("i"), Kernel: kernel}
	im, err := Build(p)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Build(p)
	if !bytes.Equal(im, again) {
		t.Error("two images of the same parts differ")
	}
	for name, want := range map[string]string{".osrel": p.OSRelease, ".cmdline": "quiet\x00", ".uname": "6.1", ".initrd": "i", ".linux": string(kernel)} {
		if got, err := Section(im, name); err != nil || string(got) != want {
			t.Errorf("%s holds %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
	f, err := pe.NewFile(bytes.NewReader(im))
	if err != nil {
		t.Fatal(err)
	}
	oh := f.OptionalHeader.(*pe.OptionalHeader64)
	if f.TimeDateStamp != 0 || oh.CheckSum != 0 {
		t.Error("time or checksum of the stub is left")
	}
	last := f.Sections[len(f.Sections)-1]
	if oh.SizeOfImage < last.VirtualAddress+last.VirtualSize || oh.SizeOfImage%pageSize != 0 {
		t.Errorf("SizeOfImage %d does not cover the last section", oh.SizeOfImage)
	}
	for i, s := range f.Sections[1:] {
		if s.VirtualAddress%pageSize != 0 || s.VirtualAddress < f.Sections[i].VirtualAddress+f.Sections[i].VirtualSize {
			t.Errorf("section %s lies at %#x", s.Name, s.VirtualAddress)
		}
	}
}

func TestStubsThatDoNotFitAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		stub []byte
		want string
	}{
		{"no room in the headers", ukitest.Stub(2), "no room for section .uname"},
		{"not a program", []byte("hello"), "boot stub:"},
	} {
		if _, err := Build(&Parts{Stub: c.stub}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

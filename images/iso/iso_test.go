package iso

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sample() *Disc {
	d := &Disc{Label: "WEIR_TEST", Time: time.Unix(1700000000, 0), Boot: bytes.Repeat([]byte{7}, 40<<10)}
	for i := range 90 { // a root of several sectors
		d.Files = append(d.Files, File{fmt.Sprintf("FILE%d.TXT", i), bytes.Repeat([]byte{byte(i)}, i*100)})
	}
	return d
}

func write(t *testing.T, d *Disc) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disc.iso"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := d.Write(f)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := f.Stat(); err != nil || i.Size() != size || size%sector != 0 {
		t.Errorf("%d bytes were written, want %d: whole sectors", i.Size(), size)
	}
	return f.Name()
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	a, _ := os.ReadFile(write(t, sample()))
	b, _ := os.ReadFile(write(t, sample()))
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Error("two discs of the same files differ")
	}
}

func TestXorrisoReadsFilesAndBootEntryBack(t *testing.T) {
	xorriso, err := exec.LookPath("xorriso")
	if err != nil {
		t.Skip("needs xorriso")
	}
	disc := write(t, sample())
	out, err := exec.Command(xorriso, "-indev", disc, "-report_el_torito", "plain", "-report_system_area", "plain").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Volume id    : 'WEIR_TEST'", "El Torito boot img :   1  UEFI  y   none", "/EFI.IMG", "protective-msdos", "GPT"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	dir := filepath.Join(t.TempDir(), "all")
	if out, err := exec.Command(xorriso, "-osirrox", "on", "-indev", disc, "-extract", "/", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := sample()
	for _, f := range append(d.Files, File{bootName, d.Boot}) {
		if got, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || !bytes.Equal(got, f.Data) {
			t.Errorf("%s: %v, %d bytes, want %d", f.Name, err, len(got), len(f.Data))
		}
	}
}

func TestSgdiskFindsNoFault(t *testing.T) {
	sgdisk, err := exec.LookPath("sgdisk")
	if err != nil {
		t.Skip("needs sgdisk (package gdisk)")
	}
	out, err := exec.Command(sgdisk, "-v", write(t, sample())).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheBootEntryOfALargeImageReachesToTheEnd(t *testing.T) {
	small := catalog(extent{at: 40, data: make([]byte, 0xffff*512)})
	large := catalog(extent{at: 40, data: make([]byte, 0x10000*512)})
	if small[38] != 0xff || small[39] != 0xff || large[38] != 0 || large[39] != 0 {
		t.Errorf("sizes % x and % x, want ff ff and 00 00", small[38:40], large[38:40])
	}
}

// nowhere takes what is written and keeps nothing.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	boot := make([]byte, sector)
	for _, c := range []struct {
		disc Disc
		want string
	}{
		{Disc{Label: "weir", Boot: boot}, "A-Z"},
		{Disc{Label: "WEIR"}, "whole sectors"},
		{Disc{Label: "WEIR", Boot: boot[:100]}, "whole sectors"},
		{Disc{Label: "WEIR", Boot: boot, Files: []File{{"readme.txt", nil}}}, "8.3"},
		{Disc{Label: "WEIR", Boot: boot, Files: []File{{"A.B.C", nil}}}, "8.3"},
		{Disc{Label: "WEIR", Boot: boot, Files: []File{{bootName, nil}}}, "is there twice"},
		{Disc{Label: "WEIR", Boot: boot, Files: many(600)}, "too many"},
	} {
		if _, err := c.disc.Write(nowhere{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func many(n int) (all []File) {
	for i := range n {
		all = append(all, File{fmt.Sprintf("F%d", i), nil})
	}
	return all
}

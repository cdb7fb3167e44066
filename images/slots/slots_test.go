package slots

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/images/uki"
	"weir/images/uki/ukitest"
)

// image makes a system image of a version.
func image(t *testing.T, version string) ([]byte, string) {
	t.Helper()
	im, err := uki.Build(&uki.Parts{Stub: ukitest.Stub(5), OSRelease: "ID=weir\nVERSION_ID=" + version + "\n", Kernel: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(im)
	return im, hex.EncodeToString(sum[:])
}

func partition(t *testing.T, files ...string) string {
	t.Helper()
	esp := t.TempDir()
	if err := os.MkdirAll(filepath.Join(esp, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(esp, dir, f), []byte(f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return esp
}

func names(t *testing.T, esp string) []string {
	t.Helper()
	var found []string
	files, err := os.ReadDir(filepath.Join(esp, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		found = append(found, f.Name())
	}
	return found
}

func TestNamesSayWhatAnImageIs(t *testing.T) {
	for _, c := range []struct {
		name string
		want Slot
		ok   bool
	}{
		{"weir_1.0.efi", Slot{Version: "1.0"}, true},
		{"weir_1.1+3.efi", Slot{Version: "1.1", Counted: true, Left: 3}, true},
		{"weir_1.1+0-3.efi", Slot{Version: "1.1", Counted: true, Left: 0, Done: 3}, true},
		{"weir_1.1+x.efi", Slot{}, false},
		{"weir_.efi", Slot{}, false},
		{"other.efi", Slot{}, false},
		{"weir_1.2+3.efi.7.part", Slot{}, false},
	} {
		got, ok := parse(c.name)
		c.want.File = filepath.Join(dir, c.name)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
	if s, _ := parse("weir_1.1+0-3.efi"); !s.Bad() {
		t.Error("a slot without tries left is not bad")
	}
}

func TestUpdateKeepsTheRunningSlotAndReplacesTheOther(t *testing.T) {
	esp := partition(t, "weir_1.0.efi", "weir_0.9.efi", "weir_1.1+0-3.efi", "weir_1.2+3.efi.7.part", "memtest.efi")
	im, sum := image(t, "1.2")
	version, err := Update(esp, "1.0", im, sum)
	if err != nil || version != "1.2" {
		t.Fatalf("%q, %v", version, err)
	}
	if got, want := names(t, esp), []string{"memtest.efi", "weir_1.0.efi", "weir_1.2+3.efi"}; !slices.Equal(got, want) {
		t.Errorf("on the disk are %q, want %q", got, want)
	}
	if err := os.Rename(filepath.Join(esp, dir, "weir_1.2+3.efi"), filepath.Join(esp, dir, "weir_1.2+2-1.efi")); err != nil {
		t.Fatal(err) // what the loader does when it starts it
	}
	if err := Bless(esp, "1.2"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, esp); !slices.Contains(got, "weir_1.2.efi") {
		t.Errorf("after the blessing there are %q", got)
	}
	if err := Bless(esp, "1.2"); err != nil {
		t.Errorf("a second blessing: %v", err)
	}
	if err := Bless(esp, "7"); err == nil {
		t.Error("a version that is not there was blessed")
	}
}

func TestSlotsAreListedAndUpdatedFromFiles(t *testing.T) {
	esp := partition(t, "weir_1.0.efi", "weir_1.1+0-3.efi", "weir_1.3+2-1.efi")
	var out strings.Builder
	if err := printSlots(&out, esp, "1.0"); err != nil {
		t.Fatal(err)
	}
	if want := "1.0  blessed, running\n1.1  given up\n1.3  2 tries left\n"; out.String() != want {
		t.Errorf("listed as %q, want %q", out.String(), want)
	}
	im, sum := image(t, "1.4")
	name := filepath.Join(t.TempDir(), "weir.efi")
	if err := os.WriteFile(name, im, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := updateFrom(&out, esp, "1.0", name); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("an image without a checksum: %v", err)
	}
	if err := os.WriteFile(name+".sha256", []byte(sum+"  weir.efi\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := updateFrom(&out, esp, "1.0", name); err != nil {
		t.Error(err)
	}
	if got, want := names(t, esp), []string{"weir_1.0.efi", "weir_1.4+3.efi"}; !slices.Equal(got, want) {
		t.Errorf("on the disk are %q, want %q", got, want)
	}
}

func TestCommandsThatMakeNoSenseShowTheUsage(t *testing.T) {
	var out, errs strings.Builder
	for _, args := range [][]string{{}, {"update"}, {"what"}, {"list", "more"}} {
		errs.Reset()
		if status := Main(args, "1.0", &out, &errs); status != 2 || !strings.Contains(errs.String(), "usage: weir image") {
			t.Errorf("%q: status %d, %q", args, status, errs.String())
		}
	}
}

func TestBadUpdatesChangeNothing(t *testing.T) {
	good, sum := image(t, "1.2")
	foreign, _ := uki.Build(&uki.Parts{Stub: ukitest.Stub(5), OSRelease: "ID=debian\nVERSION_ID=12\n"})
	foreignSum := sha256.Sum256(foreign)
	odd, oddSum := image(t, "1.2+9")
	text := sha256.Sum256([]byte("text"))
	for _, c := range []struct {
		name, running, sum, want string
		image                    []byte
	}{
		{"another sum", "1.0", strings.Repeat("0", 64), "checksum", good},
		{"no sum", "1.0", "", "checksum", good},
		{"cut", "1.0", sum, "checksum", good[:len(good)-1]},
		{"not an image", "1.0", hex.EncodeToString(text[:]), "not a system image", []byte("text")},
		{"of another system", "1.0", hex.EncodeToString(foreignSum[:]), `an image of "debian"`, foreign},
		{"a version with a count", "1.0", oddSum, `version "1.2+9"`, odd},
		{"the running version", "1.2", sum, "running already", good},
		{"a running version that is nowhere", "5.0", sum, "is not on the disk", good},
	} {
		esp := partition(t, "weir_1.0.efi", "weir_0.9.efi")
		if _, err := Update(esp, c.running, c.image, c.sum); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if got := names(t, esp); !slices.Equal(got, []string{"weir_0.9.efi", "weir_1.0.efi"}) {
			t.Errorf("%s: on the disk are %q", c.name, got)
		}
	}
}

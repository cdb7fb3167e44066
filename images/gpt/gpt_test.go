package gpt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T) string {
	t.Helper()
	parts := []Partition{{Type: ESP, Name: "weir-esp", Size: 3 << 20}, {Type: Linux, Name: "weir-data", Size: 1 << 20}}
	size, err := Layout(parts)
	if err != nil {
		t.Fatal(err)
	}
	if parts[0].Start != 1<<20 || parts[1].Start != 4<<20 || size != 6<<20 {
		t.Errorf("placed at %d and %d of %d", parts[0].Start, parts[1].Start, size)
	}
	name := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, size, parts); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTheSamePartitionsGiveTheSameBytes(t *testing.T) {
	a, _ := os.ReadFile(write(t))
	b, _ := os.ReadFile(write(t))
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Error("two tables of the same partitions differ")
	}
}

func TestSgdiskFindsNoFault(t *testing.T) {
	sgdisk, err := exec.LookPath("sgdisk")
	if err != nil {
		t.Skip("needs sgdisk (package gdisk)")
	}
	name := write(t)
	out, err := exec.Command(sgdisk, "-v", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _ = exec.Command(sgdisk, "-p", name).CombinedOutput()
	for _, want := range []string{"EF00  weir-esp", "8300  weir-data"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestPartitionsThatDoNotFitAreRefused(t *testing.T) {
	for _, p := range []Partition{{Name: "odd", Size: 1000}, {Name: strings.Repeat("n", 37), Size: 1 << 20}} {
		if _, err := Layout([]Partition{p}); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

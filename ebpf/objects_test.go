package ebpf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestObjectsAreWhatTheirSourcesSay compiles every program again, where the
// compiler is, and compares.
func TestObjectsAreWhatTheirSourcesSay(t *testing.T) {
	if testing.Short() {
		t.Skip("make generate does the same")
	}
	sources, err := filepath.Glob("*/*.bpf.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, source := range sources {
		dir, name := filepath.Split(source)
		stem := strings.TrimSuffix(name, ".bpf.c")
		t.Run(stem, func(t *testing.T) {
			out := t.TempDir()
			cmd := exec.Command("sh", "../generate.sh", "-o", out, stem, name)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOPACKAGE="+filepath.Base(dir))
			said, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			if bytes.Contains(said, []byte("is absent")) {
				t.Skipf("needs clang-14: %s", said)
			}
			for _, f := range []string{stem + "_bpfel.o", stem + "_bpfel.go"} {
				want, err := os.ReadFile(filepath.Join(out, f))
				if err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(dir + f)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s%s is not what its source says: run make generate", dir, f)
				}
			}
		})
	}
}

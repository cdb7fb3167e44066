package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReplaceLeavesTheNewFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.conf")
	for _, text := range []string{"one", "another"} {
		if err := Replace(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	if i, err := os.Stat(name); err != nil || i.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v, want 0640", i.Mode(), err)
	}
	if err := Replace(filepath.Join(dir, "none", "b"), nil, 0o600); err == nil {
		t.Error("a file in a directory that does not exist was written")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if all, _ := os.ReadDir(dir); len(all) != 2 {
		t.Errorf("left are %v, want the file and the directory", all)
	}
}

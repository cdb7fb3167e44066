package script

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/lua/vm"
)

func TestAChunkIsCompiledOnceHoweverManyAsk(t *testing.T) {
	c := New("")
	var wg sync.WaitGroup
	protos := make([]*vm.Proto, 50)
	for i := range protos {
		wg.Go(func() { protos[i], _ = c.Compile("return 1", "=a") })
	}
	wg.Wait()
	for _, p := range protos {
		if p == nil || p != protos[0] {
			t.Fatal("got different prototypes")
		}
	}
	if s := c.Stats(); s.Compiles != 1 || s.Hits != 49 || s.Scripts != 1 {
		t.Errorf("got %+v", s)
	}
	if p, _ := c.Compile("return 1", "=b"); p == protos[0] {
		t.Error("another chunk name got the same prototype")
	}
}

func TestAFailureIsRememberedWithItsMessage(t *testing.T) {
	c := New("")
	for range 2 {
		if _, err := c.Compile("x x", "=a"); err == nil || err.Error() != "a:1: '=' expected near 'x'" {
			t.Errorf("got %v", err)
		}
	}
	if s := c.Stats(); s.Compiles != 1 || s.Failures != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestStoredFormsAreUsedAndDamagedOnesRecompiled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "scripts")
	New(dir).Compile("return 42", "=a")
	c := New(dir)
	if _, err := c.Compile("return 42", "=a"); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Loads != 1 || s.Compiles != 0 {
		t.Errorf("got %+v", s)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.luac"))
	if len(names) != 1 {
		t.Fatalf("got %d stored scripts", len(names))
	}
	b, _ := os.ReadFile(names[0])
	b[len(b)-1] ^= 1
	os.WriteFile(names[0], b, 0o600)
	c = New(dir)
	if _, err := c.Compile("return 42", "=a"); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Rejected != 1 || s.Compiles != 1 {
		t.Errorf("got %+v", s)
	}
	if c = New(dir); c.load(keyOf("return 42", "=a")) == nil {
		t.Error("the damaged form was not replaced")
	}
	if err := c.Prune(); err != nil {
		t.Fatal(err)
	}
	if names, _ = filepath.Glob(filepath.Join(dir, "*.luac")); len(names) != 0 {
		t.Errorf("pruning left %d stored scripts", len(names))
	}
}

func TestADirectoryThatOthersCanWriteIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o777)
	if New(dir).Stored() {
		t.Error("the directory is used")
	}
}

func TestAFileIsReadAgainOnlyWhenItChangedAndChecksAreOn(t *testing.T) {
	f := filepath.Join(t.TempDir(), "a.lua")
	write := func(s string, at time.Time) {
		if err := os.WriteFile(f, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(f, at, at)
	}
	t0 := time.Now().Add(-time.Hour)
	write("return 1", t0)
	c := New("")
	p1, err := c.File(f, true)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := c.File(f, true); p != p1 {
		t.Error("an unchanged file was compiled again")
	}
	write("return 2", t0.Add(time.Minute))
	if p, _ := c.File(f, false); p != p1 {
		t.Error("a file was looked at although the cache is on")
	}
	p2, _ := c.File(f, true)
	if p2 == p1 {
		t.Error("a changed file was not compiled again")
	}
	c.Forget(func(p *vm.Proto) bool { return p == p2 })
	if s := c.Stats(); s.Scripts != 1 {
		t.Errorf("got %+v", s)
	}
	if _, err := c.File(f+"x", true); err == nil {
		t.Error("a missing file gave no error")
	}
}

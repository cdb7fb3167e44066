package vm

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted output of testdata/lang")

// TestLanguageAreas runs the cases of testdata/lang: each NAME.lua prints what NAME.want says.
func TestLanguageAreas(t *testing.T) {
	files, err := filepath.Glob("testdata/lang/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(ar.Files); i += 2 {
			src, want := ar.Files[i], &ar.Files[i+1]
			name := strings.TrimSuffix(src.Name, ".lua")
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				vm, out := newTestVM(t)
				if _, e := runChunk(t, vm, string(src.Data), "=t"); e != nil {
					out.WriteString(e.Traceback + "\n")
				}
				if *update {
					want.Data = bytes.Clone(out.Bytes())
				} else if !bytes.Equal(out.Bytes(), want.Data) {
					t.Errorf("got\n%swant\n%s", out, want.Data)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

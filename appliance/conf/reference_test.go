package conf_test

import (
	"os"
	"strings"
	"testing"

	. "weir/appliance/conf"
)

func TestTheReferenceIsAsWritten(t *testing.T) {
	table := testTable()
	table.Add("other", []Directive{
		{Name: "server", In: Upstream, Args: OneMore, Set: NoOp("x"), Doc: "Adds a peer."},
		{Name: "if", In: Server | Location, Args: OneMore | HasBlock, Set: NoOp("x"), Doc: "Opens a conditional block."},
		{Name: "odd", In: Anywhere, Args: Take0 | Take2 | Take3 | Take7, Set: NoOp("x"), Doc: "Shows forms of arguments. Two sentences."},
		{Name: "optional", In: LimitExcept | LocationIf | ServerIf, Args: Take0 | Take1, Set: NoOp("x"), Doc: "Shows an optional argument."},
	})
	got := table.Reference()
	const path = "testdata/reference.md"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the reference differs from %s, see with -update; got:\n%s", path, got)
	}
}

func TestRowsAreChecked(t *testing.T) {
	if err := testTable().Check(); err != nil {
		t.Errorf("got %v for a good table", err)
	}
	good := Directive{Name: "d", In: HTTP | Server, Args: Take1, Set: NoOp("x"), Doc: "Does something."}
	tests := []struct {
		name   string
		change func(d *Directive)
		want   string
	}{
		{"no setter", func(d *Directive) { d.Set = nil }, "needs Name, Set and In"},
		{"no context", func(d *Directive) { d.In = 0 }, "needs Name, Set and In"},
		{"no arity", func(d *Directive) { d.Args = HasBlock }, "Args allows no number of arguments"},
		{"no doc", func(d *Directive) { d.Doc = "" }, "is not a sentence"},
		{"no full stop", func(d *Directive) { d.Doc = "Does something" }, "is not a sentence"},
		{"no capital", func(d *Directive) { d.Doc = "does something." }, "is not a sentence"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := good
			tt.change(&d)
			table := &Table{}
			table.Add("m", []Directive{d})
			if err := table.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	table := &Table{}
	table.Add("m", []Directive{good})
	table.Add("n", []Directive{good})
	if err := table.Check(); err == nil || !strings.Contains(err.Error(), "stands twice in: http, server") {
		t.Errorf("got %v for a row that stands twice", err)
	}
}

package shared

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/lua/shdict"
)

// loader reads configurations with the core and this module, each in place of the one before.
type loader struct {
	t     *testing.T
	table *conf.Table
	old   *cycle.Cycle
}

func newLoader(t *testing.T) *loader {
	ms := http.Modules{&http.Core, &Module}
	ms.Register()
	table := new(conf.Table)
	cycle.AddTo(table)
	table.Add(nil, []conf.Directive{http.HTTPBlock(ms, table)})
	for _, m := range ms {
		table.Add(m, m.Directives)
	}
	return &loader{t: t, table: table}
}

// load returns the dictionaries by name.
func (d *loader) load(text string) map[string]*shdict.Dict {
	d.t.Helper()
	dir := d.t.TempDir()
	file := filepath.Join(dir, "weir.conf")
	if err := os.WriteFile(file, []byte("events {} http { "+text+" }"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	c, err := cycle.Load(d.table, cycle.LoadOptions{Prefix: dir + "/", ConfFile: file, Old: d.old})
	if err != nil {
		d.t.Fatal(err)
	}
	d.old = c
	all := make(map[string]*shdict.Dict)
	for _, x := range dicts.Of(c.HTTP.(*http.Generation)).all {
		all[x.Name()] = x
	}
	return all
}

func TestAReloadKeepsDictionariesOfTheSameSize(t *testing.T) {
	d := newLoader(t)
	first := d.load("lua_shared_dict a 100k; lua_shared_dict b 100k; lua_shared_dict c 100k;")
	for _, x := range first {
		if _, err := x.Store(1, shdict.Set, "key", shdict.Value{Kind: shdict.Number, Number: 7}, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	second := d.load("lua_shared_dict a 100k; lua_shared_dict b 200k; lua_shared_dict d 100k;")
	var kept []string
	for _, name := range []string{"a", "b", "d"} {
		if it, _ := second[name].Get(1, "key", nil); it.Number == 7 {
			kept = append(kept, name)
		}
	}
	if got := strings.Join(kept, " "); got != "a" || second["c"] != nil {
		t.Errorf("%q kept their values, want a alone, which is as before", got)
	}
	if second["b"].Capacity() != 200<<10 {
		t.Errorf("b has %d bytes", second["b"].Capacity())
	}
}

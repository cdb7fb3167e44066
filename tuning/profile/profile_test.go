package profile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEveryProfileLoadsAndGivesEachSettingAReason(t *testing.T) {
	want := []string{"api-gateway", "default", "edge-latency", "many-connections", "throughput"}
	if got := Names(); !slices.Equal(got, want) {
		t.Fatalf("Names() = %q, want %q", got, want)
	}
	for _, name := range Names() {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.About == "" {
			t.Errorf("%s does not say what it is for", name)
		}
		if len(p.Items) < 50 {
			t.Errorf("%s has %d settings, want all of default at least", name, len(p.Items))
		}
	}
}

func TestTheOrderIsThatOfTheTable(t *testing.T) {
	p, err := Load("throughput")
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, it := range p.Items {
		i := slices.IndexFunc(Keys, func(k Key) bool { return k.Name == it.Key.Name })
		if i <= last {
			t.Fatalf("%s stands behind a later setting", it.Key.Name)
		}
		last = i
	}
}

func TestKeysAreNamedOnceAndDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys {
		if seen[k.Name] || k.Doc == "" {
			t.Errorf("%s is named twice or has no doc", k.Name)
		}
		seen[k.Name] = true
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "own.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAnOwnFileOverridesWhatItIncludes(t *testing.T) {
	p, err := Load(write(t, "# Mine.\n\ninclude default\nnet.core.somaxconn = 20000\n# Because.\nvm.swappiness = 5\nfs.nr_open = keep\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "own" || p.About != "Mine." {
		t.Errorf("got name %q, about %q", p.Name, p.About)
	}
	got := map[string]Item{}
	for _, it := range p.Items {
		got[it.Key.Name] = it
	}
	if it := got["net.core.somaxconn"]; it.Value != "20000" || !strings.Contains(it.Reason, "accept queue") || it.Line != 4 {
		t.Errorf("somaxconn is %+v, want the new value, the included reason and line 4", it)
	}
	if it := got["vm.swappiness"]; it.Value != "5" || it.Reason != "Because." {
		t.Errorf("swappiness is %+v, want the new value with its own reason", it)
	}
	if _, ok := got["fs.nr_open"]; ok {
		t.Error("a setting to keep is still set")
	}
}

func TestFaultsAreAllNamedWithTheirLines(t *testing.T) {
	name := write(t, strings.Join([]string{
		"net.ipv4.somaxconn = 1",
		"net.core.somaxconn = lots",
		"net.core.somaxconn = 12",
		"net.ipv4.tcp_rmem = 4096 16384",
		"net.ipv4.tcp_rmem = 8192 4096 16384",
		"net.ipv4.tcp_mem = 3% 6% 90%",
		"thp = sometimes",
		"what is this",
		"net.ipv4.tcp_sack = 0",
	}, "\n"))
	_, err := Load(name)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`:1: unknown setting "net.ipv4.somaxconn"; did you mean "net.core.somaxconn"?`,
		`:2: net.core.somaxconn: "lots" is not a whole number`,
		`:3: net.core.somaxconn: 12 is not safe: allowed are 1024 to 1048576`,
		`:4: net.ipv4.tcp_rmem: "4096 16384" has 2 values, want 3`,
		`:5: net.ipv4.tcp_rmem: "8192 4096 16384" is not in rising order`,
		`:6: net.ipv4.tcp_mem: "90%" is not a share of 1% to 25% of the memory`,
		`:7: thp: "sometimes" is not one of always, madvise, never`,
		`:8: "what is this" is neither "key = value" nor "include profile"`,
		`:9: net.ipv4.tcp_sack: 0 is not safe: allowed are 1 to 1`,
	} {
		if !strings.Contains(err.Error(), name+want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestProfilesThatCannotBeReadSaySo(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"nothing", `there is no profile "nothing": weir has api-gateway, default,`},
		{"./does/not/exist", "no such file"},
		{write(t, "include nothing"), `:1: there is no profile "nothing"`},
	} {
		if _, err := Load(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Load(%q) = %v, want %q", c.name, err, c.want)
		}
	}
	circle := write(t, "")
	os.WriteFile(circle, []byte("include "+circle), 0o600)
	if _, err := Load(circle); err == nil || !strings.Contains(err.Error(), "includes within each other") {
		t.Errorf("a circle of includes gives %v", err)
	}
}

func FuzzProfile(f *testing.F) {
	for _, name := range Names() {
		_, text, err := new(reader).open(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.ReplaceAll(text, "include default", ""))
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(text, "include ", "") // would read other files
		p, err := Load(write(t, text))
		if err != nil {
			return
		}
		for _, it := range p.Items {
			if err := it.Key.Check(it.Value); err != nil {
				t.Fatalf("%s = %s was let in: %v", it.Key.Name, it.Value, err)
			}
		}
	})
}

package inputs

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPinsAreWhole(t *testing.T) {
	all, err := All()
	if err != nil || len(all) < 2 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for _, in := range all {
		if !strings.HasSuffix(in.Path, ".deb") || in.Archive == "" {
			t.Errorf("%+v", in)
		}
	}
}

func TestPackagesAreFetchedOnceCheckedAndMissingOnesNamed(t *testing.T) {
	var fetched atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/debian/pool/thing-6.1.0-5-amd64_1_amd64.deb":
			fetched.Add(1)
			w.Write([]byte("package"))
		case "/debian/pool/":
			w.Write([]byte(`<a href="thing-6.1.0-7-amd64_2_amd64.deb">x</a> <a href="other-6.1.0-9-amd64_9_amd64.deb">y</a>`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	src := &Source{Cache: t.TempDir(), Mirrors: []string{s.URL + "/debian-security", s.URL + "/debian/"}, Log: t.Logf}
	in := &Input{Name: "thing", Archive: "debian", Path: "pool/thing-6.1.0-5-amd64_1_amd64.deb", Sum: sum([]byte("package"))}
	for range 2 {
		name, err := src.Get(in)
		if err != nil {
			t.Fatal(err)
		}
		if data, _ := os.ReadFile(name); string(data) != "package" {
			t.Errorf("got %q", data)
		}
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times, want once", n)
	}
	for _, c := range []struct {
		in   Input
		want string
	}{
		{Input{"thing", "debian", "pool/thing-6.1.0-6-amd64_1_amd64.deb", in.Sum}, "404 Not Found\nthe mirror has thing-6.1.0-7-amd64_2_amd64.deb: move the pin"},
		{Input{"thing", "debian", in.Path, strings.Repeat("0", 64)}, "has checksum " + in.Sum},
		{Input{"thing", "elsewhere", in.Path, strings.Repeat("1", 64)}, "no mirror of the archive elsewhere is known"},
	} {
		if _, err := src.Get(&c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

package insight

import (
	"net/url"
	"testing"

	"weir/appliance/http"
)

var stacks = []stack{
	{"content;nginx.conf:3;main x.lua:9;encode [C]", 3_000_000},
	{"content;nginx.conf:3;main x.lua:9", 1_000_000},
	{"log;other", 1_000_000},
	{"log;x.lua;f\ng x.lua:2", 5},
}

func TestStacksAreFoldedToMicroseconds(t *testing.T) {
	want := "content;nginx.conf:3;main x.lua:9;encode [C] 3000\ncontent;nginx.conf:3;main x.lua:9 1000\nlog;other 1000\n"
	if got := string(folded(stacks)); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestLinesAreTheInnermostPlacesOfLua(t *testing.T) {
	want := "      %         ms  LUA\n  80.00       4.00  x.lua:9 in main\n  20.00       1.00  log other\n   0.00       0.00  x.lua:2 in f\ng\n"
	if got := string(lines(stacks)); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestQuestionsThatMakeNoSenseAreRefused(t *testing.T) {
	s := &Service{Process: new(http.Process)}
	for _, q := range []string{"/lua/profile", "/lua/profile?seconds=-1", "/lua/profile?seconds=1e9", "/lua/profile?seconds=NaN", "/lua/profile?seconds=1&kind=x", "/x", "x"} {
		if body, err := s.Answer(q); err == nil {
			t.Errorf("%s: got %q", q, body)
		}
	}
	s.profiling.Lock()
	if _, err := s.profile(url.Values{"seconds": {"1"}}); err == nil {
		t.Error("two profiles at once")
	}
}

package top

import (
	"strings"
	"testing"

	"weir/appliance/insight"
)

func TestATableShowsWhatHappenedBetweenTwoReports(t *testing.T) {
	before := insight.Report{Clock: 1e9, Workers: []insight.Worker{{ID: 0, Known: true, Requests: 100, CPU: 1e9, Lua: 5e8}},
		Scripts: []insight.Script{{Phase: "content", Name: "a", Runs: 100, Time: 5e8}, {Phase: "log", Name: "idle", Runs: 7}}}
	now := insight.Report{Version: "1", Clock: 3e9, Workers: []insight.Worker{
		{ID: 0, Up: true, Known: true, Requests: 300, CPU: 2e9, Lua: 1e9, Connections: 4, Lag: 15e4},
		{ID: 1, Known: true, Requests: 10, Lag: 3e8, Busy: &insight.Busy{Phase: "content", Script: "a", Place: "b.lua", Line: 3, For: 25e7}},
	}, Scripts: []insight.Script{
		{Phase: "content", Name: "a", Runs: 300, Time: 15e8, Steps: 2000, Bytes: 4000, Parks: 20, Errors: 1},
		{Phase: "access", Name: "reset", Runs: 10, Time: 2e9},
		{Phase: "log", Name: "idle", Runs: 7},
	}}
	want := `weir 1   workers: 2   over 2s

WORKER     REQ/S    CONNS   CPU%   LUA%   LAG ms  BUSY WITH
     0       100        4   50.0   25.0     0.15  
     1         5        0    0.0    0.0  >300.00  content a, at b.lua:3, for 250 ms

  LUA%    RUNS/S    us/RUN STEPS/RUN BYTES/RUN  WAITS/S   ERRORS  PHASE          SCRIPT
 100.0         5  200000.0         0         0        0        0  access         reset
  50.0       100    5000.0        10        20       10        1  content        a
`
	if got := string(table(&before, &now)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(table(&now, &before)); strings.Contains(got, " -") || !strings.Contains(got, "over 1s") { // another process
		t.Errorf("got\n%s", got)
	}
	now.Workers[1].Known = false // it has never answered
	if got := string(table(&before, &now)); !strings.Contains(got, "\n     1         -        -      -      -  >300.00  content a,") {
		t.Errorf("got\n%s", got)
	}
	before.Workers[0].Known = false // it answered for the first time: there are no rates yet
	if got := string(table(&before, &now)); !strings.Contains(got, "\n     0         -        -      -      -     0.15  ") {
		t.Errorf("got\n%s", got)
	}
	for i := range 40 {
		now.Scripts = append(now.Scripts, insight.Script{Name: strings.Repeat("x", i+1), Runs: 1})
	}
	if got := string(table(&before, &now)); !strings.HasSuffix(got, "and 12 more\n") {
		t.Errorf("got\n%s", got)
	}
}

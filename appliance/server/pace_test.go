package server

import (
	"runtime/debug"
	"testing"
)

func TestLargerHeapsGrowLessBetweenCollections(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		live uint64 // MB
		want int
	}{
		{0, 400}, {3, 400}, {64, 400}, {128, 200}, {200, 128}, {256, 100}, {257, 100}, {1 << 20, 100},
	} {
		if got := percentFor(c.live * mb); got != c.want {
			t.Errorf("%d MB live: got %d percent, want %d", c.live, got, c.want)
		}
	}
}

func TestPaceIsLeftForSmallDifferencesButReachesItsBounds(t *testing.T) {
	for _, c := range []struct {
		now, want int
		due       bool
	}{
		{400, 400, false}, {400, 351, false}, {400, 349, true}, {200, 220, false}, {200, 230, true},
		{380, 400, true}, {105, 100, true}, {100, 100, false},
	} {
		p := pacer{percent: c.now}
		if got := p.due(c.want); got != c.due {
			t.Errorf("from %d to %d: got %v, want %v", c.now, c.want, got, c.due)
		}
	}
}

func TestGOGCOfTheEnvironmentOverrulesThePace(t *testing.T) {
	before := debug.SetGCPercent(150)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "150")
	var p pacer
	p.begin()
	p.look()
	if got := debug.SetGCPercent(150); got != 150 {
		t.Errorf("got %d percent, want what GOGC says", got)
	}
	t.Setenv("GOGC", "")
	p.begin()
	p.percent = 300 // as if the heap had been large
	p.look()
	if got := debug.SetGCPercent(150); got != gcPercent {
		t.Errorf("got %d percent for a small heap, want %d", got, gcPercent)
	}
}

package server

import "testing"

func TestMemoryGoesBackOnceAfterEachBurst(t *testing.T) {
	var tr trimmer
	const mb = 1 << 20
	for i, c := range []struct {
		allocated uint64 // ever, in MB
		want      bool
		why       string
	}{
		{10, false, "the start is a burst"},
		{11, false, "quiet, but too little to gain"},
		{400, false, "a burst"},
		{800, false, "a burst that goes on"},
		{801, true, "quiet after it"},
		{802, false, "trimmed already"},
		{803, false, "trimmed already"},
		{900, false, "the next burst"},
		{900, true, "quiet after it"},
	} {
		if got := tr.due(c.allocated * mb); got != c.want {
			t.Errorf("look %d at %d MB: %v, want %v: %s", i, c.allocated, got, c.want, c.why)
		}
	}
}

func TestTrimmerReadsTheHeap(t *testing.T) {
	var tr trimmer
	tr.look()
	if tr.seen == 0 {
		t.Error("the runtime did not say how much was allocated")
	}
}

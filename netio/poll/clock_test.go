package poll

import (
	"testing"
	"time"
)

func TestClockTextsFollowTheSecond(t *testing.T) {
	old := time.Local
	defer func() { time.Local = old }()
	time.Local = time.FixedZone("", 2*3600+30*60)
	l := newLoop(t, Config{})
	l.sec = 784111777
	for _, c := range []struct{ name, got, want string }{
		{"the Date header", string(l.HTTPDate()), "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"$time_local", string(l.LogTime()), "06/Nov/1994:11:19:37 +0230"},
		{"$time_iso8601", string(l.ISOTime()), "1994-11-06T11:19:37+02:30"},
		{"the error log", string(l.ErrorTime()), "1994/11/06 11:19:37"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
	l.sec++
	if got := string(l.HTTPDate()); got != "Sun, 06 Nov 1994 08:49:38 GMT" {
		t.Errorf("a second later: %q", got)
	}
}

func TestWallClockAgreesWithTheSystem(t *testing.T) {
	l := newLoop(t, Config{})
	for range 3 {
		before := time.Now()
		l.Refresh()
		after := time.Now()
		sec, ms := l.Wall()
		if at := time.Unix(sec, int64(ms)*1e6); at.After(after) || before.Sub(at) > 50*time.Millisecond {
			t.Errorf("refreshed between %v and %v, the loop says %v", before, after, at)
		}
		if l.Unix() != sec && ms > 100 {
			t.Errorf("Unix %d, Wall %d.%03d", l.Unix(), sec, ms)
		}
		time.Sleep(400 * time.Millisecond)
	}
}

func TestClockTextsDoNotAllocate(t *testing.T) {
	l := newLoop(t, Config{})
	if n := testing.AllocsPerRun(100, func() {
		l.sec++
		l.HTTPDate()
		l.LogTime()
	}); n != 0 {
		t.Errorf("a new second allocates %v times", n)
	}
}

package regex

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHardPatternsEndInTime(t *testing.T) {
	const size = 64 << 10
	as := strings.Repeat("a", size)
	tests := []struct {
		pattern, subject, want string
	}{
		{`(a+)+$`, as, "match"},
		{`(a+)+$`, as + "b", "no match"},
		{`(a|aa)+$`, as, "match"},
		{`(a|aa)+$`, as + "b", "no match"},
		{`(.*)*x`, as, "no match"},
		{`(.*)*[xy]z`, as + "x", "no match"},
		{`^(a?){64}a{64}$`, as[:64], "match"},
		{`^(([a-z])+.)+[A-Z]([a-z])+$`, as, "no match"},
		{`^(a?){30}a{30}$`, as[:30], "match"},
		{`^(a|b|ab)*bc`, strings.Repeat("ab", 2000) + "c", "match"},
		{`^(?:(?:a|b)?(?:b|a)?){40}c`, as[:40] + "c", "match"},
		{`^(?:(?:a|b)?(?:b|a)?){40}a{41}c`, as[:80] + "c", "match"},
		{`(?:a+)+(?=x)`, as[:512], "no match"},
		{`(?:a|a)*(?!a)b`, as[:2048], "no match"},
		{`[a-z]+[0-9]`, as, "no match"},
		{`(x+x+)+y`, strings.Repeat("x", size), "no match"},
		{`(a+)+(?:\1b){2}`, as[:4096] + "bcb", "match limit exceeded"},
	}
	for _, tt := range tests {
		re := MustCompile(tt.pattern, 0)
		m := NewMatcher()
		s := []byte(tt.subject)
		m.Match(re, s, 0, MatchOptions{Limit: 1_000_000}, nil) // grows the stack
		start := time.Now()
		caps, err := m.Match(re, s, 0, MatchOptions{Limit: 1_000_000}, nil)
		took := time.Since(start)
		got := "no match"
		if err != nil {
			got = err.Error()
		} else if caps != nil {
			got = "match"
		}
		t.Logf("%-28s on %5d bytes: %-20s %v", tt.pattern, len(s), got, took)
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.pattern, got, tt.want)
		}
		// Milliseconds on an idle machine; the bound leaves room for a busy one
		// and for the race detector.
		if took > 10*time.Second {
			t.Errorf("%s: took %v", tt.pattern, took)
		}
	}
}

func TestTheStepBudgetEndsAMatch(t *testing.T) {
	re := MustCompile(`(a+)+\1b`, 0)
	m := NewMatcher()
	_, err := m.Match(re, []byte(strings.Repeat("a", 40)+"cb"), 0, MatchOptions{Limit: 1000}, nil)
	if !errors.Is(err, ErrMatchLimit) {
		t.Fatalf("got %v, want %v", err, ErrMatchLimit)
	}
	caps, err := m.Match(re, []byte("aaab aab"), 0, MatchOptions{}, nil)
	if err != nil || caps == nil {
		t.Fatalf("after a limit: got %v, %v, want a match", caps, err)
	}
}

func TestAMatchAllocatesNothing(t *testing.T) {
	m := NewMatcher()
	caps := make([]int, 0, 32)
	for _, g := range gateway {
		re := MustCompile(g.pattern, 0)
		s := []byte(g.subject)
		n := testing.AllocsPerRun(100, func() {
			if _, err := m.Match(re, s, 0, MatchOptions{}, caps); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: got %v allocations per match, want 0", g.name, n)
		}
	}
}

func TestTheSecondLookAllocatesOnlyOnce(t *testing.T) {
	re := MustCompile(`(a+)+$`, 0)
	m := NewMatcher()
	s := []byte(strings.Repeat("a", 5000) + "b")
	caps := make([]int, 8)
	n := testing.AllocsPerRun(20, func() { m.Match(re, s, 0, MatchOptions{}, caps) })
	if n != 0 {
		t.Errorf("got %v allocations per match, want 0", n)
	}
}

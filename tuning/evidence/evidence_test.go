package evidence

import (
	"strings"
	"testing"
)

func TestCountersOfThisMachineAreRead(t *testing.T) {
	c, err := Read("/proc")
	if err != nil {
		t.Fatal(err)
	}
	if c.Sent == 0 {
		t.Error("no segment was ever sent, which a machine that fetched this test's modules cannot say")
	}
}

func TestGrowthIsExplained(t *testing.T) {
	before := Counters{ListenOverflows: 5, Sent: 100, TimeWait: 7}
	var b strings.Builder
	Print(&b, Counters{ListenOverflows: 9, Sent: 150, TimeWait: 3}, &before)
	text := b.String()
	for _, want := range []string{"+4  (net.core.somaxconn", "+50\n", "3  was 7", "softnet drops                       0  +0\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	b.Reset()
	Print(&b, Counters{SoftnetDropped: 1}, nil)
	if !strings.Contains(b.String(), "1  (net.core.netdev_max_backlog") {
		t.Errorf("a drop is not explained in\n%s", b.String())
	}
}

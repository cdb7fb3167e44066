package tune

import (
	"fmt"

	"weir/tuning/machine"
	"weir/tuning/setting"
)

// costly are the kernel's settings that cost a server most when they are left
// as some systems have them.
var costly = []struct {
	key  string
	bad  func(n int) bool
	cost string
}{
	{"net.core.somaxconn", func(n int) bool { return n < 1024 },
		"longer bursts of new connections overflow the accept queue, and clients wait a second"},
	{"net.ipv4.tcp_slow_start_after_idle", func(n int) bool { return n != 0 },
		"keepalive connections begin with a small window after every pause"},
	{"net.ipv4.tcp_migrate_req", func(n int) bool { return n == 0 },
		"connections queued while a listener closes are lost unless steering moves them"},
}

// Costly says, a sentence each, which of the three settings that cost most are
// not as a server wants them.
func Costly(m *machine.Machine) []string {
	var said []string
	for _, c := range costly {
		v, err := setting.Open(m.Roots, "sysctl "+c.key)
		if err != nil {
			continue
		}
		var n int
		text, err := v.Read()
		if _, e := fmt.Sscan(text, &n); err != nil || e != nil || !c.bad(n) {
			continue // absent in this namespace or container
		}
		said = append(said, fmt.Sprintf("%s is %s: %s (weir tune plan shows more)", c.key, text, c.cost))
	}
	return said
}

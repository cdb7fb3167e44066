package master

import (
	"os"
	"strings"
	"testing"
)

// TestWithoutRightsEveryProgramSaysWhatItNeeds starts as an ordinary user would.
func TestWithoutRightsEveryProgramSaysWhatItNeeds(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("for ordinary users: root may load programs")
	}
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	if st, err := in.status(); err != nil || st.Steering.Rung != "hash" || !strings.Contains(st.Steering.Why, "CAP_BPF") {
		t.Errorf("got %+v, %v", st.Steering, err)
	}
	in = newInstance(t)
	in.configure("daemon off; serve ADDR one; xdp_filter { interface lo; }")
	if code, stderr := in.run(); code != 1 || !strings.Contains(stderr, "xdp_filter cannot be loaded: it needs the capabilities CAP_BPF") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

package phase

import (
	"os"
	"strings"
)

// getenv is os.getenv of scripts: what env directives name or give, and TZ. The process may know more, such as what
// systemd told it, where one process is master and server.
func (m *mainConf) getenv(name string) (value string, ok bool) {
	if name == "" || strings.Contains(name, "=") {
		return "", false
	}
	named := name == "TZ"
	for _, e := range m.gen.Cycle.Core.Env {
		if e == name {
			named = true
		} else if v, given := strings.CutPrefix(e, name+"="); given {
			return v, true
		}
	}
	if !named {
		return "", false
	}
	return os.LookupEnv(name)
}

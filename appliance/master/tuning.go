package master

import (
	"strings"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/tune"
)

// tune applies the profile that the configuration names. A machine that cannot
// be tuned is served all the same: what failed is logged. Without a profile
// the settings that cost most are named and nothing is changed.
func (m *master) tune(c *cycle.Cycle) {
	if m.inherited {
		return // a binary upgrade: the old process has done it
	}
	log := errlog.Default()
	mach, err := machine.Look(machine.System)
	if err != nil {
		log.Printf(errlog.Warn, 0, "tuning: %v", err)
		return
	}
	if c.Core.Tuning == "" {
		for _, s := range tune.Costly(mach) {
			log.Printf(errlog.Notice, 0, "tuning: %s", s)
		}
		return
	}
	p, err := profile.LoadBy(c.Core.Tuning, c.ReadFile)
	if err != nil {
		log.Printf(errlog.Warn, 0, "tuning: %v", err)
		return
	}
	a, err := tune.Apply(mach, tune.SystemDirs, p, nil)
	if err != nil {
		log.Printf(errlog.Warn, 0, "tuning: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	log.Printf(errlog.Notice, 0, "tuning: profile %s is applied: %d changed, %d skipped", p.Name, a.Changed, len(a.Skipped))
}

// retune follows a reload that names another profile.
func (m *master) retune(before string, c *cycle.Cycle) {
	if c.Core.Tuning != before && c.Core.Tuning != "" {
		m.tune(c)
	}
}

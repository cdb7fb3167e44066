package machine

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// Quota is how many processors the control groups of this process let it keep
// busy, as whole ones: a container with 1500m has 2. It is math.MaxInt where
// there is no bound.
func Quota(r Roots) int {
	most := math.MaxInt
	for _, dir := range groups(r, "cpu") {
		quota, period, ok := strings.Cut(Value(filepath.Join(dir, "cpu.max")), " ")
		if !ok {
			quota, period = Value(filepath.Join(dir, "cpu.cfs_quota_us")), Value(filepath.Join(dir, "cpu.cfs_period_us"))
		}
		q, err := strconv.ParseInt(quota, 10, 64)
		p, err2 := strconv.ParseInt(period, 10, 64)
		if err == nil && err2 == nil && q > 0 && p > 0 { // else "max" and -1
			most = min(most, int((q+p-1)/p))
		}
	}
	return most
}

// memoryLimit returns the least limit of the control groups of this process in
// bytes, 0 for none.
func memoryLimit(r Roots) (least int64) {
	for _, dir := range groups(r, "memory") {
		for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
			n, err := strconv.ParseInt(Value(filepath.Join(dir, file)), 10, 64)
			if err == nil && n > 0 && (least == 0 || n < least) {
				least = n
			}
		}
	}
	return least
}

// groups returns the directories of the control groups that bound what this
// process has of a controller: its own, those above it, and the root as it is
// seen here, which in a container is often the container's own. Both versions
// of control groups are looked for where they are usually mounted.
func groups(r Roots, controller string) []string {
	dirs := []string{filepath.Join(r.Sys, "fs/cgroup"), filepath.Join(r.Sys, "fs/cgroup", controller)}
	fs, err := procfs.NewFS(r.Proc)
	if err != nil {
		return dirs
	}
	self, err := fs.Self()
	if err != nil {
		return dirs
	}
	mine, err := self.Cgroups()
	if err != nil {
		return dirs
	}
	for _, g := range mine {
		base := filepath.Join(r.Sys, "fs/cgroup", controller)
		switch {
		case g.HierarchyID == 0:
			base = filepath.Join(r.Sys, "fs/cgroup")
		case !slices.Contains(g.Controllers, controller):
			continue
		}
		for p := filepath.Clean("/" + g.Path); p != "/"; p = filepath.Dir(p) {
			dirs = append(dirs, filepath.Join(base, p))
		}
	}
	return dirs
}

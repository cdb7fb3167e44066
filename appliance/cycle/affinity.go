package cycle

import (
	"golang.org/x/sys/unix"

	"weir/appliance/conf"
)

// maxCPU is the size of a CPU set.
const maxCPU = 1024

// Affinity is what worker_cpu_affinity says.
type Affinity struct {
	Auto  bool
	Masks [][]int // CPU numbers per mask; under Auto one mask of allowed CPUs or none
}

// Set reports whether the directive was given.
func (a *Affinity) Set() bool { return a.Auto || a.Masks != nil }

// CPUs are the CPUs that worker n of total is bound to; nil leaves it free.
func (a *Affinity) CPUs(n, total int) []int {
	switch {
	case a.Auto:
		list := availableCPUs()
		if a.Masks != nil {
			list = a.Masks[0]
		}
		if len(list) == 0 {
			return nil
		}
		return []int{list[n%len(list)]}
	case a.Masks != nil:
		return a.Masks[min(n, len(a.Masks)-1)]
	}
	// With one worker for each CPU, moving a worker can only hurt; with fewer
	// or more, the scheduler knows better than a guess.
	if list := availableCPUs(); len(list) == total {
		return []int{list[n]}
	}
	return nil
}

// availableCPUs are the CPUs this process may run on, which is what counts in
// a container or under taskset.
func availableCPUs() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return []int{0}
	}
	var list []int
	for i := range maxCPU {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list
}

func setAffinity(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	if m.affinity.Set() {
		return conf.Tail("is duplicate")
	}
	args := it.Args
	if args[0] == "auto" {
		if len(args) > 2 {
			return conf.Errorf("invalid number of arguments in \"worker_cpu_affinity\" directive")
		}
		m.affinity.Auto = true
		args = args[1:]
	}
	for _, arg := range args {
		mask, err := parseMask(arg)
		if err != nil {
			return err
		}
		m.affinity.Masks = append(m.affinity.Masks, mask)
	}
	return nil
}

// parseMask reads a mask of ones and zeros, CPU 0 at the right.
func parseMask(s string) ([]int, error) {
	if len(s) > maxCPU {
		return nil, conf.Errorf("\"worker_cpu_affinity\" supports up to %d CPUs only", maxCPU)
	}
	mask := []int{}
	cpu := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ' ':
			continue
		case '1':
			mask = append(mask, cpu)
		case '0':
		default:
			return nil, conf.Errorf("invalid character \"%c\" in \"worker_cpu_affinity\"", s[i])
		}
		cpu++
	}
	return mask, nil
}

// checkAffinity is the warning for a number of masks that does not fit.
func (m *mainConf) checkAffinity(workers int) string {
	n := len(m.affinity.Masks)
	if m.affinity.Auto || n <= 1 || n == workers {
		return ""
	}
	return "the number of \"worker_processes\" is not equal to the number of \"worker_cpu_affinity\" masks, " +
		"using last mask for remaining worker processes"
}

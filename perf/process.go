package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tree returns pid and all its descendants.
func tree(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		// "PID (COMMAND) STATE PPID ...": the command may hold anything.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		ppid, _ := strconv.Atoi(fields[1])
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		children[ppid] = append(children[ppid], child)
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// cpuTime returns the CPU time of the process tree, from the scheduler's own
// nanosecond account (Documentation/scheduler/sched-stats.rst). The times of
// getrusage and /proc/PID/stat count ticks on some kernels, and a server that
// sleeps between bursts then looks cheaper than it is. waited is how long its
// threads were ready to run and something else had the processor.
func cpuTime(pid int) (ran, waited time.Duration, err error) {
	for _, p := range tree(pid) {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		for _, name := range tasks {
			data, err := os.ReadFile(name)
			if err != nil {
				continue
			}
			var r, w int64
			if _, err := fmt.Sscan(string(data), &r, &w); err != nil {
				return 0, 0, fmt.Errorf("%s: %w", name, err)
			}
			ran += time.Duration(r)
			waited += time.Duration(w)
		}
	}
	if ran == 0 {
		return 0, 0, fmt.Errorf("process %d has no schedstat: has it ended, or is the kernel without CONFIG_SCHED_INFO?", pid)
	}
	return ran, waited, nil
}

// memory returns the resident bytes of the process tree. Pages that processes
// of it share are counted once, by their proportional size.
func memory(pid int) (int64, error) {
	var sum int64
	for _, p := range tree(pid) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					return 0, err
				}
				sum += kb << 10
			}
		}
	}
	return sum, nil
}

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/images/pid1"
	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/setting"
	"weir/tuning/tune"
)

func main() {
	go test() // ends with the machine
	pid1.Main("inguest")
}

// test applies and takes back every profile once the server runs.
func test() {
	for {
		if _, err := os.Stat("/run/weir/weir.sock"); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	out, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		return // nobody would see it
	}
	say := func(format string, args ...any) { fmt.Fprintf(out, "inguest: "+format+"\r\n", args...) }
	for _, name := range profile.Names() {
		roundTrip(name, say)
	}
	say("done")
}

// roundTrip applies one profile, has it checked, and takes it back.
func roundTrip(name string, say func(string, ...any)) {
	run := func(args ...string) (int, string) {
		var text bytes.Buffer
		status := tune.Main(args, &text, &text)
		for line := range strings.Lines(text.String()) {
			say("  %s %s", args[0], strings.TrimRight(line, "\n"))
		}
		return status, text.String()
	}
	before := values()
	applied, _ := run("apply", name)
	changed := values()
	checked, evidence := run("check", name)
	reverted, _ := run("revert")
	after := values()
	for _, key := range differing(before, after) {
		say("%s: %s is %q after revert, was %q", name, key, after[key], before[key])
	}
	say("%s: apply %d, %d of %d values changed; check %d, evidence %v; revert %d, %d values differ", name, applied,
		len(differing(before, changed)), len(before), checked, strings.Contains(evidence, "what was added since "+name+" was applied"),
		reverted, len(differing(before, after)))
}

// moving are settings that the kernel moves by itself.
var moving = map[string]bool{
	"/proc/sys/kernel/ns_last_pid":                true,
	"/proc/sys/kernel/perf_event_max_sample_rate": true,
}

// values reads everything of the machine that could be set: all writable
// sysctls, queues, interrupts, memory, and what ethtool shows.
func values() map[string]string {
	all := map[string]string{}
	_ = filepath.WalkDir("/proc/sys", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || moving[name] {
			return nil
		}
		if i, err := d.Info(); err == nil && i.Mode().Perm()&0o200 != 0 && i.Mode().Perm()&0o400 != 0 {
			all[name] = machine.Value(name)
		}
		return nil
	})
	for _, pattern := range []string{
		"/sys/class/net/*/queues/*/*", "/sys/class/net/*/tx_queue_len", "/sys/class/net/*/gro_flush_timeout",
		"/sys/kernel/mm/transparent_hugepage/*", "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag",
		"/proc/irq/*/smp_affinity", "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
		"/sys/devices/system/clocksource/clocksource0/current_clocksource",
	} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			all[name] = machine.Value(name)
		}
	}
	devices(all)
	return all
}

// devices adds queues, rings and interrupt coalescing of the network cards.
func devices(all map[string]string) {
	links, _ := filepath.Glob("/sys/class/net/*/device")
	for _, l := range links {
		for _, what := range []string{"channels", "ring", "adaptive-rx", "rx-usecs"} {
			id := "ethtool " + filepath.Base(filepath.Dir(l)) + " " + what
			v, err := setting.Open(machine.System, id)
			if err != nil {
				continue
			}
			if text, err := v.Read(); err == nil {
				all[id] = text
			}
		}
	}
}

// differing returns the names whose values are not the same in a and b.
func differing(a, b map[string]string) []string {
	var names []string
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/images/slots"
	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/tune"
)

// dataDir is where the data partition is mounted.
const dataDir = "/data"

// server's files below dataDir.
const (
	prefix   = dataDir + "/weir"
	confFile = "nginx.conf"
)

// Machine is the appliance while it runs.
type Machine struct {
	options  options
	version  string
	console  *console
	stages   *stages
	esp, dat string // block devices, "" when there is none
	devices  *devices
	network  network
	children *children
	server   *server
	dog      dog
	health   chan bool
	power    chan string // "poweroff" or "reboot", and why
}

// Main brings the machine up and does not return unless it goes down. program
// is the version of the program; the system's is that of the image, by which
// its slot is known.
func Main(program string) {
	version := slots.Running(program)
	m := &Machine{version: version, console: newConsole(), stages: newStages(), health: make(chan bool, 1), power: make(chan string, 4)}
	m.console.set("system", "weir "+version+", starting")
	if err := m.up(); err != nil {
		m.console.log("start failed: %v", err)
		m.console.set("system", "start failed: "+err.Error())
		time.Sleep(rescueTime)
		reboot(unix.LINUX_REBOOT_CMD_RESTART)
	}
	m.run()
}

// rescueTime is how long an error of the start stays on the screen before the
// machine starts again.
const rescueTime = 10 * time.Second

// up does everything until the server is started.
func (m *Machine) up() error {
	if err := mountBasics(); err != nil {
		return err
	}
	m.options = parseOptions(machine.Value("/proc/cmdline"))
	m.console.open()
	m.children = newChildren()
	m.stages.done("mounts")
	m.drivers()
	m.stages.done("drivers")
	m.storage()
	m.stages.done("disk")
	conf := m.configure()
	m.stages.done("configuration")
	go watchPower(m.power)
	go m.watchdog()
	hostname(conf.Hostname)
	m.network.start(conf, m.console)
	go setClock(m.console, conf.NTP, m.network.clock)
	go seed()
	m.stages.done("network")
	m.tune(conf)
	m.stages.done("tuning")
	m.server = newServer(m.children, m.console)
	m.server.start()
	go m.server.watch(m.health)
	go m.lookForUpdates()
	return nil
}

// drivers loads what is always needed and what drives the devices that are
// there; what drives those that come later is loaded when they do.
func (m *Machine) drivers() {
	list, err := openModules()
	if err != nil {
		m.console.log("modules: %v", err)
	}
	m.devices = newDevices(list)
	list.loadAll(list.always)
	m.devices.coldplug(sysDevices)
	m.devices.settle()
	for _, name := range list.last {
		<-list.load(name)
	}
	loaded, err := list.result()
	m.console.log("%d modules loaded", loaded)
	if err != nil {
		m.console.log("modules: %v", err) // a driver that fails need not be the one that matters
	}
	go m.devices.watch()
}

// run reacts to what happens until the machine goes down.
func (m *Machine) run() {
	blessed := false
	for {
		select {
		case ok := <-m.health:
			if ok && !blessed {
				blessed = true
				m.stages.done("server")
				m.console.log("%s", m.stages)
				m.bless()
			}
			if ok {
				m.pet()
			}
		case why := <-m.power:
			m.down(why)
		}
	}
}

// down stops the server, writes everything to the disks and ends the machine.
func (m *Machine) down(why string) {
	what, reason, _ := strings.Cut(why, ": ")
	m.console.log("%s (%s)", what, reason)
	m.server.stop(graceTime)
	m.children.killAll()
	unix.Sync()
	for _, dir := range []string{dataDir, mediaDir} {
		_ = unix.Unmount(dir, 0) // not mounted, or still in use: it is synced
	}
	m.closeWatchdog()
	if what == "poweroff" {
		reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

// graceTime is how long requests may go on once the machine goes down.
const graceTime = 10 * time.Second

func reboot(cmd int) {
	unix.Sync()
	_ = unix.Reboot(cmd)
	select {} // the kernel is ending us
}

// tune applies the profile that the configuration names, or that suits the
// machine, before anything listens.
func (m *Machine) tune(conf *config) {
	name := conf.profile()
	if name == "" {
		m.console.set("tuning", "off")
		return
	}
	mach, err := machine.Look(machine.System)
	if err != nil {
		m.console.log("tuning: %v", err)
		return
	}
	p, err := profile.Load(name)
	if err != nil {
		m.console.log("tuning: %v", err)
		return
	}
	// All cards: none may have a carrier yet, by which tune would go.
	var cards []string
	for i := range mach.NICs {
		if mach.NICs[i].Device {
			cards = append(cards, mach.NICs[i].Name)
		}
	}
	a, err := tune.Apply(mach, tuneDirs, p, cards)
	if err != nil {
		m.console.log("tuning: %v", err)
		return
	}
	m.console.set("tuning", fmt.Sprintf("%s: %d changed, %d skipped", name, a.Changed, len(a.Skipped)))
}

// tuneDirs lie in memory: the settings end with the machine, and are applied
// anew at each start.
var tuneDirs = tune.Dirs{State: "/run/weir/tune", Sysctl: "/run/weir/sysctl.d"}

// mount is one file system that is always there.
type mount struct {
	source, target, kind, data string
	flags                      uintptr
	must                       bool
}

var mounts = []mount{
	{"devtmpfs", "/dev", "devtmpfs", "mode=0755", unix.MS_NOSUID, true},
	{"proc", "/proc", "proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, true},
	{"sysfs", "/sys", "sysfs", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, true},
	{"tmpfs", "/run", "tmpfs", "mode=0755,size=25%", unix.MS_NOSUID | unix.MS_NODEV, true},
	{"tmpfs", "/tmp", "tmpfs", "mode=1777,size=25%", unix.MS_NOSUID | unix.MS_NODEV, true},
	{"devpts", "/dev/pts", "devpts", "gid=5,mode=0620", unix.MS_NOSUID | unix.MS_NOEXEC, false},
	{"tmpfs", "/dev/shm", "tmpfs", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV, false},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, false},
	{"bpf", "/sys/fs/bpf", "bpf", "mode=0700", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, false},
}

func mountBasics() error {
	for _, mt := range mounts {
		_ = os.MkdirAll(mt.target, 0o755)
		err := unix.Mount(mt.source, mt.target, mt.kind, mt.flags, mt.data)
		if err != nil && mt.must && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mounting %s: %w", mt.target, err)
		}
	}
	return nil
}

// options are the words of the kernel's command line that are for us.
type options struct {
	diskless bool          // there is no disk to wait for
	wait     time.Duration // for disks and carriers
}

func parseOptions(cmdline string) options {
	o := options{wait: 10 * time.Second}
	for word := range strings.FieldsSeq(cmdline) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "weir.diskless":
			o.diskless = true
		case "weir.wait":
			if d, err := time.ParseDuration(value); err == nil && d >= 0 && d <= time.Minute {
				o.wait = d
			}
		}
	}
	return o
}

// socket is the server's status socket: it stands beside the pid file.
func socket() string { return filepath.Join("/run/weir", "weir.sock") }

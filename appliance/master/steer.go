package master

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/ebpf/steer"
)

// steerVar is the variable in which a master hands the socket arrays of its
// steering programs to a new binary: "ADDRESS=DESCRIPTOR;" for each. A socket
// can be in one array only, so that the successor must go on with the same.
const steerVar = "WEIR_STEER"

// adoptSteering makes the steering, with the arrays that came from the process
// before.
func adoptSteering() *steer.Steering {
	s := steer.New()
	for field := range strings.SplitSeq(os.Getenv(steerVar), ";") {
		i := strings.LastIndexByte(field, '=')
		if i < 0 {
			continue
		}
		fd, err := strconv.Atoi(field[i+1:])
		if err == nil && fd >= 3 {
			err = s.Adopt(field[:i], fd)
		}
		if err != nil {
			errlog.Default().Printf(errlog.Notice, 0, "inherited steering of %s ignored: %v", field[:i], err)
		}
	}
	return s
}

// steerEnv is the value of steerVar for a successor that finds the returned
// files from descriptor first on.
func (m *master) steerEnv(first int) (value string, files []*os.File, err error) {
	var list strings.Builder
	for name, fd := range m.steering.Arrays() {
		dup, err := dupFile(fd)
		if err != nil {
			return "", files, err
		}
		list.WriteString(name + "=" + strconv.Itoa(first+len(files)) + ";")
		files = append(files, dup)
	}
	return list.String(), files, nil
}

// steerPlan is what c asks for, with the sockets that are bound.
func (m *master) steerPlan(c *cycle.Cycle) steer.Plan {
	p := steer.Plan{CPUs: make([][]int, c.Core.Workers)}
	for mode := steer.Load; mode <= steer.Off; mode++ {
		if mode.String() == c.Core.Steering {
			p.Mode = mode
		}
	}
	for i := range p.CPUs {
		p.CPUs[i] = c.Core.Affinity.CPUs(i, c.Core.Workers)
	}
	for _, l := range c.Listens {
		if g := m.listeners[l.Key()]; g != nil && !l.Shared {
			p.Groups = append(p.Groups, steer.Group{Name: l.Key(), Sockets: g.fds})
		}
	}
	return p
}

// steer puts in force what the cycle in force asks for, for a server that is
// about to start: its workers have shown nothing yet.
func (m *master) steer() {
	m.commitSteering(m.steering.Prepare(m.steerPlan(m.cycle)))
	if err := m.steering.Reset(); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "%v", err)
	}
}

// commitSteering attaches what was prepared and says once what that is.
func (m *master) commitSteering(c *steer.Change) {
	before := m.steering.Report()
	now := c.Commit()
	if now.Mode == before.Mode && now.Rung == before.Rung || now.Rung == steer.Unsteered {
		return
	}
	why := ""
	if now.Why != nil {
		why = ", because a program cannot be loaded: " + unloadable(now.Why)
	}
	errlog.Default().Printf(errlog.Notice, 0, "worker steering is \"%s\" by %s%s", now.Mode, rungs[now.Rung], why)
}

// unloadable says why a program of the kernel cannot be loaded.
func unloadable(err error) string {
	if errnoOf(err) == unix.EPERM {
		return "it needs the capabilities CAP_BPF and CAP_NET_ADMIN, which root has"
	}
	return err.Error()
}

// rungs are the words for people.
var rungs = map[steer.Rung]string{
	steer.EBPF:        "a program in the kernel",
	steer.CBPF:        "a classic BPF program",
	steer.IncomingCPU: "SO_INCOMING_CPU",
	steer.KernelHash:  "the kernel's hash",
}

// steeringReport is what the status socket shows.
func (m *master) steeringReport() steeringReport {
	r := m.steering.Report()
	s := steeringReport{Mode: r.Mode.String(), Rung: string(r.Rung), Migrates: r.Migrates}
	if r.Why != nil {
		s.Why = unloadable(r.Why)
	}
	return s
}

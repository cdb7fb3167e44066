package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// callCounts are system calls per request.
type callCounts struct {
	recv, send, epoll, other float64
}

// families sorts system calls into the columns of the report. What is in none
// is "other"; what waits without doing is left out.
var families = map[string]string{
	"recvfrom": "recv", "recvmsg": "recv", "read": "recv", "readv": "recv",
	"sendto": "send", "sendmsg": "send", "write": "send", "writev": "send", "sendfile": "send", "splice": "send",
	"epoll_wait": "epoll", "epoll_pwait": "epoll", "epoll_pwait2": "epoll", "epoll_ctl": "epoll",
	"futex": "", "nanosleep": "", "clock_nanosleep": "", "restart_syscall": "", "rt_sigreturn": "",
}

// countCalls counts a server's system calls under load. strace makes every
// call many times dearer, so that this is a pass of its own and says nothing
// about time.
func (l *lab) countCalls(sc scenario, s *server) (*callCounts, error) {
	if err := needTools("strace"); err != nil {
		return nil, err
	}
	file := filepath.Join(l.dir, "strace")
	args := []string{"-c", loadCPU, "strace", "-f", "-c", "-o", file}
	for _, p := range tree(s.pid()) {
		args = append(args, "-p", strconv.Itoa(p))
	}
	cmd := exec.Command("taskset", args...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	time.Sleep(500 * time.Millisecond) // strace says nothing when it is ready
	got, err := wrk(sc.url(s), 2*time.Second, l.conns(sc), sc.header)
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseCalls(string(data), got.requests)
}

// parseCalls reads the table of strace -c.
func parseCalls(table string, requests int) (*callCounts, error) {
	c := &callCounts{}
	n := float64(requests)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] == "total" || f[len(f)-1] == "syscall" {
			continue
		}
		calls, err := strconv.Atoi(f[3])
		if err != nil {
			continue // the rule below the heading
		}
		family, known := families[f[len(f)-1]]
		switch {
		case !known:
			c.other += float64(calls) / n
		case family == "recv":
			c.recv += float64(calls) / n
		case family == "send":
			c.send += float64(calls) / n
		case family == "epoll":
			c.epoll += float64(calls) / n
		}
	}
	if c.recv+c.send == 0 {
		return nil, fmt.Errorf("strace counted no calls:\n%s", table)
	}
	return c, nil
}

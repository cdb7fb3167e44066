package peertest

import (
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take until it listens.
const patience = time.Minute

// Find returns the path of a program. Servers may stand where only an
// administrator's shell looks.
func Find(t testing.TB, program string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + program); err == nil {
			return path
		}
	}
	t.Skipf("needs %s", program)
	return ""
}

// Start starts a server and waits until it listens at addr of network, which
// are as net.Dial has them. It ends with the test.
func Start(t testing.TB, network, addr, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(Find(t, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // by that signal
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial(network, addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
	}
}

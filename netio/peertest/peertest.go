package peertest

import (
	"net"
	"os/exec"
	"runtime"
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
	started, ended := make(chan error), make(chan struct{})
	go func() { // ends with the server
		// The signal at our death is one at the death of the thread that started
		// it: this one lasts, while another might end with a goroutine.
		runtime.LockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // by a signal, or seen below
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
	})
	for end := time.Now().Add(patience); ; {
		c, err := net.Dial(network, addr)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %v", program, cmd.ProcessState)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
	}
}

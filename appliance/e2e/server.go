package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	stopLimit  = 30 * time.Second
)

// server is one running server.
type server struct {
	dir    string
	cmd    *exec.Cmd
	output bytes.Buffer  // standard output and error; read after exit only
	exited chan struct{} // closed once cmd has ended
	err    error         // how; valid after exited
}

// config returns the nginx.conf of a case. What is added stands on the first
// line, so that the lines of section conf keep their numbers.
func config(c *Case) string {
	if c.Full != "" {
		return c.Full
	}
	main := strings.ReplaceAll(c.Main, "\n", " ")
	for _, d := range []struct{ name, args string }{
		{"daemon", "off"}, {"master_process", "off"}, {"worker_processes", "1"},
		{"pid", "nginx.pid"}, {"error_log", "error.log info"}, {"events", "{ worker_connections 256; }"},
	} {
		if strings.Contains(" "+main, " "+d.name+" ") {
			continue
		}
		main += d.name + " " + d.args
		if !strings.HasSuffix(d.args, "}") {
			main += ";"
		}
		main += " "
	}
	return main + "http { access_log off; client_body_temp_path client_body_temp; proxy_temp_path proxy_temp; " + c.HTTP + "}\n"
}

// arguments are the command line that every start and test of the server has.
func arguments(dir string) []string {
	return []string{"-p", dir + "/", "-c", "nginx.conf", "-e", "error.log"}
}

// startServer starts the binary and returns once its pid file says that all
// listeners are bound.
func startServer(binary, dir string) (*server, error) {
	s := &server{dir: dir, cmd: exec.Command(binary, arguments(dir)...), exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	pid := filepath.Join(dir, "nginx.pid")
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if data, err := os.ReadFile(pid); err == nil && bytes.HasSuffix(data, []byte("\n")) {
			return s, nil
		}
		select {
		case <-s.exited:
			return nil, fmt.Errorf("the server ended (%v) while starting:\n%s", s.err, s.output.String())
		default:
		}
	}
	s.cmd.Process.Kill()
	<-s.exited
	return nil, fmt.Errorf("no pid file after %v:\n%s", startLimit, s.output.String())
}

// stop ends the server gracefully; it must do so with status 0.
func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.cmd.Process.Kill()
		<-s.exited
		return fmt.Errorf("the server was still there %v after SIGQUIT", stopLimit)
	}
	if s.err != nil {
		return fmt.Errorf("the server ended with %w:\n%s", s.err, s.output.String())
	}
	return nil
}

// testConfig runs the binary's -t and returns what it says and whether it is
// content.
func testConfig(binary, dir string) (said string, ok bool, err error) {
	out, err := exec.Command(binary, append([]string{"-t"}, arguments(dir)...)...).CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.Exited() {
		return string(out), false, nil
	}
	return string(out), err == nil, err
}

// logFile reads what is appended to a file from one run to the next.
type logFile struct {
	path string
	from int64 // where this run begins
}

// mark makes the file's end the run's beginning.
func (l *logFile) mark() {
	l.from = 0
	if info, err := os.Stat(l.path); err == nil {
		l.from = info.Size()
	}
}

// added returns the whole lines since mark.
func (l *logFile) added() []string {
	data, err := os.ReadFile(l.path)
	if err != nil || int64(len(data)) < l.from {
		return nil
	}
	data = data[l.from:]
	return lines(string(data[:bytes.LastIndexByte(data, '\n')+1]))
}

package pid1

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	restartPause = time.Second     // between the end of a server and the next
	healthPause  = 2 * time.Second // between two looks at its health
	healthFirst  = 20 * time.Millisecond
)

// server is the child that serves.
type server struct {
	children *children
	console  *console
	mu       sync.Mutex
	pid      int
	stopping bool
	ended    chan struct{} // closed when it has ended for good
}

func newServer(c *children, con *console) *server {
	return &server{children: c, console: con, ended: make(chan struct{})}
}

// start runs the server, again whenever it ends by itself.
func (s *server) start() {
	_ = os.MkdirAll("/run/weir", 0o755)
	go func() { // ends with the server's last run
		defer close(s.ended)
		for {
			s.once()
			s.mu.Lock()
			stop := s.stopping
			s.mu.Unlock()
			if stop {
				return
			}
			time.Sleep(restartPause)
		}
	}()
}

// once runs the server until it ends.
func (s *server) once() {
	out, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		out = os.Stderr
	} else {
		defer out.Close()
	}
	args := []string{"weir", "-p", prefix + "/", "-c", confFile, "-e", "stderr", "-g", "daemon off; pid /run/weir/weir.pid;"}
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return
	}
	pid, ended, err := s.children.start("/init", args, []string{"PATH=/", "HOME=/"}, out, out)
	s.pid = pid
	s.mu.Unlock()
	if err != nil {
		s.console.log("the server could not be started: %v", err)
		return
	}
	status := <-ended
	s.mu.Lock()
	s.pid = 0
	stop := s.stopping
	s.mu.Unlock()
	if !stop {
		s.console.log("the server ended: %s", describe(status))
		s.console.set("server", "ended: "+describe(status))
	}
}

func describe(w unix.WaitStatus) string {
	if w.Signaled() {
		return "signal " + unix.SignalName(w.Signal())
	}
	return fmt.Sprintf("exit code %d", w.ExitStatus())
}

// stop ends the server: gracefully, and after the grace time at once.
func (s *server) stop(grace time.Duration) {
	s.mu.Lock()
	s.stopping = true
	pid := s.pid
	s.mu.Unlock()
	for _, sig := range []unix.Signal{unix.SIGQUIT, unix.SIGKILL} {
		if pid > 0 {
			_ = unix.Kill(pid, sig)
		}
		select {
		case <-s.ended:
			return
		case <-time.After(grace):
		}
	}
}

// watch tells about the server's health, often until it is well for the first
// time.
func (s *server) watch(health chan<- bool) {
	pause := healthFirst
	for {
		time.Sleep(pause)
		text, err := ask(socket())
		ok := err == nil
		if ok {
			pause = healthPause
			s.console.set("server", text)
		} else if pause == healthPause {
			s.console.set("server", "does not answer: "+err.Error())
		}
		select {
		case health <- ok:
		default: // nobody has looked at the last one yet
		}
	}
}

// ask asks the status socket and describes a server that is well; an error is
// anything else.
func ask(path string) (string, error) {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := io.WriteString(c, "GET /status HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(io.LimitReader(c, 1<<20))
	for { // the header
		l, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(l) == "" {
			break
		}
	}
	var st struct {
		Generation int
		Restarts   int
		Listeners  []struct{ Address string }
		Server     *struct{}
	}
	if err := json.NewDecoder(r).Decode(&st); err != nil {
		return "", err
	}
	if st.Server == nil {
		return "", fmt.Errorf("no server process")
	}
	var on []string
	for _, l := range st.Listeners {
		on = append(on, l.Address)
	}
	return fmt.Sprintf("serving %s, generation %d, %d restarts", strings.Join(on, " "), st.Generation, st.Restarts), nil
}

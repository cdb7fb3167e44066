package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTheDemoServesWhatTheReadmeAsksFor starts `weir demo` as `make run` does.
func TestTheDemoServesWhatTheReadmeAsksFor(t *testing.T) {
	in := newInstance(t, "off") // only for its address
	cmd := exec.Command(os.Args[0], "demo", "-l", in.addr)
	cmd.Env = append(os.Environ(), mainVar+"=1", "TMPDIR="+in.dir)
	if err := os.Chmod(in.dir, 0o755); err != nil { // the server process may be another user
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(in.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	in.until("the demo", func() bool {
		r, err := http.Get("http://" + in.addr + "/")
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})
	for _, c := range []struct{ path, want string }{
		{"/", "weir serves this page"},
		{"/api/hello", "The origin was asked for /api/hello"},
		{"/lua?key=me", `"visit":1`},
		{"/lua?key=me", `"visit":2`},
		{"/status", "Active connections: "},
		{"/metrics", "# TYPE "},
	} {
		r, err := http.Get("http://" + in.addr + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 200 || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: got %s, %v and %.200q, want %q in it", c.path, r.Status, err, body, c.want)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, said.String())
	}
	if left, _ := filepath.Glob(filepath.Join(in.dir, "weir-demo-*")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

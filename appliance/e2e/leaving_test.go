package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leavingConf runs commands in every way there is, to their ends and not, and leaves files open.
const leavingConf = `worker_processes 1; daemon off; pid nginx.pid; error_log error.log notice; events { worker_connections 1024; }
env PATH=/usr/bin:/bin;
http {
    access_log off;
    server {
        listen 127.0.0.1:%PORT%;
        location = /commands {
            content_by_lua_block {
                os.execute("exit 3")
                io.popen("echo read"):read("*a")
                io.popen("echo left open")
                io.popen("cat >/dev/null", "w"):write("x"):close()
                local p = require "ngx.pipe"
                local proc = p.spawn({ "cat" })
                proc:write("x")
                proc:shutdown("stdin")
                proc:stdout_read_all()
                proc:wait()
                p.spawn({ "sleep", "600" })
                p.spawn({ "no-such-command" })
                ngx.say("done")
            }
        }
        location = /dropped {
            content_by_lua_block {
                for i = 1, 10 do io.popen("cat >/dev/null", "w"):write("x") end
                ngx.sleep(0.01)
                ngx.say("done")
            }
        }
        location = /files {
            content_by_lua_block {
                for i = 1, 100 do io.open("/etc/passwd"):read("*a") end
                ngx.sleep(0.01)
                ngx.say("done")
            }
        }
    }
}
`

// uncollected bounds the files that Lua may have dropped and the collector not found yet: it is asked to look at every
// 256, and more come while it looks.
const uncollected = 500

// TestLuaLeavesNothingOpen has many requests run commands and open files, and leave some of them: no descriptor and no
// process may stay behind, but for those the collector has still to find.
func TestLuaLeavesNothingOpen(t *testing.T) {
	b := theBinary(t)
	if !b.weir {
		t.Skip("is about weir, not nginx")
	}
	p := testPlace(t)
	s := serve(t, b, p, map[string]string{"nginx.conf": leavingConf})
	c := &http.Client{Timeout: time.Minute}
	round := func(path string, n int) {
		t.Helper()
		for range n {
			r, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d%s", p.ports["PORT"], path))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if string(body) != "done\n" {
				log, _ := os.ReadFile(filepath.Join(p.dir, "error.log"))
				t.Fatalf("%s: got %d %q; the error log: %s", path, r.StatusCode, body, log[max(0, len(log)-600):])
			}
		}
	}
	round("/commands", 3)
	before := settledFamily(s.cmd.Process.Pid, func(family) bool { return false })
	for _, at := range []struct {
		path   string
		rounds int
		most   family // more than before
	}{
		{"/commands", long(500, 30), family{0, uncollected}},
		{"/files", long(500, 100), family{0, 10 * uncollected}},                 // 100 at a time
		{"/dropped", long(500, 100), family{2 * uncollected, 16 * uncollected}}, // each is a shell and a cat
	} {
		began := time.Now()
		round(at.path, at.rounds)
		t.Logf("%s, %d times: %v", at.path, at.rounds, time.Since(began))
		few := func(f family) bool {
			return f.processes <= before.processes+at.most.processes && f.fds <= before.fds+at.most.fds
		}
		if after := settledFamily(s.cmd.Process.Pid, few); !few(after) {
			t.Errorf("%s, %d times: got %+v, want no more than %+v beside %+v", at.path, at.rounds, after, at.most, before)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
}

// family is how many processes there are below one, itself included, and how many descriptors they have.
type family struct{ processes, fds int }

func lookAt(pid int) (f family) {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return f
	}
	f = family{1, len(fds)}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range lists {
		data, _ := os.ReadFile(name)
		for child := range strings.FieldsSeq(string(data)) {
			var id int
			fmt.Sscan(child, &id)
			of := lookAt(id)
			f.processes += of.processes
			f.fds += of.fds
		}
	}
	return f
}

// settledFamily looks until there is what is wanted, or nothing has changed for a while.
func settledFamily(pid int, wanted func(family) bool) (f family) {
	for same := 0; same < 50; same++ {
		n := lookAt(pid)
		if wanted(n) {
			return n
		}
		if n != f {
			f, same = n, 0
		}
		time.Sleep(20 * time.Millisecond)
	}
	return f
}

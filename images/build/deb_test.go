package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/ebpf/nstest"
	"weir/images/inputs"
)

// installTime bounds what installs, starts and stops software.
const installTime = 2 * time.Minute

// needTools skips a test that takes minutes, needs root, or a program that is
// not there.
func needTools(t *testing.T, tools ...string) {
	t.Helper()
	if os.Getenv("WEIR_TEST_IMAGE") == "" || testing.Short() {
		t.Skip("takes minutes: set WEIR_TEST_IMAGE=1 (make test-image)")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, name := range tools {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs the program %s", name)
		}
	}
}

// debian is a Debian system in a folder.
type debian struct {
	t    *testing.T
	root string
}

// newDebian makes one, with packages of the mirror that this machine's apt uses.
func newDebian(t *testing.T) *debian {
	t.Helper()
	mirrors := inputs.AptMirrors()
	i := slices.IndexFunc(mirrors, func(m string) bool { return path.Base(strings.TrimRight(m, "/")) == "debian" })
	if i < 0 {
		t.Skip("this machine's apt knows no mirror of Debian")
	}
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("debootstrap", "--variant=minbase", "--include=systemd", "bookworm", root, mirrors[i]).CombinedOutput(); err != nil {
		t.Skipf("Debian cannot be fetched here: %v\n%s", err, tail(string(out)))
	}
	proc := filepath.Join(root, "proc")
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(proc, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &debian{t, root}
}

// run runs a command in the system and returns what it says.
func (d *debian) run(args ...string) string {
	d.t.Helper()
	cmd := exec.Command("chroot", append([]string{d.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// install installs a version of the package.
func (d *debian) install(b *builder) {
	d.t.Helper()
	if err := b.deb(); err != nil {
		d.t.Fatal(err)
	}
	name := b.made[len(b.made)-1]
	data, err := os.ReadFile(filepath.Join(b.out, name))
	if err != nil {
		d.t.Fatal(err)
	}
	d.put("/"+name, string(data))
	d.run("dpkg", "-i", "/"+name)
	d.remove("/" + name)
}

func (d *debian) put(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.root, name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *debian) remove(name string) { os.Remove(filepath.Join(d.root, name)) }

func (d *debian) get(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.root, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

// files are all that is in the system, but what package management and the
// kernel keep there.
func (d *debian) files() map[string]bool {
	d.t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(d.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(name, d.root)
		switch rel {
		case "/proc", "/var/lib/dpkg", "/var/log/dpkg.log", "/var/cache", "/var/lib/systemd", "/dev":
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		all[rel] = true
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// unit is what weir.service says, by key; keys that repeat are joined.
func (d *debian) unit() map[string]string {
	u := map[string]string{}
	for line := range strings.Lines(d.get("/usr/lib/systemd/system/weir.service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			u[key] = strings.TrimSpace(u[key] + " " + value)
		}
	}
	return u
}

// daemon is weir as the unit starts it, with the rights that the unit leaves it.
type daemon struct {
	t     *testing.T
	cmd   *exec.Cmd
	pid   int    // the master's
	trace string // of system calls
	ended chan error
}

func (d *debian) start() *daemon {
	d.t.Helper()
	u := d.unit()
	var caps strings.Builder
	caps.WriteString("-all")
	for c := range strings.FieldsSeq(u["CapabilityBoundingSet"]) {
		caps.WriteString(",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	line := "exec " + u["ExecStart"]
	w := &daemon{t: d.t, trace: filepath.Join(d.t.TempDir(), "trace"), ended: make(chan error, 1)}
	w.cmd = exec.Command("strace", "-f", "-qq", "-o", w.trace, "chroot", d.root, "setpriv", "--bounding-set="+caps.String(), "--no-new-privs", "sh", "-c", line)
	if err := w.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() { w.ended <- w.cmd.Wait() }() // ends with the process
	d.t.Cleanup(func() {
		if w.pid > 0 {
			_ = unix.Kill(w.pid, unix.SIGKILL)
		}
		_ = w.cmd.Process.Kill()
	})
	eventually(d.t, "the pid file", func() bool {
		data, err := os.ReadFile(filepath.Join(d.root, "run/weir/weir.pid"))
		n, _ := fmt.Sscan(string(data), &w.pid)
		return err == nil && n == 1
	})
	return w
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(installTime); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, installTime)
		}
	}
}

// answers gets a page of this network namespace, whose thread the caller is on.
func answers(addr, path string) (code int, body string, err error) {
	c, err := net.DialTimeout("tcp", addr, installTime)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(installTime))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return r.StatusCode, string(text), err
}

// stop ends it as the unit does.
func (w *daemon) stop() {
	w.t.Helper()
	if err := unix.Kill(w.pid, unix.SIGQUIT); err != nil {
		w.t.Fatal(err)
	}
	select {
	case err := <-w.ended:
		if err != nil {
			w.t.Errorf("weir ended with %v", err)
		}
	case <-time.After(installTime):
		w.t.Fatal("weir does not end")
	}
}

func TestTheDebianPackageInstallsServesAndLeavesNothing(t *testing.T) {
	needTools(t, "debootstrap", "dpkg", "strace", "setpriv", "systemd-analyze")
	b := programOnly(t, "0.1")
	d := newDebian(t)
	before := d.files()
	d.install(b)

	if out := d.run("dpkg", "-V", "weir"); out != "" {
		t.Errorf("dpkg -V says\n%s", out)
	}
	if out := d.run("dpkg-query", "-W", "-f", "${Conffiles}", "weir"); !strings.Contains(out, "/etc/weir/nginx.conf ") {
		t.Errorf("configuration files are %q", out)
	}
	verify(t, d)

	nstest.Enter(t)
	d.run("systemd-tmpfiles", "--create", "weir.conf")
	unit := d.unit()
	d.run("sh", "-c", unit["ExecStartPre"])
	w := d.start()
	if code, body, err := answers("127.0.0.1:80", "/"); code != 200 || !strings.Contains(body, "weir is installed") {
		t.Errorf("%d %q, %v", code, body, err)
	}
	steered(t, d)
	conf := strings.Replace(d.get("/etc/weir/nginx.conf"), "weir is installed", "it is reloaded", 1)
	d.put("/etc/weir/nginx.conf", conf)
	d.run("sh", "-c", unit["ExecReload"])
	eventually(t, "reload", func() bool {
		code, body, err := answers("127.0.0.1:80", "/")
		if err != nil || code != 200 {
			t.Errorf("while it reloads: %d, %v", code, err)
		}
		return strings.Contains(body, "it is reloaded")
	})
	w.stop()
	confined(t, unit, w.trace)

	next := *b
	next.version = "0.2"
	d.install(&next)
	if got := d.get("/etc/weir/nginx.conf"); got != conf {
		t.Errorf("a new version changed the configuration to\n%s", got)
	}
	d.run("dpkg", "--purge", "weir")
	os.RemoveAll(filepath.Join(d.root, "run/weir")) // the next start of the machine does it
	for name := range maps.Keys(d.files()) {
		if !before[name] {
			t.Errorf("%s is left behind", name)
		}
	}
}

// verify has systemd look at the units.
func verify(t *testing.T, d *debian) {
	t.Helper()
	for _, name := range []string{"weir.service", "weir.socket"} {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+d.root, name).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "weir.") {
				t.Errorf("%s: %v %s", name, err, line)
			}
		}
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--root="+d.root, "--threshold=60", "weir.service").CombinedOutput()
	if err != nil {
		t.Errorf("the service is exposed more than it should be: %v\n%s", err, out)
	}
}

// steered checks that the unit's capabilities suffice for the programs in the
// kernel.
func steered(t *testing.T, d *debian) {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(d.root, "run/weir/weir.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /status HTTP/1.0\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var st struct {
		Steering struct{ Rung, Why string }
		Server   struct{ Workers []struct{} }
	}
	if err := json.NewDecoder(r.Body).Decode(&st); err != nil {
		t.Fatal(err)
	}
	if len(st.Server.Workers) > 1 && st.Steering.Rung != "ebpf" {
		t.Errorf("connections are steered by %q: %s", st.Steering.Rung, st.Steering.Why)
	}
}

// call finds the name and arguments of a system call in strace's output.
var call = regexp.MustCompile(`^\d+ +([a-z0-9_]+)\((.*)`)

// confined checks that what weir called is what the unit lets it call.
func confined(t *testing.T, unit map[string]string, trace string) {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "syscall-filter").Output()
	if err != nil {
		t.Fatal(err)
	}
	sets, set := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		switch word := strings.TrimSpace(line); {
		case word == "" || strings.HasPrefix(word, "#"):
		case strings.HasPrefix(line, "@"):
			set = word
		default:
			sets[set] = append(sets[set], word)
		}
	}
	allowed := map[string]bool{}
	var allow func(name string)
	allow = func(name string) {
		allowed[name] = true
		for _, n := range sets[name] {
			allow(n)
		}
	}
	for name := range strings.FieldsSeq(unit["SystemCallFilter"] + " @default") {
		allow(name)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, ok := strings.Cut(string(data), `execve("/usr/sbin/weir"`)
	if !ok {
		t.Fatal("the trace has no start of weir")
	}
	seen, refused := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(lines) {
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		seen[m[1]] = true
		switch {
		case !allowed[m[1]]:
			refused[m[1]] = true
		case m[1] == "mprotect" && strings.Contains(m[2], "PROT_EXEC"), m[1] == "mmap" && strings.Contains(m[2], "PROT_WRITE|PROT_EXEC"):
			t.Errorf("MemoryDenyWriteExecute refuses %s", line)
		}
	}
	if !seen["accept4"] || !seen["setuid"] || !seen["bpf"] {
		t.Errorf("the trace shows only %v", slices.Sorted(maps.Keys(seen)))
	}
	if len(refused) > 0 {
		t.Errorf("SystemCallFilter refuses %v", slices.Sorted(maps.Keys(refused)))
	}
}

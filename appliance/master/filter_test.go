package master

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/appliance/cycle"
	"weir/ebpf/filter"
	"weir/ebpf/nstest"
)

// guarded is an instance with a filter on one of a pair of devices, and what
// runs a function at the other one.
func guarded(t *testing.T, block string) (in *instance, there func(func())) {
	t.Helper()
	nstest.Enter(t)
	nstest.NeedBPF(t)
	there = nstest.Pair(t)
	in = newInstance(t)
	in.addr = nstest.Here + ":8080"
	in.list("")
	in.filter(block)
	if code, stderr := in.run(); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	return in, there
}

func (in *instance) filter(block string) {
	in.t.Helper()
	in.configure("daemon on; serve ADDR one; xdp_filter { interface v0; block_list block.txt; " + block + "}")
}

// list writes the block list as programs do it: another file takes its name.
func (in *instance) list(text string) {
	in.t.Helper()
	path := filepath.Join(in.dir, "block.txt")
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		in.t.Fatal(err)
	}
}

// ask sends a request to the status socket and returns code and body.
func (in *instance) ask(method, path string) (int, string) {
	in.t.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", filepath.Join(in.dir, socketName))
		}}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://weir"+path, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	r, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(b)
}

func (in *instance) done(method, path string) {
	in.t.Helper()
	if code, body := in.ask(method, path); code != 200 {
		in.t.Errorf("%s %s: %d %s", method, path, code, body)
	}
}

// reaches tells whether a client at the other device gets a connection.
func (in *instance) reaches(there func(func()), patience time.Duration) (ok bool) {
	there(func() {
		c, err := net.DialTimeout("tcp", in.addr, patience)
		if err == nil {
			c.Close()
		}
		ok = err == nil
	})
	return ok
}

// blocked is how long a client that must not get through tries.
const blocked = 300 * time.Millisecond

func TestTheFilterFollowsFilesAndTheStatusSocket(t *testing.T) {
	t.Parallel() // it waits for seconds to pass
	in, there := guarded(t, "syn_rate 1000; confirm_timeout off;")
	if !in.reaches(there, patience) {
		t.Fatal("an ordinary client does not get through")
	}
	in.list(nstest.There + "\n")
	in.until("the list to be read", func() bool { return strings.Contains(in.log(), "0 networks allowed, 1 blocked") })
	if in.reaches(there, blocked) {
		t.Error("a blocked client gets through")
	}
	in.list("nonsense\n")
	in.until("the bad list to be refused", func() bool { return strings.Contains(in.log(), `lists stay as they are: invalid network "nonsense"`) })
	if in.reaches(there, blocked) {
		t.Error("a bad list unblocked the client")
	}
	in.done("POST", "/filter/allow?network=10.99.0.0/16")
	if !in.reaches(there, patience) {
		t.Error("a client of the allow list does not get through")
	}
	code, body := in.ask("GET", "/filter")
	for _, want := range []string{`"v0": "native"`, `"network": "` + nstest.There + `/32"`, `"verdict": "blocked"`} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("GET /filter: %d %s, want %s", code, body, want)
		}
	}
	in.done("DELETE", "/filter/allow?network=10.99.0.0/16")
	in.done("DELETE", "/filter/block?network="+nstest.There)
	in.done("POST", "/filter/block?network="+nstest.There+"&confirm=1s")
	in.until("an unconfirmed change to be undone", func() bool { return strings.Contains(in.log(), "are taken back") })
	if !in.reaches(there, patience) {
		t.Error("a block that was undone is still in force")
	}
	for path, want := range map[string]int{
		"/filter/block": 400, "/filter/block?network=x": 400, "/filter/block?network=0.0.0.0/0": 400,
		"/filter/block?network=1.2.3.4&confirm=x": 400, "/filter/else": 404,
	} {
		if code, body := in.ask("POST", path); code != want {
			t.Errorf("POST %s: %d %s, want %d", path, code, body, want)
		}
	}
	pid := in.pid()
	in.signal(syscall.SIGTERM)
	in.until("the end", func() bool { return !alive(pid) })
	if out, err := exec.Command("ip", "link", "show", "v0").CombinedOutput(); err != nil || strings.Contains(string(out), "xdp") {
		t.Errorf("it left a program behind: %s %v", out, err)
	}
}

func TestSettingsThatNobodyConfirmsAreTakenBack(t *testing.T) {
	t.Parallel() // it waits for seconds to pass
	in, there := guarded(t, "confirm_timeout 1s;")
	in.until("the first ones to be taken back", func() bool { code, _ := in.ask("GET", "/filter"); return code == 409 })
	in.filter("confirm_timeout 60s;")
	in.signal(syscall.SIGHUP)
	in.until("them to be in force again", func() bool { _, body := in.ask("GET", "/filter"); return strings.Contains(body, `"pending"`) })
	in.done("POST", "/filter/confirm")
	if _, body := in.ask("GET", "/filter"); strings.Contains(body, `"pending"`) {
		t.Errorf("after the confirmation: %s", body)
	}
	in.list(nstest.There + "\n")
	in.filter("syn_rate 1; confirm_timeout 1s;")
	in.signal(syscall.SIGHUP)
	in.until("further ones to be taken back", func() bool { return strings.Count(in.log(), "are taken back") == 2 })
	if code, _ := in.ask("GET", "/filter"); code != 200 || in.reaches(there, blocked) {
		t.Errorf("those before are not in force: %d", code)
	}
	// A restart under what was confirmed needs no confirmation, and neither
	// does a new binary, which waits for the device.
	in.filter("confirm_timeout 60s;")
	in.signal(syscall.SIGHUP)
	old := in.pid()
	in.signal(syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid(); return p != 0 && p != old })
	if err := syscall.Kill(old, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	in.until("the successor's filter", func() bool { _, body := in.ask("GET", "/filter"); return !alive(old) && strings.Contains(body, `"v0"`) })
	if _, body := in.ask("GET", "/filter"); strings.Contains(body, `"pending"`) {
		t.Errorf("after the upgrade: %s", body)
	}
	in.configure("daemon on; serve ADDR one;")
	in.signal(syscall.SIGHUP)
	in.until("the filter's end", func() bool { code, _ := in.ask("GET", "/filter"); return code == 409 })
	if !in.reaches(there, patience) {
		t.Error("without a filter a client is still blocked")
	}
}

// TestAModuleBlocksAClientForATime is what a script does with those who misbehave.
func TestAKilledMasterLeavesNoFilter(t *testing.T) {
	t.Parallel()
	in, there := guarded(t, "confirm_timeout off;")
	in.list(nstest.There + "\n")
	in.until("the list to be read", func() bool { return strings.Contains(in.log(), "0 networks allowed, 1 blocked") })
	if in.reaches(there, blocked) {
		t.Error("a blocked client gets through")
	}
	if err := syscall.Kill(in.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	in.until("the program to go", func() bool {
		out, err := exec.Command("ip", "link", "show", "v0").CombinedOutput()
		return err == nil && !strings.Contains(string(out), "xdp")
	})
}

func TestAModuleBlocksAClientForATime(t *testing.T) {
	t.Parallel() // it waits for seconds to pass
	in, there := guarded(t, "confirm_timeout off;")
	in.configure("daemon on; serve ADDR block 2s; xdp_filter { interface v0; block_list block.txt; confirm_timeout off; }")
	in.signal(syscall.SIGHUP)
	in.until("the client to be blocked", func() bool {
		there(func() {
			c, err := net.DialTimeout("tcp", in.addr, blocked)
			if err != nil {
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(blocked))
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
			_, _ = c.Read(make([]byte, 1))
		})
		_, body := in.ask("GET", "/filter")
		return strings.Contains(body, `"network": "`+nstest.There+`/32"`)
	})
	in.until("it to be free again", func() bool { return in.reaches(there, blocked) })
	if code, body := in.ask("POST", "/filter/block?network=192.0.2.1&for=x"); code != 400 {
		t.Errorf("got %d %s", code, body)
	}
}

func TestAModuleCannotChangeWhatTheOperatorSays(t *testing.T) {
	nstest.NeedBPF(t)
	f, err := filter.Load()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := &guard{f: f, conf: &cycle.Filter{Server: "block"}, own: [2]map[netip.Prefix]time.Time{{}, {}}, theirs: [2]map[netip.Prefix]struct{}{{}, {}}}
	file, api, own := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.0.3.0/24"), netip.MustParsePrefix("198.51.100.1/32")
	if err := g.fill([2][]netip.Prefix{filter.Block: {file}}); err != nil {
		t.Fatal(err)
	}
	if err := g.change(listChange{list: filter.Block, add: true, networks: []netip.Prefix{api}}); err != nil {
		t.Fatal(err)
	}
	all := []netip.Prefix{file, api, own}
	ask := func(op cycle.FilterOp, networks ...netip.Prefix) *cycle.FilterAnswer {
		t.Helper()
		a, err := g.serverAsks(&cycle.FilterQuestion{Op: op, Networks: networks, For: time.Minute, Most: 10})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask(cycle.FilterAdd, all...); a.Changed != 1 || f.Entries(filter.Block) != 3 {
		t.Errorf("to block: %d changed, %d entries", a.Changed, f.Entries(filter.Block))
	}
	if a := ask(cycle.FilterShow); a.Total != 1 || len(a.Networks) != 1 || a.Networks[0].Network != own || a.Networks[0].Left <= 0 {
		t.Errorf("shown are %+v", a)
	}
	if a := ask(cycle.FilterRemove, all...); a.Changed != 1 || a.Total != 0 || f.Entries(filter.Block) != 2 {
		t.Errorf("to free: %+v, %d entries", a, f.Entries(filter.Block))
	}
	if a := ask(cycle.FilterCounts); a.State.Networks["block"] != 2 || len(a.State.Verdicts) == 0 {
		t.Errorf("the state is %+v", a.State)
	}
	for _, q := range []cycle.FilterQuestion{
		{Op: cycle.FilterAdd, Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		{Op: cycle.FilterAdd, Networks: []netip.Prefix{{}}},
		{Op: cycle.FilterAdd, Allow: true, Networks: []netip.Prefix{own}},
		{Op: "else"},
	} {
		if a, err := g.serverAsks(&q); err == nil {
			t.Errorf("%+v: %+v", q, a)
		}
	}
	g.conf.Server = "both"
	if _, err := g.serverAsks(&cycle.FilterQuestion{Op: cycle.FilterAdd, Allow: true, Networks: []netip.Prefix{own}}); err != nil || f.Entries(filter.Allow) != 1 {
		t.Errorf("to allow: %v, %d entries", err, f.Entries(filter.Allow))
	}
	ask(cycle.FilterAdd, all...)
	g.expire(time.Now().Add(time.Hour))
	if n := f.Entries(filter.Block); n != 2 || len(g.ends) != 0 || len(g.theirs[filter.Block]) != 0 {
		t.Errorf("after their time %d networks are blocked, %d wait to end, %d are counted", n, len(g.ends), len(g.theirs[filter.Block]))
	}
}

package cycle

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/netio/sock"
)

// load loads text as a configuration file in a directory of its own.
func load(t *testing.T, text string, o LoadOptions) (*Cycle, error) {
	t.Helper()
	dir := t.TempDir()
	if o.Prefix == "" {
		o.Prefix = dir + "/"
	}
	o.ConfFile = filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(o.ConfFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table := new(conf.Table)
	AddTo(table)
	return Load(table, o)
}

func TestDefaultsAreNginxs(t *testing.T) {
	c, err := load(t, "events {}", LoadOptions{ErrorLog: "logs/error.log"})
	if err != nil {
		t.Fatal(err)
	}
	k := c.Core
	if !k.Daemon || !k.Master || k.Workers != 1 || k.RlimitNofile != -1 || k.RlimitCore != -1 || k.ShutdownTimeout != 0 {
		t.Errorf("got %+v", k)
	}
	if want := c.Prefix + "logs/nginx.pid"; k.Pid != want {
		t.Errorf("pid is %q, want %q", k.Pid, want)
	}
	if c.Events.WorkerConnections != 512 {
		t.Errorf("worker_connections is %d, want 512", c.Events.WorkerConnections)
	}
	if len(c.Files()) != 1 || c.Files()[0].Path != c.Prefix+"logs/error.log" || c.Log.On(errlog.Warn) || !c.Log.On(errlog.Error) {
		t.Errorf("the default log is %+v", c.Log.Outputs())
	}
}

func TestSettingsAreRead(t *testing.T) {
	c, err := load(t, `daemon off; master_process off; worker_processes 3; worker_cpu_affinity 01 10 100;
		pid /run/x.pid; worker_rlimit_nofile 1000; worker_shutdown_timeout 1m; worker_priority -5;
		env A; env B=1; error_log e.log info; error_log stderr crit; error_log memory:1m debug;
		thread_pool p threads=2;
		events { worker_connections 77; multi_accept on; debug_connection 127.0.0.0/8; debug_connection ::1; debug_connection unix:; }`,
		LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k := c.Core
	if k.Daemon || k.Master || k.Workers != 3 || k.Pid != "/run/x.pid" || k.RlimitNofile != 1000 ||
		k.ShutdownTimeout != 60000 || k.Priority != -5 || !reflect.DeepEqual(k.Env, []string{"A", "B=1"}) ||
		k.ThreadPools["p"] != "threads=2" {
		t.Errorf("got %+v", k)
	}
	for worker, want := range []int{0, 1, 2, 2} {
		if got := k.Affinity.CPUs(worker, 3); len(got) != 1 || got[0] != want {
			t.Errorf("worker %d has CPUs %v, want [%d]", worker, got, want)
		}
	}
	if e := c.Events; e.WorkerConnections != 77 || !e.MultiAccept || len(e.DebugPrefixes) != 2 || !e.DebugUnix {
		t.Errorf("got %+v", e)
	}
	if got := len(c.Log.Outputs()); got != 3 {
		t.Errorf("got %d outputs, want 3", got)
	}
	for addr, want := range map[string]bool{
		"127.1.2.3:1": true, "10.0.0.1:1": false, "[::1]:1": true, "[::2]:1": false, "unix:/x": true,
	} {
		a, err := sock.ParseAddr(addr)
		if got := c.Events.Debugs(a); err != nil || got != want {
			t.Errorf("Debugs(%s) = %v, %v; want %v", addr, got, err, want)
		}
	}
	if len(c.Files()) != 1 {
		t.Errorf("got %d files, want 1: the default log must not be opened", len(c.Files()))
	}
}

func TestErrorsAreNginxsSentences(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no events block", "daemon off;", `no "events" section in configuration`},
		{"unknown directive", "nonsense on;events{}", `unknown directive "nonsense" in FILE:1`},
		{"duplicate", "pid a;\npid b;events{}", `"pid" directive is duplicate in FILE:2`},
		{"two events blocks", "events{}events{}", `"events" directive is duplicate in FILE:1`},
		{"flag", "daemon yes;events{}", `invalid value "yes" in "daemon" directive, it must be "on" or "off" in FILE:1`},
		{"workers", "worker_processes x;events{}", `"worker_processes" directive invalid value in FILE:1`},
		{"priority", "worker_priority 1x;events{}", `"worker_priority" directive invalid number in FILE:1`},
		{"connections", "events{worker_connections a;}", `invalid number "a" in FILE:1`},
		{"event type", "events{use kqueue;}", `invalid event type "kqueue" in FILE:1`},
		{"log level", "error_log x loud;events{}", `invalid log level "loud" in FILE:1`},
		{"two log levels", "error_log x info warn;events{}", `duplicate log level "warn" in FILE:1`},
		{"syslog", "error_log syslog:tag=x;events{}", `no syslog server specified in FILE:1`},
		{"affinity", "worker_cpu_affinity 0121;events{}", `invalid character "2" in "worker_cpu_affinity" in FILE:1`},
		{"a module that is not built in", "load_module modules/ngx_mail_module.so;events{}",
			`dlopen() "DIR/modules/ngx_mail_module.so" failed (weir loads no shared objects) in FILE:1`},
		{"thread pool", "thread_pool a;events{}", `invalid number of arguments in "thread_pool" directive in FILE:1`},
		{"two independent errors", "daemon yes;\npid a b;events{}",
			`invalid value "yes" in "daemon" directive, it must be "on" or "off" in FILE:1` + "\n" +
				`invalid number of arguments in "pid" directive in FILE:2`},
	} {
		_, err := load(t, c.text, LoadOptions{Prefix: "DIR/"})
		got := "no error"
		if err != nil {
			got = err.Error()
		}
		for w := range strings.FieldsSeq(got) {
			if i := strings.Index(w, "/nginx.conf:"); i > 0 {
				got = strings.ReplaceAll(got, w[:i]+"/nginx.conf", "FILE")
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFilesAndZonesAreCarriedOver(t *testing.T) {
	o := LoadOptions{Prefix: t.TempDir() + "/"}
	first, err := load(t, "error_log a;events{}", o)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	create := func() (any, error) { made++; return &made, nil }
	id := ZoneID{Kind: "limit_req_zone", Name: "z", Size: 1 << 20}
	z1, _ := first.Zone(id, create)
	o.Old = first
	second, err := load(t, "error_log a;error_log b;events{}", o)
	if err != nil {
		t.Fatal(err)
	}
	if z2, _ := second.Zone(id, create); z2 != z1 || made != 1 {
		t.Errorf("the same zone was made %d times", made)
	}
	id.Size++
	if z3, _ := second.Zone(id, create); made != 2 || z3 == nil {
		t.Errorf("a zone of another size was made %d times, want a second one", made)
	}
	if first.Files()[0] != second.Files()[0] || len(second.Files()) != 2 {
		t.Error("the log file of the same path is not the same File")
	}
}

func TestASnapshotLoadsLikeTheDisk(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte("k\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "worker_processes 2; # \xff\nenv \"B=\xfe\";\nevents { worker_connections 9; }", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadFile(secret); err != nil {
		t.Fatal(err)
	}
	data := c.Snapshot().Append(nil)
	s, err := DecodeSnapshot(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.Tree, c.Tree) {
		t.Errorf("got tree\n%v, want\n%v", s.Tree, c.Tree)
	}
	table := new(conf.Table)
	AddTo(table)
	d, err := Load(table, LoadOptions{Prefix: "/nowhere/", ConfFile: "/nowhere/nginx.conf", Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	if d.Core.Workers != 2 || d.Events.WorkerConnections != 9 || d.Core.Env[0] != "B=\xfe" {
		t.Errorf("got %+v", d.Core)
	}
	if got, err := d.ReadFile(secret); err != nil || string(got) != "k\xff" {
		t.Errorf("ReadFile gave %q, %v", got, err)
	}
	if _, err := d.ReadFile("/etc/hostname"); err == nil {
		t.Error("the server process read a file that the master did not")
	}
	for n := range len(data) {
		if _, err := DecodeSnapshot(data[:n]); err == nil {
			t.Errorf("a snapshot cut at %d of %d bytes was accepted", n, len(data))
		}
	}
}

func FuzzDecodeSnapshot(f *testing.F) {
	it := &conf.Item{Name: "a", Args: []string{"b"}, File: "f", Line: 1, End: 1, HasBlock: true, Block: []*conf.Item{{Name: "c"}}}
	s := Snapshot{Tree: &conf.Tree{Items: []*conf.Item{it}, Files: []conf.FileText{{Path: "f", Text: []byte("a")}}}}
	f.Add(s.Append(nil))
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSnapshot(data)
		if err != nil {
			return
		}
		again, err := DecodeSnapshot(s.Append(nil))
		if err != nil || len(again.Tree.Items) != len(s.Tree.Items) {
			t.Errorf("what was decoded does not survive: %v", err)
		}
	})
}

func TestSecretsAreWipedAndOtherFilesAreNot(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"key", "chain"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := load(t, "events{}", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.ReadSecret(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := c.ReadFile(filepath.Join(dir, "chain"))
	if err != nil {
		t.Fatal(err)
	}
	data := c.Snapshot().Append(nil)
	c.Wipe()
	if strings.Trim(string(key), "\x00") != "" || string(chain) != "text of chain" {
		t.Errorf("got key %q, chain %q", key, chain)
	}
	if _, err := c.ReadFile(filepath.Join(dir, "chain")); err == nil {
		t.Error("a file was read when everything had been made")
	}
	s, err := DecodeSnapshot(data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got := s.Files[filepath.Join(dir, "key")]; string(got) != "text of key" {
		t.Errorf("the decoded snapshot shares memory with the encoded one: %q", got)
	}
}

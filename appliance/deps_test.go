package appliance

import (
	"go/build"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layer says what the packages that match from may import of weir's own
// packages. A pattern is a path below the module, "x/*" for the packages
// directly in x, or "x/..." for x and everything below it; braces list
// alternatives. The first row that matches a package holds for it, so special
// rows stand before general ones. Tests may import anything: only what ships
// is held.
type layer struct {
	from string
	may  []string
	why  string
}

// layers is ARCHITECTURE.md's drawing of the layers as a statement of policy:
// bytes flow one way, imports point down, upward calls are handler values.
var layers = []layer{
	// L0, the leaves.
	{"netio/{buf,file,poll,sock}", []string{"netio/{buf,poll,sock}"},
		"the event loop's leaves know buffers, descriptors and timers, nothing of connections"},
	{"appliance/errlog", []string{"netio/sock"},
		"every package reports, so the error log knows none of them but the socket calls' error numbers"},
	{"appliance/conf", nil,
		"the configuration language knows no directive: modules bring their tables to it"},
	{"appliance/regex/...", []string{"appliance/regex/..."},
		"the regular expression engine stands alone"},
	{"appliance/certs/...", nil,
		"certificates, keys and cipher strings are bytes and values: whoever has a directive reads the files"},
	{"lua/vm/...", []string{"lua/vm/..."},
		"the Lua engine knows no request, no event loop and no ngx API"},
	{"lua/shdict", nil,
		"a shared dictionary is memory with a budget, usable without Lua"},
	{"tuning/...", []string{"tuning/..."},
		"tuning looks at the machine, not at the server"},
	{"ebpf/...", []string{"ebpf/..."},
		"kernel programs are loaded for listeners handed in, of whatever server"},

	// L1, the wire.
	{"netio/...", []string{"netio/..."},
		"netio knows no HTTP semantics, no configuration and no Lua"},

	// What the directives of the process say, for the core and the wiring.
	{"appliance/cycle", []string{"netio/{buf,sock}", "appliance/{conf,errlog}", "tuning/{machine,profile}"},
		"what a configuration asks of the process and the machine knows no protocol"},

	// L2, the core.
	{"appliance/http", []string{"netio/...", "appliance/{conf,regex,cycle,errlog}"},
		"the HTTP core knows neither its modules nor Lua nor process management"},

	// L3, the modules.
	{"appliance/http/...", []string{"netio/...", "appliance/certs/...", "appliance/{conf,regex,cycle,errlog}", "appliance/http/..."},
		"a module knows the core and modules it extends, neither Lua nor process management"},
	{"lua/...", []string{"lua/...", "netio/...", "appliance/certs/...", "appliance/{conf,regex,cycle,errlog}", "appliance/http/..."},
		"Lua in the phases knows requests and upstreams, not process management"},

	// L4, the list.
	{"appliance/stdmodules", []string{"netio/...", "appliance/{conf,regex,cycle,errlog}", "appliance/http/...", "lua/..."},
		"the list names modules; it must not reach the wiring that reads it"},

	// L5, the wiring, each program at its top.
	{"appliance/cmd/...", []string{"netio/...", "appliance/...", "lua/...", "tuning/...", "ebpf/...", "images/{pid1,slots}"},
		"the program wires everything and is imported by nothing"},
	{"appliance/runner", []string{"netio/sock", "appliance/cycle"},
		"what executes commands for the server knows nothing of the server"},
	{"appliance/...", []string{"netio/...", "appliance/{conf,regex,cycle,errlog,stdmodules,worker,server,runner,master,refdoc,insight}",
		"appliance/http/...", "lua/...", "tuning/...", "ebpf/..."},
		"wiring knows everything below it, but not the program"},
	{"images/...", []string{"images/...", "appliance/...", "netio/...", "tuning/...", "ebpf/..."},
		"the images start the server; it does not know them"},
	{"perf/...", []string{"perf/..."},
		"measurements see the server from outside, as its peers"},
}

// foreign is a package of the standard library or of another module that only
// some of weir may import, with the reason. Patterns of allowed packages are
// written as in layer; a pattern of paths ends in "/...".
type foreign struct {
	path    string
	allowed []string
	why     string
}

var foreigns = []foreign{
	{"C", nil,
		"weir is one static binary that runs as process 1 and in an empty container: no cgo"},
	{"plugin", nil,
		"plugins need cgo and a dynamic linker"},
	{"unsafe", []string{"lua/vm"},
		"unsafe stands only in files named *_unsafe.go and in the Lua engine's values"},
	{"net/http/...", []string{"appliance/certs/ocsp", "appliance/e2e", "images/...", "perf/..."},
		"requests are served by netio/http1 and appliance/http; net/http is for admin and background clients"},
	{"crypto/tls", []string{"netio/tlsio", "tuning/cpu", "appliance/certs", "appliance/certs/certstest", "appliance/http/...", "lua/secure", "appliance/{e2e,server,master}", "perf/..."},
		"TLS is terminated by netio/tlsio alone; configuration code may name its types"},
	{"regexp/...", []string{"appliance/regex/...", "ebpf/...", "images/...", "perf/...", "appliance/e2e"},
		"patterns are PCRE's dialect and bounded in steps: appliance/regex is the only engine a user meets"},
	{"os/exec", []string{"lua/run", "ebpf/nstest", "netio/peertest", "appliance/master", "appliance/cmd/...", "appliance/e2e", "images/...", "perf/..."},
		"the server process never executes anything"},
	{"log/...", []string{"images/...", "perf/..."},
		"there is one error log with nginx's lines; package log knows neither level nor connection"},
	{"encoding/gob", nil,
		"reflection-driven formats have no place between versions of a server"},
	{"github.com/yuin/gopher-lua/...", []string{"lua/run", "perf/..."},
		"the second engine is a baseline and an oracle; requests run on lua/vm"},
	{"github.com/cilium/ebpf/...", []string{"ebpf/..."},
		"BPF objects are loaded by ebpf/ alone"},
	{"github.com/prometheus/client_golang/...", []string{"appliance/http/metrics"},
		"counters are plain per-worker numbers; only their exposition knows Prometheus"},
	{"github.com/prometheus/common/...", []string{"appliance/http/metrics"},
		"the text format is printed where the metrics are"},
	{"github.com/prometheus/procfs/...", []string{"tuning/..."},
		"evidence from procfs is read by tuning"},
	{"github.com/safchain/ethtool", []string{"tuning/setting"},
		"devices are changed by tuning alone"},
	{"github.com/klauspost/cpuid/...", []string{"tuning/cpu"},
		"what the processor can do is decided in one place, where tests flip each flag"},
	{"golang.org/x/net/dns/dnsmessage", []string{"netio/dns"},
		"one resolver speaks DNS"},
	{"github.com/rogpeppe/go-internal/...", []string{"appliance/e2e", "perf/..."},
		"script files are for tests"},
}

// exceptions are single imports that a rule above forbids and that are right
// all the same. Each says why; one that is no longer needed fails the test.
var exceptions = []struct{ from, imports, why string }{}

// TestImportsPointDown holds the layers among weir's own packages.
func TestImportsPointDown(t *testing.T) {
	used := map[int]bool{}
	for _, p := range packages(t) {
		row := layerOf(p.path)
		if row == nil {
			t.Errorf("%s is in no layer: give it a row in deps_test.go and in ARCHITECTURE.md", p.path)
			continue
		}
		for _, imp := range p.Imports {
			own, ok := strings.CutPrefix(imp, "weir/")
			if !ok || matchAny(row.may, own) || excepted(p.path, imp, used) {
				continue
			}
			t.Errorf("%s imports %s: %s (%s)", p.path, imp, row.why, position(p, imp))
		}
	}
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if f := foreignOf(imp); f != nil && !foreignAllowed(f, p, imp) && !excepted(p.path, imp, used) {
				t.Errorf("%s imports %s: %s (%s)", p.path, imp, f.why, position(p, imp))
			}
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception for %s importing %s is no longer needed", e.from, e.imports)
		}
	}
}

// TestLayerPatterns proves that the table's matching can fail.
func TestLayerPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"netio/buf", "netio/buf", true},
		{"netio/buf", "netio/buffer", false},
		{"netio/{buf,poll}", "netio/poll", true},
		{"netio/{buf,poll}", "netio/conn", false},
		{"netio/...", "netio", true},
		{"netio/...", "netio/http1/x", true},
		{"netio/...", "netiox", false},
		{"appliance/http", "appliance/http/proxy", false},
	} {
		if got := match(c.pattern, c.path); got != c.want {
			t.Errorf("match(%q, %q) = %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
	if row := layerOf("netio/http1"); row == nil || matchAny(row.may, "appliance/http") {
		t.Error("netio/http1 may import appliance/http, want it forbidden")
	}
	if f := foreignOf("net/http/httputil"); f == nil || f.path != "net/http/..." {
		t.Errorf("net/http/httputil is held by %v, want the rule for net/http/...", f)
	}
}

func layerOf(path string) *layer {
	for i := range layers {
		if match(layers[i].from, path) {
			return &layers[i]
		}
	}
	return nil
}

func foreignOf(path string) *foreign {
	for i := range foreigns {
		if match(foreigns[i].path, path) {
			return &foreigns[i]
		}
	}
	return nil
}

// foreignAllowed reports whether p may import imp under f. For unsafe the file
// names decide: every file that imports it must carry the suffix.
func foreignAllowed(f *foreign, p pkg, imp string) bool {
	generator := p.Name == "main" && strings.HasSuffix(p.path, "gen") // ships nothing
	if generator || matchAny(f.allowed, p.path) {
		return true
	}
	if f.path != "unsafe" {
		return false
	}
	for _, pos := range p.ImportPos[imp] {
		if !strings.HasSuffix(pos.Filename, "_unsafe.go") {
			return false
		}
	}
	return true
}

func excepted(from, imp string, used map[int]bool) bool {
	for i, e := range exceptions {
		if e.from == from && e.imports == imp {
			used[i] = true
			return true
		}
	}
	return false
}

// position names the first file and line of p that imports imp.
func position(p pkg, imp string) string {
	for _, pos := range p.ImportPos[imp] {
		return filepath.Base(pos.Filename) + ":" + strconv.Itoa(pos.Line)
	}
	return "?"
}

func matchAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if match(p, path) {
			return true
		}
	}
	return false
}

// match reports whether path matches pattern; see layer.
func match(pattern, path string) bool {
	if open := strings.IndexByte(pattern, '{'); open >= 0 {
		end := strings.IndexByte(pattern, '}')
		for alt := range strings.SplitSeq(pattern[open+1:end], ",") {
			if match(pattern[:open]+alt+pattern[end+1:], path) {
				return true
			}
		}
		return false
	}
	if top, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == top || strings.HasPrefix(path, top+"/")
	}
	return path == pattern
}

// pkg is one package of the module: what go/build found, and its path below
// the module's root ("netio/poll").
type pkg struct {
	*build.Package
	path string
}

// packages reads every package of the module in this process, not by running
// the go command: the test cache then sees each file this depends on.
func packages(t *testing.T) []pkg {
	t.Helper()
	var found []pkg
	for _, dir := range goDirs(t) {
		bp, err := build.Default.ImportDir(filepath.Join(root, dir), build.ImportComment)
		if _, none := err.(*build.NoGoError); none {
			continue // only files of another build
		}
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		if len(bp.GoFiles)+len(bp.CgoFiles) == 0 {
			continue // only tests
		}
		found = append(found, pkg{bp, filepath.ToSlash(dir)})
	}
	if len(found) == 0 {
		t.Fatal("no package found")
	}
	return found
}

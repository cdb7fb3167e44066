package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestMain lets more cases run side by side than there are processors: a case
// mostly waits.
func TestMain(m *testing.M) {
	if os.Getenv(fakeServer) != "" {
		fake(os.Args[1:])
		return
	}
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "8")
	}
	code := m.Run()
	if dir := builtIn.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// build builds weir once for all tests. builtIn is the folder it lies in.
var (
	builtIn atomic.Pointer[string]
	build   = sync.OnceValues(func() (path string, err error) {
		dir, err := os.MkdirTemp("", "weir-e2e")
		if err != nil {
			return "", err
		}
		builtIn.Store(&dir)
		path = filepath.Join(dir, "weir")
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, "weir/appliance/cmd/weir")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w\n%s", err, out)
		}
		return path, nil
	})
)

// TestCases runs every file below testdata against weir, or against the server
// that WEIR_BINARY names.
func TestCases(t *testing.T) {
	files := caseFiles(t)
	b := theBinary(t)
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, need := range c.Needs {
				if why := b.lacks(need); why != "" {
					t.Skip(why)
				}
			}
			for _, w := range c.Run(b.path) {
				t.Error(w)
			}
		})
	}
}

// TestCasesAreReadable parses every file, whatever server is there.
func TestCasesAreReadable(t *testing.T) {
	for _, file := range caseFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func caseFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".txtar") {
			files = append(files, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return files
}

// binary is the server under test.
type binary struct {
	path    string
	weir    bool
	version [2]int // of nginx: 1, 25
}

// theBinary builds weir, or takes WEIR_BINARY.
func theBinary(t *testing.T) binary {
	t.Helper()
	b := binary{path: os.Getenv("WEIR_BINARY")}
	if b.path == "" {
		sourcesCount(t)
		var err error
		if b.path, err = build(); err != nil {
			t.Fatalf("building weir: %v", err)
		}
	}
	out, err := exec.Command(b.path, "-V").CombinedOutput()
	if err != nil {
		t.Fatalf("%s -V: %v\n%s", b.path, err, out)
	}
	b.weir = strings.Contains(string(out), "weir")
	if m := regexp.MustCompile(`nginx/(\d+)\.(\d+)`).FindStringSubmatch(string(out)); m != nil {
		b.version[0], _ = strconv.Atoi(m[1])
		b.version[1], _ = strconv.Atoi(m[2])
	}
	return b
}

// sourcesCount makes the result depend on weir's sources in the eyes of the
// test cache, which notes the files that a test in this process looks at and
// not those that a compiler it starts reads.
func sourcesCount(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(d.Name(), ".") && d.IsDir() && d.Name() != ".." && d.Name() != "." {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lacks says why a case with that need cannot run, or nothing.
func (b binary) lacks(need string) string {
	switch {
	case need == "root":
		if os.Geteuid() != 0 {
			return "needs root"
		}
	case need == "ipv6":
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			return "needs IPv6: " + err.Error()
		}
		ln.Close()
	case need == "weir":
		if !b.weir {
			return "is about weir, not nginx"
		}
	default:
		v := nginxVersion(need)
		if !b.weir && (b.version[0] < v[0] || b.version[0] == v[0] && b.version[1] < v[1]) {
			return "needs " + need
		}
	}
	return ""
}

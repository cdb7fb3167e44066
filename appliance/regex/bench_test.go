package regex

import (
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hundredWords is an alternation of 100 literals, as a list of routes or words
// to refuse would be.
func hundredWords() string {
	a := []string{"acc", "bill", "cart", "dash", "edit", "form", "group", "help", "img", "job"}
	b := []string{"ount", "ing", "-v2", "board", "or", "list", "admin", "desk", "cache", "queue"}
	var all []string
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return strings.Join(all, "|")
}

const chromeUA = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.127 Safari/537.36"
const phoneUA = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"

// gateway holds 20 patterns as gateways use them, with a typical subject.
var gateway = []struct{ name, pattern, subject string }{
	{"route", `^/api/v(\d+)/users/(\d+)$`, "/api/v2/users/1234567"},
	{"extension", `\.(gif|jpg|jpeg|png|css|js|ico)$`, "/static/assets/img/logo-2x.png"},
	{"prefix", `^/static/(.*)$`, "/static/assets/app.3f9a1c.js"},
	{"php", `\.php(/|$)`, "/index.php/article/17"},
	{"mobile", `(?i)(android|bb\d+|meego).+mobile|avantgo|bada/|blackberry|iphone|ipod`, phoneUA},
	{"bots", `(?i)bot|crawler|spider|slurp`, chromeUA},
	{"browser", `Chrome/(\d+)\.(\d+)\.(\d+)\.(\d+)`, chromeUA},
	{"jwt", `^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$`, jwt},
	{"ipv4", `^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$`, "203.0.113.195"},
	{"ipv4 strict", `^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$`, "203.0.113.195"},
	{"cookie", `(?:^|;\s*)session=([^;]+)`, "theme=dark; lang=en-GB; _ga=GA1.2.1127; session=4f2b9c1d7e; tz=UTC"},
	{"rewrite", `^/blog/(\d{4})/(\d{2})/([\w-]+)/?$`, "/blog/2026/11/how-we-run-gateways/"},
	{"host", `^(?<sub>[a-z0-9-]+)\.example\.(?:com|org|net)$`, "tenant-42.example.org"},
	{"semver", `^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$`, "v1.24.3-rc.2"},
	{"bearer", `(?i)^bearer\s+([A-Za-z0-9._~+/-]+=*)$`, "Bearer " + jwt},
	{"argument", `(?:^|&)token=([^&]*)`, "page=2&sort=asc&token=9f86d081884c7d65&limit=50"},
	{"traversal", `(?i)(?:\.\./|%2e%2e%2f|\.\.\\)`, "/download/reports/2026/q3/summary-final.pdf"},
	{"sql", `(?i)\bunion\b.{1,100}?\bselect\b`, "id=1 UNION ALL SELECT name, password FROM users"},
	{"100 words", `^/(?:` + hundredWords() + `)(?:/|$)`, "/jobqueue/17"},
	{"not admin", `^(?!/(?:admin|private))/(.+)\.html$`, "/docs/guide/install.html"},
}

func BenchmarkGateway(b *testing.B) {
	for _, g := range gateway {
		s := []byte(g.subject)
		b.Run(g.name+"/weir", func(b *testing.B) {
			re := MustCompile(g.pattern, 0)
			m := NewMatcher()
			caps := make([]int, 16)
			b.ReportAllocs()
			for b.Loop() {
				caps2, err := m.Match(re, s, 0, MatchOptions{}, caps)
				if err != nil {
					b.Fatal(err)
				}
				_ = caps2
			}
		})
		re, err := regexp.Compile(g.pattern)
		if err != nil {
			continue // look-around
		}
		b.Run(g.name+"/go", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				re.FindSubmatchIndex(s)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, g := range gateway {
		b.Run(g.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(g.pattern, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestGatewayPatternsAreFastEnough measures weir, Go's regexp, and pcre2test's
// interpreter and JIT in one run. It takes a while, so it must be asked for.
func TestGatewayPatternsAreFastEnough(t *testing.T) {
	if os.Getenv("WEIR_REGEX_COMPARE") == "" {
		t.Skip("WEIR_REGEX_COMPARE is not set: no comparison with pcre2test")
	}
	if _, err := exec.LookPath("pcre2test"); err != nil {
		t.Skip("pcre2test is not installed")
	}
	var toInterp, toJIT, toGo float64
	nGo := 0
	for _, g := range gateway {
		weir := measureWeir(g.pattern, g.subject)
		interp := pcre2Time(t, g.pattern, g.subject, "")
		jit := pcre2Time(t, g.pattern, g.subject, "jit")
		std := measureGo(g.pattern, g.subject)
		t.Logf("%-12s weir %7.1f ns  interpreter %7.1f  JIT %7.1f  go %7.1f   weir/interpreter %.2f  weir/JIT %.2f", g.name, weir, interp, jit, std, weir/interp, weir/jit)
		toInterp += math.Log(weir / interp)
		toJIT += math.Log(weir / jit)
		if std > 0 {
			toGo += math.Log(std / weir)
			nGo++
		}
	}
	n := float64(len(gateway))
	i, j, g := math.Exp(toInterp/n), math.Exp(toJIT/n), math.Exp(toGo/float64(nGo))
	t.Logf("geometric mean: %.2f of the interpreter's time, %.2f of the JIT's, %.2f times faster than Go's regexp", i, j, g)
	if i > 1 || j > 4 || g < 2 {
		t.Errorf("got %.2f / %.2f / %.2f, want at most 1, at most 4, at least 2", i, j, g)
	}
}

// best returns the least time per call of f over several rounds.
func best(f func()) float64 {
	least := math.Inf(1)
	for range 8 {
		n := 0
		start, cpu := time.Now(), processTime()
		for turns := 1; time.Since(start) < 30*time.Millisecond; turns = min(2*turns, 1000) {
			for range turns {
				f()
			}
			n += turns
		}
		least = min(least, float64(processTime()-cpu)/float64(n))
	}
	return least
}

// processTime returns the processor time of this process, as pcre2Time takes it
// of pcre2test: other processes of the machine disturb it less than the clock.
func processTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func measureWeir(pattern, subject string) float64 {
	re := MustCompile(pattern, 0)
	m := NewMatcher()
	caps := make([]int, 16)
	s := []byte(subject)
	return best(func() { m.Match(re, s, 0, MatchOptions{}, caps) })
}

func measureGo(pattern, subject string) float64 {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return 0
	}
	s := []byte(subject)
	return best(func() { re.FindSubmatchIndex(s) })
}

// pcre2Time returns pcre2test's time of a match in nanoseconds. Its own report
// has one digit after the point in microseconds, so the processor time of the
// process is taken: with many turns less with one.
func pcre2Time(t *testing.T, pattern, subject, mods string) float64 {
	t.Helper()
	return pcre2TimeTurns(t, pattern, subject, mods, 1_000_000)
}

func pcre2TimeTurns(t *testing.T, pattern, subject, mods string, turns int) float64 {
	t.Helper()
	escaped := strings.ReplaceAll(subject, "\\", "\\\\")
	in := "/" + strings.ReplaceAll(pattern, "/", "\\/") + "/" + mods + "\n    " + escaped + "\n"
	run := func(turns int) float64 {
		cmd := exec.Command("pcre2test", "-q", "-tm", strconv.Itoa(turns))
		cmd.Stdin = strings.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("pcre2test: %v: %s", err, out)
		}
		return float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Nanoseconds())
	}
	least := math.Inf(1)
	for range 3 {
		least = min(least, (run(turns)-run(1))/float64(turns-1))
	}
	return least
}

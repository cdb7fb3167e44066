package run

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The runner of the tests that LuaJIT's authors collect as LuaJIT-test-cleanup. They are not part of this repository:
// WEIR_LUAJIT_TESTS names the directory that holds their test.lua.

// suiteFailures are the tests that fail, with the reason.
var suiteFailures = map[string]string{
	"lib/contents.lua --- pre-5.2 table": "wants table.move to be absent, which LuaJIT 2.1 has as well",
}

func TestLuaJITsOwnSuitePasses(t *testing.T) {
	dir := os.Getenv("WEIR_LUAJIT_TESTS")
	if dir == "" {
		t.Skip("WEIR_LUAJIT_TESTS is not set: LuaJIT's tests are not looked for")
	}
	var out bytes.Buffer
	Main([]string{filepath.Join(dir, "test.lua"), "--quiet"}, strings.NewReader(""), &out, &out)
	counts := regexp.MustCompile(`(?m)^([0-9]+) passed(?:, ([0-9]+) failed)?$`).FindStringSubmatch(out.String())
	if counts == nil {
		t.Fatalf("the suite did not come to its end:\n%s", out.String())
	}
	passed, _ := strconv.Atoi(counts[1])
	t.Logf("%s passed, %s failed", counts[1], max(counts[2], "0"))
	if passed < 270 {
		t.Errorf("got %d passed, want 270", passed)
	}
	failing := regexp.MustCompile(`(?m)^\[ *[0-9]+/[0-9]+\] (.*)\n(.*)$`).FindAllStringSubmatch(out.String(), -1)
	for _, f := range failing {
		if reason, ok := suiteFailures[f[1]]; ok {
			t.Logf("failed: %s: %s", f[1], reason)
		} else {
			t.Errorf("failed: %s: %s", f[1], f[2])
		}
	}
	if n, _ := strconv.Atoi("0" + counts[2]); n != len(failing) {
		t.Errorf("%d tests failed, of %d the name was found:\n%s", n, len(failing), out.String())
	}
}

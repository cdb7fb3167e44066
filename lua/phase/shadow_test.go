package phase_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/appliance/http/httptest"
)

func TestFilesOfBuiltInModulesAreNamedOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"resty/lock.lua", "resty/sha1.lua", "resty/mine.lua"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("return {}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.Start(t, modules, `lua_package_path "`+dir+`/?.lua;;"; init_by_lua_block { require "resty.mine" }
		server { listen %LISTEN%; location / { content_by_lua_block { ngx.say(require("resty.lock").new and "built in") } } }`)
	if got := s.Body(t, "/"); !strings.Contains(got, "built in") {
		t.Errorf("got %q", got)
	}
	const want = "built-in Lua modules are used, not the files of lua_package_path, for 2 names: resty.lock resty.sha1"
	if n := strings.Count(s.Errors(t), want); n != 1 {
		t.Errorf("the log has %q %d times, want once:\n%s", want, n, s.Errors(t))
	}
}

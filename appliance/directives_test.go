package appliance

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"weir/appliance/conf"
	"weir/appliance/stdmodules"
)

// untested are directives that no case of the server as a black box holds, each
// with the reason. Names that end in an asterisk stand for all that begin so.
var untested = map[string]string{
	"accept_mutex":            "nothing a client could see",
	"accept_mutex_delay":      "nothing a client could see",
	"daemon":                  "the cases run the server in the foreground",
	"epoll_events":            "nothing a client could see",
	"least_time":              "not built yet, refused with a sentence that says so",
	"load_module":             "refused: modules are built in",
	"multi_accept":            "nothing a client could see",
	"proxy_cache*":            "not built yet, refused with a sentence that says so",
	"proxy_no_cache":          "belongs to proxy_cache",
	"sticky":                  "not built yet, refused with a sentence that says so",
	"use":                     "nothing a client could see",
	"user":                    "needs root; held by tests of the processes",
	"worker_aio_requests":     "nothing a client could see",
	"worker_priority":         "needs root; held by tests of the processes",
	"worker_rlimit_core":      "held by tests of the processes",
	"worker_rlimit_nofile":    "held by tests of the processes",
	"worker_shutdown_timeout": "held by tests of the workers",
	"working_directory":       "held by tests of the processes",

	"subrequest_output_buffer_size": "no module makes subrequests in memory yet",
}

// TestEveryDirectiveHasACase wants each directive to stand in a case of
// appliance/e2e, or in the table above.
func TestEveryDirectiveHasACase(t *testing.T) {
	cases := caseDirectives(t)
	seen := make(map[string]bool)
	for _, e := range stdmodules.Table().All() {
		if seen[e.Name] {
			continue
		}
		seen[e.Name] = true
		written := cases[e.Name]
		key := exception(e)
		switch {
		case !written && key == "":
			t.Errorf("no case in appliance/e2e/testdata has the directive %q", e.Name)
		case written && key == e.Name:
			t.Errorf("%q has a case: take it off the exceptions", e.Name)
		}
	}
	for key := range untested {
		if !strings.HasSuffix(key, "*") && !seen[key] {
			t.Errorf("%q among the exceptions is no directive", key)
		}
	}
}

// exception is the key of untested that covers a directive, "" for none.
func exception(e conf.Entry) string {
	if untested[e.Name] != "" {
		return e.Name
	}
	for key := range untested {
		if p, ok := strings.CutSuffix(key, "*"); ok && strings.HasPrefix(e.Name, p) {
			return key
		}
	}
	return ""
}

// caseDirectives are the words that begin a statement in the configurations of
// all cases.
func caseDirectives(t *testing.T) map[string]bool {
	t.Helper()
	words := make(map[string]bool)
	err := filepath.WalkDir("e2e/testdata", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".txtar") {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		for _, section := range archive.Files {
			if !configuration(section.Name) {
				continue
			}
			for _, statement := range strings.FieldsFunc(string(section.Data), func(c rune) bool { return strings.ContainsRune("\n{};", c) }) {
				if fields := strings.Fields(statement); len(fields) > 0 {
					words[fields[0]] = true
				}
			}
		}
		return nil
	})
	if err != nil || len(words) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return words
}

// configuration tells whether a section of a case holds nginx's language; a
// file does when its name says so.
func configuration(section string) bool {
	name, _, _ := strings.Cut(section, " ")
	kind, _, _ := strings.Cut(name, ".")
	return kind == "conf" || kind == "main" || name == "nginx.conf" || kind == "file" && strings.Contains(section, ".conf")
}

package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of the history.
const (
	maxHistory      = 1000    // lines kept
	maxHistoryBytes = 1 << 20 // of the file that are read
)

// history is the lines of earlier sessions and of this one, oldest first. Each is appended to the file at once, so
// that sessions side by side keep all their lines; the file is cut to its last lines when a session opens it.
type history struct {
	lines []string
	path  string // empty: nothing is kept
}

// historyPath is where the history is kept: below XDG_STATE_HOME where that is set, else in the home directory.
func historyPath(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "weir", "lua_history")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".weir_lua_history")
	}
	return ""
}

// openHistory reads the file, if it can. What cannot be kept is no reason to refuse a session.
func openHistory(path string) *history {
	h := &history{path: path}
	if path == "" {
		return h
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return h
	}
	cut := len(b) > maxHistoryBytes
	if cut {
		b = b[len(b)-maxHistoryBytes:]
		b = b[bytes.IndexByte(b, '\n')+1:]
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if line != "" {
			h.lines = append(h.lines, line)
		}
	}
	if n := len(h.lines); n > maxHistory {
		h.lines = h.lines[n-maxHistory:]
		cut = cut || n > 2*maxHistory
	}
	if cut {
		h.rewrite()
	}
	return h
}

// rewrite replaces the file by the lines kept.
func (h *history) rewrite() {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".lua_history-*") // 0600
	if err != nil {
		return
	}
	_, err = f.WriteString(strings.Join(h.lines, "\n") + "\n")
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
}

// Add implements term.History. An empty line and one that repeats the last are dropped.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	if h.lines = append(h.lines, line); len(h.lines) > maxHistory {
		h.lines = h.lines[len(h.lines)-maxHistory:]
	}
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n") // a history that is not kept is no error of the session
	f.Close()
}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History: 0 is the last line.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

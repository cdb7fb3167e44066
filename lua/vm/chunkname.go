package vm

import "strings"

// chunkID is the form of a chunk name that messages show.
func chunkID(name string) string {
	const room = 60
	if name == "" {
		return `[string ""]`
	}
	switch name[0] {
	case '=':
		name = name[1:]
		if len(name) >= room {
			name = name[:room-1]
		}
		return name
	case '@':
		name = name[1:]
		if len(name) >= room {
			name = "..." + name[len(name)-(room-4):]
		}
		return name
	}
	line, rest := name, false
	if i := strings.IndexAny(name, "\r\n"); i >= 0 {
		line, rest = name[:i], true
	}
	const over = len(`[string "..."]`) + 1
	if len(line) > room-over {
		line, rest = line[:room-over], true
	}
	if rest {
		line += "..."
	}
	return `[string "` + line + `"]`
}

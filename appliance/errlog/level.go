package errlog

// Level is the severity of a line; a lower value is more severe. An output with
// level L takes the lines whose level is at most L.
type Level uint8

// The levels, in nginx's order. Stderr is not a severity of its own: it marks
// lines that belong on the console only and are always written.
const (
	Stderr Level = iota
	Emerg
	Alert
	Crit
	Error
	Warn
	Notice
	Info
	Debug
)

var levelNames = [...]string{"", "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// String is the word between the brackets of a line.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// ParseLevel finds the level a configuration names. The debug_* masks of
// nginx's --with-debug builds are taken as debug.
func ParseLevel(s string) (Level, bool) {
	for l := Emerg; l <= Debug; l++ {
		if levelNames[l] == s {
			return l, true
		}
	}
	switch s {
	case "debug_core", "debug_alloc", "debug_mutex", "debug_event", "debug_http", "debug_mail", "debug_stream":
		return Debug, true
	}
	return 0, false
}

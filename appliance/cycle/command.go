package cycle

// Commands is what modules run programs by: beside the server, which itself
// executes nothing.
type Commands interface {
	// Start has a command started and returns at once: whether that worked is
	// seen in the Process later. The error says that it cannot even be tried;
	// its text is for users. changed is called from another goroutine when the
	// command has started and when it has ended, and may come once for both; it
	// must not wait. Start may be called from any goroutine.
	Start(c *Command, changed func()) (Process, error)
}

// Command is a program to run.
type Command struct {
	Args []string // Args[0] is the program, looked for in PATH unless it has a slash
	Env  []string // "NAME=value"; nil: what the env directives allow
	// Files are standard input, output and error. Start owns them, also when it
	// fails. -1 stands for the server's own.
	Files [3]int
}

// MaxSignal is the number of Linux's last signal.
const MaxSignal = 64

// Process is a command that was to be started. Its methods may be called from
// any goroutine.
type Process interface {
	// State is what is known by now.
	State() ProcessState
	// Ended is closed when the process has ended, or could not be started.
	Ended() <-chan struct{}
	// Started is closed when the process runs, or could not be started.
	Started() <-chan struct{}
	// Kill sends a signal, unless the process has ended. A number above
	// MaxSignal, or below 0, does nothing.
	Kill(signal int)
	// KillGroup ends the process and what it has started, but for what has left
	// its process group, by SIGKILL; unless the process has ended.
	KillGroup()
}

// ProcessState is how far a process is.
type ProcessState struct {
	PID    int   // 0: it has not started
	Ended  bool  // nothing more happens to it
	Code   int   // how it ended: with this code
	Signal int   // or by this signal, when it is not 0
	Err    error // why it could not be started, or is lost: then Code is 1
}

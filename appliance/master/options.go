package master

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
)

// Options are the command line and what the program is made of.
type Options struct {
	Prefix   string // of -p, or the built-in one
	ConfFile string // of -c, or the built-in one; relative to Prefix
	ErrorLog string // of -e, or the built-in one; "" is standard error
	Globals  string // of -g
	Quiet    bool   // of -q

	Args    []string // the whole command line: a new binary is started with it
	Version string   // of weir, for messages
	Table   *conf.Table
	New     server.Factory
	Answer  func(question string) ([]byte, error) // see server.Options, for a server in this process

	KernelTLS func() server.KernelTLS // see server.Options
}

// Resolve makes the paths full, as nginx does: a relative -c is below -p, a
// relative -p below the working directory.
func (o *Options) Resolve() {
	if !strings.HasPrefix(o.Prefix, "/") {
		if dir, err := os.Getwd(); err == nil {
			o.Prefix = strings.TrimSuffix(dir, "/") + "/" + o.Prefix
		}
	}
	if !strings.HasSuffix(o.Prefix, "/") {
		o.Prefix += "/"
	}
	if !strings.HasPrefix(o.ConfFile, "/") {
		o.ConfFile = o.Prefix + o.ConfFile
	}
}

// openStartLog makes the log for what happens before a configuration names
// one: the -e file at the given level, or standard error. That the file cannot
// be opened is said unless quiet.
func (o *Options) openStartLog(level errlog.Level, quiet bool) {
	out := errlog.Output{Level: level}
	if o.ErrorLog != "" {
		path := o.ErrorLog
		if !strings.HasPrefix(path, "/") {
			path = o.Prefix + path
		}
		fd, err := openLog(path)
		switch {
		case err != nil && !quiet:
			errlog.Consolef(errlog.Alert, "could not open error log file: open() %q failed%s", path, errlog.ErrnoText(err))
		case err == nil:
			out.Target.File = errlog.NewFile(path)
			_ = out.Target.File.Reopen(fd) // a File without descriptor takes it
		}
	}
	errlog.SetDefault(errlog.New(out))
	errlog.Console(true)
}

func openLog(path string) (int, error) { return openMode(path, 0o644) }

func openMode(path string, mode uint32) (int, error) {
	return unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, mode)
}

// load reads the configuration for checking. Warnings go to the log unless
// quiet.
func (o *Options) load(old *cycle.Cycle, quiet bool) (*cycle.Cycle, error) {
	log := errlog.Default()
	if quiet {
		log = nil
	}
	var commands checkCommands
	defer commands.close()
	return cycle.Load(o.Table, cycle.LoadOptions{
		Prefix: o.Prefix, ConfFile: o.ConfFile, ErrorLog: o.ErrorLog, Globals: o.Globals,
		Root: os.Geteuid() == 0, Check: true, Old: old, Log: log, Commands: commands.of,
	})
}

// report logs what is wrong with a configuration, a line for each error.
func report(err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		errlog.Default().Printf(errlog.Emerg, 0, "%s", line)
	}
}

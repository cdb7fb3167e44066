package main

import (
	"cmp"
	"os"

	"weir/appliance/errlog"
	"weir/appliance/master"
	"weir/appliance/runner"
	"weir/appliance/server"
	"weir/appliance/stdmodules"
	"weir/appliance/top"
	"weir/images/pid1"
	"weir/images/slots"
	"weir/lua/run"
	"weir/tuning/tune"
)

// version is weir's own; the Makefile sets it from git.
var version = "0.1-dev"

// Built-in paths, which packages set with the linker's -X.
var (
	defaultPrefix   = "/usr/local/nginx/"
	defaultConfFile = "conf/nginx.conf"
	defaultErrorLog = "logs/error.log"
)

func main() { os.Exit(program(os.Args)) }

// program is one of weir's processes; it returns the exit code.
func program(args []string) int {
	if fd, ok := runner.Inherited(); ok {
		nameProcess()
		return runner.Main(fd)
	}
	services := newServices()
	if os.Getpid() == 1 {
		if _, err := os.Stat(slots.Marker); err == nil {
			pid1.Main(version)
		}
	}
	nameProcess()
	profile()
	if link, ok := master.ServerLink(); ok {
		return server.Run(server.Options{Link: link, Table: stdmodules.Table(), New: services.worker, KernelTLS: services.kernelTLS, Answer: services.insight.Answer})
	}
	if len(args) > 1 {
		switch args[1] {
		case "demo":
			return demo(args[2:], services)
		case "image":
			return slots.Main(args[2:], slots.Running(version), os.Stdout, os.Stderr)
		case "tune":
			return tune.Main(args[2:], os.Stdout, os.Stderr)
		case "top":
			return lookAt().Top(args[2:])
		case "profile":
			return lookAt().Profile(args[2:])
		case "memory":
			return lookAt().Memory(args[2:])
		case "lua":
			return run.Main(args[2:], os.Stdin, os.Stdout, os.Stderr)
		}
	}
	return answer(args, services)
}

// nameProcess has ps and top show "weir" for a process that was started by way
// of /proc/self/exe: the kernel calls it "exe" then.
func nameProcess() {
	_ = os.WriteFile("/proc/self/comm", []byte("weir"), 0) // without /proc it keeps the name it has
}

// answer answers a command line in nginx's language.
func answer(args []string, services *services) int {
	o, err := parseOptions(args)
	if err != nil {
		errlog.Consolef(errlog.Stderr, "%v", err)
		return 1
	}
	if o.version {
		showVersion(o)
		if !o.test {
			return 0
		}
	}
	m := o.master(args, services)
	switch {
	case o.test:
		return master.Test(m, o.dump)
	case o.signal != "":
		return master.Signal(m, o.signal)
	}
	return master.Start(m)
}

// lookAt is what the commands that look at a running server need.
func lookAt() *top.Program {
	find := func(prefix, confFile string) (string, error) {
		o := options{prefix: cmp.Or(prefix, defaultPrefix), confFile: cmp.Or(confFile, defaultConfFile)}
		return master.StatusSocket(o.master(nil, newServices()))
	}
	return &top.Program{Socket: find, Stdout: os.Stdout, Stderr: os.Stderr}
}

// master is what the options mean to package master.
func (o *options) master(args []string, services *services) master.Options {
	return master.Options{
		Prefix: o.prefix, ConfFile: o.confFile, ErrorLog: o.errorLog, Globals: o.globals, Quiet: o.quiet,
		Args: args, Version: version, Table: stdmodules.Table(), New: services.worker, KernelTLS: services.kernelTLS, Answer: services.insight.Answer,
	}
}

package master

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/netio/sock"
)

// Test is -t, and with dump -T: it loads the configuration and tries what the
// start would do, as far as that leaves nothing behind. It returns the exit
// code.
func Test(o Options, dump bool) int {
	o.Resolve()
	o.openStartLog(errlog.Info, false)
	c, err := o.load(nil, false)
	if err != nil {
		report(err)
	} else {
		if !o.Quiet {
			errlog.Consolef(errlog.Stderr, "the configuration file %s syntax is ok", o.ConfFile)
		}
		err = try(c)
	}
	if err != nil {
		errlog.Consolef(errlog.Stderr, "configuration file %s test failed", o.ConfFile)
		return 1
	}
	if !o.Quiet {
		errlog.Consolef(errlog.Stderr, "configuration file %s test is successful", o.ConfFile)
	}
	if dump {
		for _, f := range c.Tree.Files {
			fmt.Printf("# configuration file %s:\n%s\n", f.Path, f.Text)
		}
	}
	return 0
}

// try provides the resources of c and gives them back. What fails has been
// logged.
func try(c *cycle.Cycle) error {
	if err := makeTempPaths(c); err != nil {
		return err
	}
	if err := openFiles(c); err != nil {
		return err
	}
	if err := tryPidFile(c.Core.Pid); err != nil {
		return err
	}
	if s := c.Core.Filter; s != nil {
		if _, err := readLists(s); err != nil {
			return emerg("%v", err)
		}
	}
	for _, l := range c.Listens {
		for _, one := range l.Each() {
			if err := tryBind(one); err != nil {
				errlog.Default().Printf(errlog.Emerg, 0, "%v", err)
				return err
			}
		}
	}
	return nil
}

// tryPidFile checks that the pid file can be written; one that was not there is
// not left behind.
func tryPidFile(path string) error {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		errlog.Default().Printf(errlog.Emerg, 0, "open() %q failed%s", path, errlog.ErrnoText(err))
		return err
	}
	f.Close()
	if missing != nil {
		os.Remove(path)
	}
	return nil
}

// tryBind binds an address for a moment. An address in use is no error: the
// server that this configuration is for is probably running.
func tryBind(l *cycle.Listen) error {
	if l.Addr.Family() == sock.Unix {
		return nil // binding would leave the socket's file behind
	}
	fd, err := sock.Listen(listenOptions(l))
	if err == nil {
		unix.Close(fd)
		return nil
	}
	if errnoOf(err) == unix.EADDRINUSE {
		return nil
	}
	return err
}

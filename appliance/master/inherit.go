package master

import (
	"os"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"weir/appliance/errlog"
	"weir/netio/sock"
)

// inheritVar is the variable in which a master hands its listeners to a new
// binary: descriptor numbers, each followed by a semicolon. nginx and weir can
// upgrade to one another by it.
const inheritVar = "NGINX"

// adopt takes over the listeners that came from the process before or from
// systemd. inherited says that there was such a process.
func adopt() (ls listeners, inherited bool) {
	ls = make(listeners)
	if list, ok := os.LookupEnv(inheritVar); ok {
		errlog.Default().Printf(errlog.Notice, 0, "using inherited sockets from %q", list)
		for field := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ';' || r == ':' }) {
			fd, err := strconv.Atoi(field)
			if err != nil || fd < 3 {
				_ = emerg("invalid socket number %q in %s environment variable, ignoring the rest of the variable", field, inheritVar)
				break
			}
			ls.add(fd)
		}
		return ls, true
	}
	files := activation.Files(true)
	for _, f := range files {
		// The File would close the descriptor when it is collected.
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		f.Close()
		if err == nil {
			ls.add(fd)
		}
	}
	return ls, len(files) > 0
}

// add takes over one descriptor if it listens.
func (ls listeners) add(fd int) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || listening == 0 {
		errlog.Default().Printf(errlog.Crit, 0, "inherited socket #%d does not listen, ignored%s", fd, errlog.ErrnoText(err))
		return
	}
	a, e := sock.Getsockname(fd)
	if e != 0 {
		errlog.Default().Printf(errlog.Crit, 0, "getsockname() of the inherited socket #%d failed%s", fd, errlog.ErrnoText(e))
		return
	}
	unix.CloseOnExec(fd)
	_ = sock.SetNonblock(fd)
	g := ls[a.String()]
	if g == nil {
		g = &group{addr: a, options: sock.ListenOptions{Addr: a}, inherited: true, front: -1}
		ls[a.String()] = g
	}
	g.fds = append(g.fds, fd)
}

package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Option is a socket option that callers choose by name.
type Option uint8

// Options that SetOption and GetOption know. The zero Option is none.
const (
	OptKeepAlive Option = 1 + iota
	OptReuseAddr
	OptNoDelay
	OptSndBuf
	OptRcvBuf
	OptKeepInterval // seconds
	OptKeepCount
)

var optionNames = [...]struct{ level, name int }{
	OptKeepAlive:    {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	OptReuseAddr:    {unix.SOL_SOCKET, unix.SO_REUSEADDR},
	OptNoDelay:      {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	OptSndBuf:       {unix.SOL_SOCKET, unix.SO_SNDBUF},
	OptRcvBuf:       {unix.SOL_SOCKET, unix.SO_RCVBUF},
	OptKeepInterval: {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	OptKeepCount:    {unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
}

// SetOption sets an option.
func SetOption(fd int, o Option, value int) syscall.Errno {
	return setInt(fd, optionNames[o].level, optionNames[o].name, value)
}

// GetOption returns the value of an option.
func GetOption(fd int, o Option) (int, syscall.Errno) {
	return getInt(fd, optionNames[o].level, optionNames[o].name)
}

// Autobind gives a unix socket a name of the kernel's choice, so that a peer
// can answer it.
func Autobind(fd int) syscall.Errno {
	if err := unix.Bind(fd, &unix.SockaddrUnix{}); err != nil {
		if e, ok := err.(syscall.Errno); ok {
			return e
		}
		return syscall.EINVAL
	}
	return 0
}

package errlog

import (
	"errors"
	"syscall"

	"weir/netio/sock"
)

// AppendErrno appends " (98: Address already in use)": the suffix that the line
// of a failed system call carries.
func AppendErrno(dst []byte, e syscall.Errno) []byte {
	return sock.AppendErrno(append(dst, ' '), e)
}

// ErrnoText is AppendErrno's suffix for the errno inside err. An error without
// one gives its own text in parentheses, a nil error nothing.
func ErrnoText(err error) string {
	if err == nil {
		return ""
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		return string(AppendErrno(nil, e))
	}
	return " (" + err.Error() + ")"
}

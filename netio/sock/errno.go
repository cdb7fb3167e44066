package sock

import (
	"strconv"
	"syscall"
)

// Errors that callers on the data path compare with, as the error values
// they get: comparing an interface with a constant of type syscall.Errno
// would convert it each time.
var (
	// ErrAgain says that the call would have blocked.
	ErrAgain error = syscall.EAGAIN
)

// Error is a failed set-up call: the call and address as nginx words them,
// and the kernel's answer.
type Error struct {
	Call  string // "bind() to 127.0.0.1:80"
	Errno syscall.Errno
}

// Error returns nginx's sentence: "bind() to 127.0.0.1:80 failed (98:
// Address already in use)".
func (e *Error) Error() string {
	b := append([]byte(e.Call), " failed "...)
	return string(AppendErrno(b, e.Errno))
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// AppendErrno appends "(111: Connection refused)" to dst.
func AppendErrno(dst []byte, e syscall.Errno) []byte {
	dst = append(dst, '(')
	dst = strconv.AppendUint(dst, uint64(e), 10)
	dst = append(dst, ": "...)
	dst = append(dst, Strerror(e)...)
	return append(dst, ')')
}

// Strerror returns the C library's text for e. Go's own table is the same
// text with the first letter lowered, so that letter is raised again.
func Strerror(e syscall.Errno) string {
	if e == 0 {
		return "Success"
	}
	s := e.Error()
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// fail wraps an errno of a set-up call; nil stays nil.
func fail(call string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := err.(syscall.Errno)
	if !ok {
		return err
	}
	return &Error{Call: call, Errno: e}
}

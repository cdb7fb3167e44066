package errlog

import (
	"errors"
	"strconv"
	"syscall"
)

// AppendErrno appends " (98: Address already in use)": the suffix that a failed
// system call's line carries. The words are the C library's, which Go's table
// has in lower case.
func AppendErrno(dst []byte, e syscall.Errno) []byte {
	dst = append(dst, " ("...)
	dst = strconv.AppendInt(dst, int64(e), 10)
	dst = append(dst, ": "...)
	text := e.Error()
	if c := text[0]; 'a' <= c && c <= 'z' {
		dst = append(dst, c-'a'+'A')
		text = text[1:]
	}
	dst = append(dst, text...)
	return append(dst, ')')
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

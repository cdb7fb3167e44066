package conf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// Error is one thing wrong with a configuration.
type Error struct {
	Msg  string // nginx's sentence without its place
	File string // "" when the place is not known (yet)
	Line int    // 0 for CommandLine

	cause error
}

// Error returns the sentence as nginx prints it: "MSG in FILE:LINE".
func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Msg
	case e.Line == 0:
		return e.Msg + " in " + e.File
	}
	return e.Msg + " in " + e.File + ":" + strconv.Itoa(e.Line)
}

// Unwrap returns what Errorf was given by %w, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Errors is a list of independent errors in the order in which they were met.
type Errors []*Error

// Error returns the sentences, one a line.
func (l Errors) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.Is and errors.As look into the list.
func (l Errors) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// err returns the list as an error, nil when it is empty.
func (l Errors) err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// add appends err to the list, flattened.
func (l Errors) add(err error) Errors {
	switch e := err.(type) {
	case nil:
		return l
	case Errors:
		return append(l, e...)
	case *Error:
		return append(l, e)
	}
	return append(l, &Error{Msg: err.Error(), cause: err})
}

// tailError is the end of a sentence that begins with the directive's name.
type tailError string

func (t tailError) Error() string { return string(t) }

// Tail returns the error of a setter that reads `"NAME" directive MSG in FILE:LINE`, as
// Tail("is duplicate"). The walk supplies name and place.
func Tail(msg string) error { return tailError(msg) }

// Errorf returns the error of a setter as a whole sentence; the walk adds the place of the
// directive. %w works as in fmt.Errorf.
func Errorf(format string, args ...any) error { return newError(format, args...) }

func newError(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Msg: err.Error(), cause: errors.Unwrap(err)}
}

// SysError returns the sentence for a failed system call on a file:
// `open() "NAME" failed (2: No such file or directory)`.
func SysError(call, name string, err error) error { return sysError(call, name, err) }

func sysError(call, name string, err error) *Error {
	return &Error{Msg: fmt.Sprintf(`%s() "%s" failed (%s)`, call, name, ErrnoText(err)), cause: err}
}

// ErrnoText returns the system's error in nginx's form, "2: No such file or directory", or
// the error's own text when no errno is behind it.
func ErrnoText(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	text := no.Error()
	return strconv.Itoa(int(no)) + ": " + strings.ToUpper(text[:1]) + text[1:]
}

// at places an error returned by the setter of it: sentences without a place get line.
func (it *Item) at(line int, err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case Errors:
		return e
	case tailError:
		return &Error{Msg: `"` + it.Name + `" directive ` + string(e), File: it.File, Line: line}
	case *Error:
		if e.File != "" {
			return e
		}
		placed := *e
		placed.File, placed.Line = it.File, line
		return &placed
	}
	return &Error{Msg: err.Error(), File: it.File, Line: line, cause: err}
}

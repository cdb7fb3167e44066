package run

import (
	"errors"
	"os"
	"os/exec"
)

// shell runs commands for scripts, as the plain interpreter may. It implements vm.Commands.
type shell struct{}

func (shell) command(text string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", text)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c
}

// Run implements vm.Commands.
func (s shell) Run(text string) int { return status(s.command(text).Run()) }

// Open implements vm.Commands.
func (s shell) Open(text string, write bool) (*os.File, func() int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	c := s.command(text)
	mine, theirs := r, w
	if write {
		mine, theirs = w, r
		c.Stdin = r
	} else {
		c.Stdout = w
	}
	err = c.Start()
	_ = theirs.Close() // the command has its own
	if err != nil {
		_ = mine.Close()
		return nil, nil, err
	}
	return mine, func() int { return status(c.Wait()) }, nil
}

// status is the exit status behind the error of a command: 127 for one that could not be started.
func status(err error) int {
	var ee *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ee):
		return ee.ExitCode()
	}
	return 127
}

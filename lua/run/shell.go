package run

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"weir/lua/vm"
)

// shell runs commands for scripts, as the plain interpreter may. It implements vm.Commands.
type shell struct{}

func (shell) command(text string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", text)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c
}

// Run implements vm.Commands.
func (s shell) Run(_ *vm.State, text string) (vm.CommandEnd, error) {
	return end(s.command(text).Run())
}

// Open implements vm.Commands.
func (s shell) Open(_ *vm.State, text string, write bool) (vm.CommandFile, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
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
		return nil, err
	}
	return pipe{mine, c}, nil
}

// pipe is a pipe to or from a command.
type pipe struct {
	*os.File
	cmd *exec.Cmd
}

// Wait implements vm.CommandFile.
func (p pipe) Wait(*vm.State) (vm.CommandEnd, error) { return end(p.cmd.Wait()) }

// end is how a command ended, from its error.
func end(err error) (vm.CommandEnd, error) {
	var ee *exec.ExitError
	if !errors.As(err, &ee) {
		return vm.CommandEnd{}, err
	}
	if ws, ok := ee.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return vm.CommandEnd{Signal: int(ws.Signal())}, nil
	}
	return vm.CommandEnd{Code: ee.ExitCode()}, nil
}

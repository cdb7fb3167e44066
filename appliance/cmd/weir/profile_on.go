//go:build weirprofile

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"

	"weir/appliance/errlog"
)

// profileSignal begins and ends the recording of a CPU profile, in a program
// built with the tag weirprofile. perf/README.md says how default.pgo is made
// by it.
const profileSignal = syscall.Signal(36)

// profile records between two signals into a file in the temporary directory.
func profile() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, profileSignal)
	go func() { // ends with the process
		for range c {
			name := filepath.Join(os.TempDir(), fmt.Sprintf("weir-%d.pprof", os.Getpid()))
			f, err := os.Create(name)
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			if err != nil {
				errlog.Default().Printf(errlog.Error, 0, "profile: %v", err)
				continue
			}
			<-c
			pprof.StopCPUProfile()
			f.Close()
			errlog.Default().Printf(errlog.Notice, 0, "profile: %s", name)
		}
	}()
}

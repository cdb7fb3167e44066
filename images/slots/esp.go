package slots

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ESP is the EFI system partition's name in the partition table.
const ESP = "weir-esp"

// Marker is the file by which a program knows that it runs in an appliance and
// not in some container. It holds the image's version.
const Marker = "/etc/weir/appliance"

// Running returns the version of the system that runs: the image's, or on
// another machine the program's.
func Running(program string) string {
	text, err := os.ReadFile(Marker)
	if err != nil {
		return program
	}
	return strings.TrimSpace(string(text))
}

// Partition returns the device of the partition with this name, "" when there
// is none.
func Partition(name string) string {
	files, _ := filepath.Glob("/sys/class/block/*/uevent")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if strings.Contains("\n"+string(text), "\nPARTNAME="+name+"\n") {
			return "/dev/" + filepath.Base(filepath.Dir(f))
		}
	}
	return ""
}

// WithESP calls f with the EFI system partition, mounted for as long as f
// runs: what is not mounted is not damaged by a power cut. It needs root.
func WithESP(f func(dir string) error) error {
	device := Partition(ESP)
	if device == "" {
		return errors.New("there is no partition " + ESP + ": this machine was not started from a weir disk")
	}
	dir, err := os.MkdirTemp("/run", "weir-esp-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := unix.Mount(device, dir, "vfat", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_SYNCHRONOUS, "umask=0077,errors=remount-ro"); err != nil {
		return fmt.Errorf("mounting %s: %w", device, err)
	}
	err = f(dir)
	unix.Sync()
	return errors.Join(err, unix.Unmount(dir, 0))
}

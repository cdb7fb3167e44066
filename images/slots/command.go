package slots

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const usage = `usage: weir image COMMAND

  list             the slots of this machine's disk
  update FILE      install a system image (weir.efi) beside the running one;
                   FILE.sha256 holds its checksum. It is started at the next
                   start of the machine, and kept once its server was well
  bless            keep the running version: the appliance does it by itself
`

// Main is the command line `weir image ARGS` of a program of this version. It
// returns the exit status: 0 done, 1 failed, 2 not understood.
func Main(args []string, version string, stdout, stderr io.Writer) int {
	var err error
	switch {
	case len(args) == 1 && args[0] == "list":
		err = WithESP(func(esp string) error { return printSlots(stdout, esp, version) })
	case len(args) == 2 && args[0] == "update":
		err = WithESP(func(esp string) error { return updateFrom(stdout, esp, version, args[1]) })
	case len(args) == 1 && args[0] == "bless":
		err = WithESP(func(esp string) error { return Bless(esp, version) })
	default:
		fmt.Fprint(stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintf(stderr, "weir image: %v\n", err)
		return 1
	}
	return 0
}

// printSlots lists what is on the disk.
func printSlots(w io.Writer, esp, version string) error {
	all, err := List(esp)
	for _, s := range all {
		state := "blessed"
		switch {
		case s.Bad():
			state = "given up"
		case s.Counted:
			state = fmt.Sprintf("%d tries left", s.Left)
		}
		if s.Version == version {
			state += ", running"
		}
		fmt.Fprintf(w, "%s  %s\n", s.Version, state)
	}
	return err
}

// updateFrom installs an image from a file.
func updateFrom(w io.Writer, esp, version, name string) error {
	image, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(name + ".sha256")
	if err != nil {
		return fmt.Errorf("the image's checksum: %w", err)
	}
	sum, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	fresh, err := Update(esp, version, image, sum)
	if err == nil {
		fmt.Fprintf(w, "version %s is installed; it runs from the next start on\n", fresh)
	}
	return err
}

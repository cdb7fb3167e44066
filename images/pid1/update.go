package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/images/slots"
	"weir/tuning/machine"
)

// updateDir is where updates are put: FILE.efi with its checksum in
// FILE.efi.sha256, which must be complete when the checksum is there. The
// configuration disk may have the same folder, "update".
const updateDir = dataDir + "/update"

// updateStep is how often the folder is looked at.
const updateStep = 5 * time.Second

// bless marks the running slot as good once the server is well.
func (m *Machine) bless() {
	m.console.log("the server is well")
	if m.esp == "" {
		return
	}
	err := slots.WithESP(func(dir string) error { return slots.Bless(dir, m.version) })
	if err != nil {
		m.console.log("blessing %s: %v", m.version, err)
		return
	}
	m.console.log("slot %s is blessed", m.version)
}

// lookForUpdates installs what it finds in the update folder, once the running
// slot is proven: an update replaces the other slot.
func (m *Machine) lookForUpdates() {
	if m.esp == "" {
		return
	}
	for {
		time.Sleep(updateStep)
		if _, err := ask(socket()); err != nil {
			continue // a slot that does not serve does not replace the other one
		}
		done, err := m.update(updateDir)
		if _, e := withMedia(func(dir string) error {
			if done == "" && err == nil {
				done, err = m.update(filepath.Join(dir, "update"))
			}
			return nil
		}); err == nil {
			err = e
		}
		if err != nil {
			m.console.log("update: %v", err)
			m.console.set("update", err.Error())
			time.Sleep(10 * updateStep)
			continue
		}
		if done != "" {
			m.console.log("version %s is installed", done)
			m.power <- "reboot: update to " + done
			return
		}
	}
}

// update installs the image in a folder, if there is one that is not installed
// yet, and returns its version.
func (m *Machine) update(dir string) (version string, err error) {
	sums, _ := filepath.Glob(filepath.Join(dir, "*.efi.sha256"))
	for _, s := range sums {
		text, err := os.ReadFile(s)
		if err != nil {
			return "", err
		}
		sum, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if m.tried(sum) {
			continue
		}
		image, err := os.ReadFile(strings.TrimSuffix(s, ".sha256"))
		if err != nil {
			return "", err
		}
		// Noted before it is written: an image that fails is not installed
		// again by the slot the machine falls back to.
		if err := m.note(sum); err != nil {
			return "", err
		}
		err = slots.WithESP(func(esp string) error {
			version, err = slots.Update(esp, m.version, image, sum)
			return err
		})
		return version, err
	}
	return "", nil
}

// triedFile lists the checksums of images that were installed.
const triedFile = dataDir + "/updates"

func (m *Machine) tried(sum string) bool {
	for line := range strings.Lines(machine.Value(triedFile)) {
		if strings.TrimSpace(line) == sum {
			return true
		}
	}
	return false
}

func (m *Machine) note(sum string) error {
	f, err := os.OpenFile(triedFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, sum)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

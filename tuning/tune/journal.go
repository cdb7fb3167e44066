package tune

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"weir/tuning/evidence"
	"weir/tuning/machine"
)

// journal is what apply changed, kept until revert.
type journal struct {
	Profile  string
	Counters evidence.Counters // at the first apply
	Entries  []entry           // in the order they were written
	Refused  map[string]string `json:",omitempty"` // values the machine did not take at the last apply, by ID
}

// entry is one value that was changed.
type entry struct {
	ID     string // of package setting
	Before string // before the first apply
	Set    string // by the last one
	Made   string `json:",omitempty"` // what the kernel made of Set; "" when it took it as it is
}

func (j *journal) find(id string) *entry {
	for i := range j.Entries {
		if j.Entries[i].ID == id {
			return &j.Entries[i]
		}
	}
	return nil
}

// Dirs are where tune keeps its files.
type Dirs struct {
	State  string // the journal and the lock
	Sysctl string // 90-weir-PROFILE.conf
}

// SystemDirs are those of the machine itself.
var SystemDirs = Dirs{State: "/var/lib/weir/tune", Sysctl: "/etc/sysctl.d"}

func (d *Dirs) journal() string { return filepath.Join(d.State, "journal.json") }

// errBusy says that another run is changing settings.
var errBusy = errors.New("another weir tune is running")

// lock keeps other runs out until the file is closed.
func (d *Dirs) lock() (*os.File, error) {
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(d.State, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errBusy
	}
	return f, nil
}

// load returns the journal, or nil when nothing is applied.
func (d *Dirs) load() (*journal, error) {
	b, err := os.ReadFile(d.journal())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j := new(journal)
	if err := json.Unmarshal(b, j); err != nil {
		return nil, fmt.Errorf("%s: %w", d.journal(), err)
	}
	return j, nil
}

// store writes the journal so that it is whole at every moment.
func (d *Dirs) store(j *journal) error {
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return machine.Replace(d.journal(), append(b, '\n'), 0o600)
}

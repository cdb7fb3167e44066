package machine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Value returns the content of a small file without the space around it, ""
// when it cannot be read.
func Value(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// PartSuffix ends the names of files that Replace has begun. A power cut leaves
// one behind.
const PartSuffix = ".part"

// Replace writes a file whole: under another name in the same directory first,
// so that nobody ever sees a part of it, and after a power cut there is the old
// file or the new one.
func Replace(name string, data []byte, mode os.FileMode) error {
	dir, base := filepath.Split(name)
	f, err := os.CreateTemp(filepath.Clean(dir), base+".*"+PartSuffix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return SyncDir(filepath.Clean(dir))
}

// SyncDir makes renames and removals in a directory lasting.
func SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

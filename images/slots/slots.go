package slots

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"weir/images/uki"
	"weir/tuning/machine"
)

// dir is where images lie on the EFI system partition.
const dir = "EFI/Linux"

// tries is how often a new image is started before it is given up.
const tries = 3

// maxImage bounds an image, in bytes: the partition holds three of them.
const maxImage = 96 << 20

// Slot is one image on the disk.
type Slot struct {
	File    string // below the partition
	Version string
	Counted bool // it is not blessed
	Left    int  // tries left; meaningful when Counted
	Done    int  // tries made
}

// Bad reports whether the loader has given the slot up.
func (s *Slot) Bad() bool { return s.Counted && s.Left == 0 }

// parse reads a slot's state from its file name; ok is false for other files.
func parse(name string) (s Slot, ok bool) {
	base, isImage := strings.CutSuffix(name, ".efi")
	rest, isOurs := strings.CutPrefix(base, "weir_")
	if !isImage || !isOurs || rest == "" {
		return s, false
	}
	s.File = filepath.Join(dir, name)
	version, count, counted := strings.Cut(rest, "+")
	s.Version = version
	if !counted {
		return s, true
	}
	left, done, _ := strings.Cut(count, "-")
	var err error
	if s.Left, err = strconv.Atoi(left); err != nil {
		return s, false
	}
	if done != "" {
		if s.Done, err = strconv.Atoi(done); err != nil {
			return s, false
		}
	}
	s.Counted = true
	return s, true
}

// List returns the slots of the partition mounted at esp.
func List(esp string) ([]Slot, error) {
	files, err := os.ReadDir(filepath.Join(esp, dir))
	if err != nil {
		return nil, err
	}
	var all []Slot
	for _, f := range files {
		if s, ok := parse(f.Name()); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

// Bless marks the running version as good: it stays the one that is started.
func Bless(esp, version string) error {
	all, err := List(esp)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s Slot) bool { return s.Version == version })
	if i < 0 {
		return fmt.Errorf("version %s is not on the disk", version)
	}
	if !all[i].Counted {
		return nil
	}
	to := filepath.Join(esp, dir, "weir_"+version+".efi")
	if err := os.Rename(filepath.Join(esp, all[i].File), to); err != nil {
		return err
	}
	return machine.SyncDir(filepath.Join(esp, dir))
}

// Update writes a new image beside the running one. sum is its SHA-256 in
// hexadecimal. Nothing that exists is touched until the new image is whole on
// the disk; then slots other than the running one are removed. It returns the
// new version.
func Update(esp, running string, image []byte, sum string) (string, error) {
	version, err := check(image, sum)
	if err != nil {
		return "", err
	}
	if version == running {
		return "", fmt.Errorf("version %s is running already", version)
	}
	folder := filepath.Join(esp, dir)
	if err := makeRoom(esp, running); err != nil {
		return "", err
	}
	// What a power cut leaves does not end as what the loader takes for an image.
	return version, machine.Replace(filepath.Join(folder, fmt.Sprintf("weir_%s+%d.efi", version, tries)), image, 0o600)
}

// check proves that an image is one of ours, whole, and says its version.
func check(image []byte, sum string) (string, error) {
	if len(image) > maxImage {
		return "", fmt.Errorf("an image of %d bytes is larger than %d", len(image), maxImage)
	}
	got := sha256.Sum256(image)
	if want, err := hex.DecodeString(strings.TrimSpace(sum)); err != nil || !bytes.Equal(want, got[:]) {
		return "", fmt.Errorf("checksum %s, want %s", hex.EncodeToString(got[:]), sum)
	}
	release, err := uki.Section(image, ".osrel")
	if err != nil {
		return "", fmt.Errorf("not a system image: %w", err)
	}
	id, version := field(release, "ID"), field(release, "VERSION_ID")
	if id != "weir" || !plain(version) {
		return "", fmt.Errorf("an image of %q, version %q", id, version)
	}
	return version, nil
}

// field returns the value of a line "KEY=value" of os-release(5).
func field(text []byte, key string) string {
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// plain reports whether a version can stand in a file name and has nothing
// the loader reads as a count.
func plain(version string) bool {
	return version != "" && len(version) < 64 && strings.Trim(version, "0123456789abcdefghijklmnopqrstuvwxyz.~^") == ""
}

// makeRoom removes every slot but the running one, and what a broken update
// left.
func makeRoom(esp, running string) error {
	all, err := List(esp)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(s Slot) bool { return s.Version == running }) {
		return fmt.Errorf("the running version %s is not on the disk", running)
	}
	for _, s := range all {
		if s.Version != running {
			if err := os.Remove(filepath.Join(esp, s.File)); err != nil {
				return err
			}
		}
	}
	parts, _ := filepath.Glob(filepath.Join(esp, dir, "*"+machine.PartSuffix)) // the pattern is a good one
	for _, name := range parts {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return machine.SyncDir(filepath.Join(esp, dir))
}

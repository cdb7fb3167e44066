package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/images/slots"
)

// mediaDir is where the configuration disk is mounted, while it is read.
const mediaDir = "/run/media"

// dataName is the data partition's name in the partition table.
const dataName = "weir-data"

// diskStep is how often new disks are looked for.
const diskStep = 20 * time.Millisecond

// storage finds the disk the machine runs from and mounts its data partition.
// Without one /data is a memory file system: a machine without a disk is
// configured anew at each start.
func (m *Machine) storage() {
	if !m.options.diskless {
		for end := time.Now().Add(m.options.wait); ; time.Sleep(diskStep) {
			m.esp, m.dat = slots.Partition(slots.ESP), slots.Partition(dataName)
			if m.dat != "" && m.esp != "" || time.Now().After(end) {
				break
			}
		}
	}
	_ = os.MkdirAll(dataDir, 0o755)
	if m.dat != "" {
		// The server's user writes caches and logs here; FAT has one owner.
		err := unix.Mount(m.dat, dataDir, "vfat", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "uid=65534,gid=65534,umask=0027,errors=remount-ro")
		if err == nil {
			m.console.set("data", m.dat)
			return
		}
		m.console.log("mounting %s: %v", m.dat, err)
	}
	if err := unix.Mount("tmpfs", dataDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=50%"); err != nil {
		m.console.log("mounting %s: %v", dataDir, err)
	}
	m.console.set("data", "in memory: nothing is kept over a restart")
}

// labels of configuration disks: that of cloud-init's NoCloud, and our own.
var labels = []string{"cidata", "CIDATA", "weir-conf", "WEIR-CONF"}

// withMedia calls f with the mounted configuration disk, and reports whether
// there is one. It is any whole disk or partition that is labelled as such.
func withMedia(f func(dir string) error) (bool, error) {
	disks, _ := filepath.Glob("/sys/class/block/*")
	_ = os.MkdirAll(mediaDir, 0o755)
	for _, d := range disks {
		dev := "/dev/" + filepath.Base(d)
		kind, label := probe(dev)
		if !slices.Contains(labels, label) {
			continue
		}
		if err := unix.Mount(dev, mediaDir, kind, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return true, fmt.Errorf("configuration disk %s: %w", dev, err)
		}
		err := f(mediaDir)
		_ = unix.Unmount(mediaDir, unix.MNT_DETACH)
		return true, err
	}
	return false, nil
}

// probe reads kind and label of a file system: ISO 9660 (ECMA-119, the primary
// volume descriptor) or FAT.
func probe(dev string) (kind, label string) {
	f, err := os.Open(dev)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	b := make([]byte, 2048)
	if _, err := f.ReadAt(b, 16*2048); err == nil && string(b[1:6]) == "CD001" {
		return "iso9660", strings.TrimSpace(string(b[40:72]))
	}
	if _, err := f.ReadAt(b[:512], 0); err != nil || b[510] != 0x55 || b[511] != 0xaa {
		return "", ""
	}
	switch {
	case string(b[82:87]) == "FAT32":
		return "vfat", strings.TrimSpace(string(b[71:82]))
	case strings.HasPrefix(string(b[54:59]), "FAT1"):
		return "vfat", strings.TrimSpace(string(b[43:54]))
	}
	return "", ""
}

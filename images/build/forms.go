package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"weir/images/fat"
	"weir/images/iso"
	"weir/images/qcow2"
	"weir/images/uki"
	"weir/images/vhd"
	"weir/images/vmdk"
)

// forms writes the disk in the formats of hypervisors, and compressed.
func (b *builder) forms(disk io.ReaderAt, size int64) error {
	for _, f := range []struct {
		name  string
		write func(w io.Writer, name string) error
	}{
		{"weir.raw.zst", func(w io.Writer, _ string) error { return compressed(w, io.NewSectionReader(disk, 0, size)) }},
		{"weir.qcow2", func(w io.Writer, _ string) error { return qcow2.Write(w, disk, size) }},
		{"weir.vmdk", func(w io.Writer, name string) error { return vmdk.Write(w, disk, size, name) }},
		{"weir.vhd", func(w io.Writer, _ string) error { return vhd.Write(w, disk, size, b.time) }},
	} {
		out, err := os.Create(filepath.Join(b.out, f.name))
		if err != nil {
			return err
		}
		err = f.write(out, f.name)
		if e := out.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		b.made = append(b.made, f.name)
	}
	return nil
}

func compressed(w io.Writer, r io.Reader) error {
	// One goroutine: the frames of several are joined as they come. Fast: what
	// is on the disk is compressed already.
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, r); err != nil {
		return err
	}
	return z.Close()
}

// live is what the disc adds to the kernel's command line: it is no error that
// there is no data partition, so that one is not waited for as long.
const live = " weir.wait=5s"

// disc makes the optical disc. Firmware starts the system from it directly:
// there are no slots to choose from.
func (b *builder) disc(parts uki.Parts) error {
	parts.Cmdline += live
	image, err := uki.Build(&parts)
	if err != nil {
		return err
	}
	boot := make(memory, max(fat.MinSize, (int64(len(image))+2<<20)>>20<<20))
	if err := fat.Write(boot, int64(len(boot)), "WEIR", []fat.File{{Name: "EFI/BOOT/BOOTX64.EFI", Data: image}}); err != nil {
		return err
	}
	d := &iso.Disc{Label: "WEIR", Time: b.time, Boot: boot,
		Files: []iso.File{{Name: "LICENSE.TXT", Data: b.license}, {Name: "VERSION.TXT", Data: []byte("weir " + b.version + "\n")}}}
	name := filepath.Join(b.out, "weir.iso")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := d.Write(f)
	if err != nil {
		return err
	}
	b.made = append(b.made, "weir.iso")
	say("%s: %d KB", name, size/1024)
	return f.Close()
}

// memory is a file in memory, of fixed size.
type memory []byte

// WriteAt implements io.WriterAt.
func (m memory) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > int64(len(m)) {
		return 0, io.ErrShortWrite
	}
	return copy(m[at:], p), nil
}

package main

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"weir/images/deb"
	"weir/images/fat"
	"weir/images/gpt"
	"weir/images/inputs"
	"weir/images/kernel"
	"weir/images/newc"
	"weir/images/slots"
	"weir/images/uki"
)

//go:embed modules.conf
var moduleConf string

// cmdline is the kernel's command line: a kernel that panics starts the
// machine again, which is what leads back to the other slot.
const cmdline = "console=tty0 console=ttyS0,115200 panic=5 quiet"

// Sizes of the partitions, in bytes.
const (
	espSize  = 320 << 20 // three images and room
	dataSize = 512 << 20
)

// disk makes everything that boots.
func (b *builder) disk() error {
	s, err := b.system()
	if err != nil {
		return err
	}
	if err := b.raw(s.image, s.loader); err != nil {
		return err
	}
	return b.disc(s.parts)
}

// system is what the images that boot have in common.
type system struct {
	parts  uki.Parts
	image  []byte // of the parts
	loader []byte // for a disk
}

// system makes kernel, first file system and the image of both.
func (b *builder) system() (*system, error) {
	all, err := inputs.All()
	if err != nil {
		return nil, err
	}
	var k *kernel.Kernel
	s := &system{}
	for i := range all {
		name, err := b.source.Get(&all[i])
		if err != nil {
			return nil, err
		}
		switch all[i].Name {
		case "kernel":
			k, err = readKernel(name)
		case "boot":
			s.parts.Stub, s.loader, err = readBoot(name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	s.parts.Cmdline, s.parts.Uname, s.parts.Kernel = cmdline, k.Release, k.Image
	s.parts.OSRelease = fmt.Sprintf("ID=weir\nNAME=weir\nPRETTY_NAME=\"weir %s\"\nVERSION_ID=%s\n", b.version, b.version)
	if s.parts.Initrd, err = b.initrd(k); err != nil {
		return nil, err
	}
	if s.image, err = uki.Build(&s.parts); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"weir.kernel", k.Image}, {"weir.initrd", s.parts.Initrd},
		{"weir.efi", s.image}, {"weir.efi.sha256", []byte(checksum(s.image) + "  weir.efi\n")},
	} {
		if err := b.write(f.name, f.data); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readKernel(name string) (*kernel.Kernel, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return kernel.Read(f)
}

// readBoot takes the stub and the boot loader out of systemd's package.
func readBoot(name string) (stub, loader []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	err = deb.Visit(f, func(h *tar.Header, data io.Reader) (err error) {
		switch path.Base(h.Name) {
		case "linuxx64.efi.stub":
			stub, err = io.ReadAll(data)
		case "systemd-bootx64.efi":
			loader, err = io.ReadAll(data)
		}
		return err
	})
	if err == nil && (stub == nil || loader == nil) {
		err = errors.New("boot stub or loader is missing in the package")
	}
	return stub, loader, err
}

// initrd is the first file system: weir as /init, modules, configuration.
func (b *builder) initrd(k *kernel.Kernel) ([]byte, error) {
	var packed bytes.Buffer
	// One goroutine: the frames of several are joined as they come.
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, err
	}
	w := newc.NewWriter(z)
	for _, dir := range []string{"dev", "proc", "sys", "run", "tmp", "data", "etc", "etc/weir", "lib", "lib/weir", "lib/weir/modules", "var", "var/lib"} {
		w.Dir(dir, 0o755)
	}
	w.Char("dev/console", 0o600, 5, 1)
	w.Char("dev/null", 0o666, 1, 3)
	w.File("init", 0o755, b.program)
	w.File(strings.TrimPrefix(slots.Marker, "/"), 0o644, []byte(b.version+"\n"))
	w.File("etc/weir/built", 0o644, fmt.Appendf(nil, "%d\n", b.time.Unix()))
	w.File("etc/passwd", 0o644, []byte("root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n"))
	w.File("etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\nnobody:x:65534:\n"))
	if err := addModules(w, k); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// addModules adds the modules of modules.conf and the list that pid1 reads.
func addModules(w *newc.Writer, k *kernel.Kernel) error {
	var names []string
	kinds := map[string]string{}
	for n, line := range strings.Split(moduleConf, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) != 2 || f[0] != "load" && f[0] != "last" && f[0] != "have" {
			return fmt.Errorf("modules.conf:%d: want load NAME, last NAME or have NAME", n+1)
		}
		names = append(names, f[1])
		kinds[strings.ReplaceAll(f[1], "-", "_")] = f[0]
	}
	all, err := k.Select(names)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, m := range all {
		w.File("lib/weir/modules/"+m.Name+".ko", 0o644, m.Data)
		kind := kinds[m.Name]
		if kind == "" {
			kind = "have" // it comes along
		}
		fmt.Fprintf(&list, "%s\n", strings.Join(append([]string{kind, m.Name}, kernel.Needs(m, all)...), " "))
	}
	for _, m := range all {
		for _, a := range m.Aliases {
			if strings.Contains(a, ":") && !strings.ContainsAny(a, " \t") { // devices; other aliases are names
				fmt.Fprintf(&list, "alias %s %s\n", a, m.Name)
			}
		}
	}
	w.File("lib/weir/modules/list", 0o644, []byte(list.String()))
	return nil
}

// raw makes the disk and its forms.
func (b *builder) raw(image, loader []byte) error {
	parts := []gpt.Partition{
		{Type: gpt.ESP, Name: "weir-esp", Size: espSize},
		{Type: gpt.Linux, Name: "weir-data", Size: dataSize},
	}
	size, err := gpt.Layout(parts)
	if err != nil {
		return err
	}
	name := filepath.Join(b.out, "weir.raw")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	if err := gpt.Write(f, size, parts); err != nil {
		return err
	}
	err = fat.Write(io.NewOffsetWriter(f, parts[0].Start), espSize, "WEIR", []fat.File{
		{Name: "EFI/BOOT/BOOTX64.EFI", Data: loader},
		{Name: "EFI/Linux/weir_" + b.version + ".efi", Data: image},
		{Name: "loader/loader.conf", Data: []byte("timeout 0\neditor no\n")},
	})
	if err != nil {
		return err
	}
	if err := fat.Write(io.NewOffsetWriter(f, parts[1].Start), dataSize, "WEIR-DATA", nil); err != nil {
		return err
	}
	b.made = append(b.made, "weir.raw")
	say("%s: %d MB, mostly holes", name, size>>20)
	return b.forms(f, size)
}

package deb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5" // the format's own sums, against damage and not against malice
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// File is a file of a package.
type File struct {
	Name string // "usr/sbin/weir", without a leading slash
	Mode int64
	Data []byte
	Link string // the target of a symbolic link, which has no Data
	Dir  bool   // a directory: one that is empty, or whose mode matters
	Conf bool   // a configuration file: the administrator's changes are kept
}

// Package is what a package says and holds.
type Package struct {
	Control string            // the control file's fields, without Installed-Size
	Scripts map[string]string // "postinst": text
	Files   []File
	Time    time.Time // of every file
}

// Write writes the package.
func (p *Package) Write(w io.Writer) error {
	files := slices.Clone(p.Files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	control, err := p.control(files)
	if err != nil {
		return err
	}
	data, err := Tar(files, p.Time)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, arMagic); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", control}, {"data.tar.gz", data}} {
		if _, err := fmt.Fprintf(w, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, p.Time.Unix(), 0, 0, "100644", len(m.data)); err != nil {
			return err
		}
		if len(m.data)%2 == 1 {
			m.data = append(m.data, '\n')
		}
		if _, err := w.Write(m.data); err != nil {
			return err
		}
	}
	return nil
}

// control is the first tar: fields, sums, configuration files, scripts.
func (p *Package) control(files []File) ([]byte, error) {
	var sums, conf strings.Builder
	size := 0
	for _, f := range files {
		size += (len(f.Data) + 1023) / 1024
		if f.Link == "" && !f.Dir {
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.Data), f.Name)
		}
		if f.Conf {
			fmt.Fprintf(&conf, "/%s\n", f.Name)
		}
	}
	all := []File{
		{Name: "control", Mode: 0o644, Data: fmt.Appendf(nil, "%s\nInstalled-Size: %d\n", strings.TrimRight(p.Control, "\n"), size)},
		{Name: "md5sums", Mode: 0o644, Data: []byte(sums.String())},
	}
	if conf.Len() > 0 {
		all = append(all, File{Name: "conffiles", Mode: 0o644, Data: []byte(conf.String())})
	}
	for name, text := range p.Scripts {
		all = append(all, File{Name: name, Mode: 0o755, Data: []byte(text)})
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return Tar(all, p.Time)
}

// Tar returns the files, with their directories, as a compressed tar archive
// of root's. They must be sorted by name.
func Tar(files []File, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for unknown levels only
	t := tar.NewWriter(z)
	made := map[string]bool{".": true}
	header := func(h *tar.Header) error {
		h.ModTime, h.Uname, h.Gname, h.Format = when, "root", "root", tar.FormatGNU
		return t.WriteHeader(h)
	}
	if err := header(&tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}); err != nil {
		return nil, err
	}
	for _, f := range files {
		for _, dir := range parents(f.Name) {
			if made[dir] {
				continue
			}
			made[dir] = true
			if err := header(&tar.Header{Typeflag: tar.TypeDir, Name: "./" + dir + "/", Mode: 0o755}); err != nil {
				return nil, err
			}
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: "./" + f.Name, Mode: f.Mode, Size: int64(len(f.Data))}
		switch {
		case f.Dir:
			made[f.Name] = true
			h = &tar.Header{Typeflag: tar.TypeDir, Name: "./" + f.Name + "/", Mode: f.Mode}
		case f.Link != "":
			h = &tar.Header{Typeflag: tar.TypeSymlink, Name: "./" + f.Name, Linkname: f.Link, Mode: 0o777}
		}
		if err := header(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.Data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// parents returns the directories above a file, outermost first.
func parents(name string) []string {
	var dirs []string
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		dirs = append(dirs, d)
	}
	slices.Reverse(dirs)
	return dirs
}

package deb

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Visit calls f for every regular file and symbolic link of a package's data,
// in their order. Names have no leading "./". An error of f ends it, and ErrStop
// ends it without one.
func Visit(r io.Reader, f func(h *tar.Header, data io.Reader) error) error {
	member, name, err := find(bufio.NewReaderSize(r, 1<<20), "data.tar")
	if err != nil {
		return err
	}
	plain, err := decompress(name, member)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeSymlink {
			continue
		}
		h.Name = strings.TrimPrefix(h.Name, "./")
		if err := f(h, t); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
}

// ErrStop is what Visit's function returns when it has seen enough.
var ErrStop = errors.New("stop")

const arMagic = "!<arch>\n"

// find moves to the member whose name begins with prefix.
func find(r *bufio.Reader, prefix string) (io.Reader, string, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return nil, "", errors.New("not a Debian package")
	}
	header := make([]byte, 60)
	for {
		if _, err := io.ReadFull(r, header); err != nil {
			return nil, "", fmt.Errorf("no %s in the package: %w", prefix, err)
		}
		name := strings.TrimRight(strings.TrimSpace(string(header[:16])), "/")
		size, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil || size < 0 || !bytes.Equal(header[58:], []byte("`\n")) {
			return nil, "", fmt.Errorf("the header of member %q is damaged", name)
		}
		if strings.HasPrefix(name, prefix) {
			return io.LimitReader(r, size), name, nil
		}
		if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
			return nil, "", err
		}
	}
}

func decompress(name string, r io.Reader) (io.Reader, error) {
	switch {
	case strings.HasSuffix(name, ".xz"):
		return xz.NewReader(r)
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewReader(r)
	case strings.HasSuffix(name, ".tar"):
		return r, nil
	}
	return nil, errors.New("compressed in an unknown way")
}

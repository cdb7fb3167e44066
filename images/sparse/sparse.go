package sparse

import (
	"bytes"
	"io"
)

// Used reports which units of a disk of size bytes hold anything but zeros. The
// last unit may reach beyond the disk's end.
func Used(r io.ReaderAt, size, unit int64) ([]bool, error) {
	used := make([]bool, (size+unit-1)/unit)
	b, zero := make([]byte, unit), make([]byte, unit)
	for i := range used {
		if err := read(r, b, int64(i)*unit); err != nil {
			return nil, err
		}
		used[i] = !bytes.Equal(b, zero)
	}
	return used, nil
}

// Copy writes the used units one behind the other, each after what lead writes
// before it; lead may be nil.
func Copy(w io.Writer, r io.ReaderAt, unit int64, used []bool, lead []byte) error {
	b := make([]byte, len(lead)+int(unit))
	copy(b, lead)
	for i, u := range used {
		if !u {
			continue
		}
		if err := read(r, b[len(lead):], int64(i)*unit); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Count is the number of used units.
func Count(used []bool) (n int) {
	for _, u := range used {
		if u {
			n++
		}
	}
	return n
}

// read fills b, with zeros beyond the disk's end.
func read(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if err == io.EOF {
		clear(b[n:])
		return nil
	}
	return err
}

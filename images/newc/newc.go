package newc

import (
	"fmt"
	"io"
	"strings"
)

// Writer writes one archive. An error is kept and returned by Close.
type Writer struct {
	w    io.Writer
	n    int64
	next uint32 // inode number
	err  error
}

// NewWriter returns a writer of an archive to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, next: 1} }

// Types of entries, as in st_mode.
const (
	typeDir  = 0o040000
	typeFile = 0o100000
	typeLink = 0o120000
	typeChar = 0o020000
)

// Dir adds a directory. Its parents must have been added.
func (w *Writer) Dir(name string, mode uint32) { w.entry(name, typeDir|mode, 2, 0, 0, nil) }

// File adds a file.
func (w *Writer) File(name string, mode uint32, data []byte) {
	w.entry(name, typeFile|mode, 1, 0, 0, data)
}

// Link adds a symbolic link.
func (w *Writer) Link(name, target string) { w.entry(name, typeLink|0o777, 1, 0, 0, []byte(target)) }

// Char adds a character device.
func (w *Writer) Char(name string, mode, major, minor uint32) {
	w.entry(name, typeChar|mode, 1, major, minor, nil)
}

// Close ends the archive.
func (w *Writer) Close() error {
	w.next = 0
	w.entry("TRAILER!!!", 0, 1, 0, 0, nil)
	return w.err
}

// entry writes one header with its name and data, each filled up to a multiple
// of four bytes.
func (w *Writer) entry(name string, mode, links, major, minor uint32, data []byte) {
	if len(data) > 1<<32-1 {
		w.fail(fmt.Errorf("newc: %s has %d bytes, the format ends at 4 GB", name, len(data)))
		return
	}
	var header strings.Builder
	header.WriteString("070701")
	for _, v := range []uint32{w.next, mode, 0, 0, links, 0, uint32(len(data)), 0, 0, major, minor, uint32(len(name) + 1), 0} {
		header.WriteString(fmt.Sprintf("%08X", v))
	}
	w.write([]byte(header.String() + name + "\x00"))
	w.pad()
	w.write(data)
	w.pad()
	if w.next > 0 {
		w.next++
	}
}

func (w *Writer) write(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	w.fail(err)
}

func (w *Writer) pad() { w.write(make([]byte, -w.n&3)) }

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

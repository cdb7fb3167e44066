package uki

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
)

// Parts are the contents of an image.
type Parts struct {
	Stub      []byte // the EFI program that finds and starts the rest
	OSRelease string // os-release(5); boot loaders sort images by its VERSION_ID
	Cmdline   string
	Uname     string // the kernel's release, "6.1.0-56-amd64"
	Initrd    []byte
	Kernel    []byte
}

const (
	sectionSize = 40
	pageSize    = 4096
	// readOnlyData is IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ.
	readOnlyData = 0x40000040
)

// Build returns the image.
func Build(p *Parts) ([]byte, error) {
	im, err := parse(p.Stub)
	if err != nil {
		return nil, fmt.Errorf("boot stub: %w", err)
	}
	for _, s := range []struct {
		name string
		data []byte
	}{
		{".osrel", []byte(p.OSRelease)},
		{".cmdline", append([]byte(p.Cmdline), 0)},
		{".uname", []byte(p.Uname)},
		{".initrd", p.Initrd},
		{".linux", p.Kernel},
	} {
		if err := im.add(s.name, s.data); err != nil {
			return nil, err
		}
	}
	return im.finish(), nil
}

// image is a PE file being extended.
type image struct {
	data      []byte
	coff, opt int // offsets of the file header and the optional header
	table     int // offset of the section table
	sections  int
	end       uint32 // first free address
	fileAlign uint32
	headers   uint32 // SizeOfHeaders: the table must end before it
}

func parse(stub []byte) (*image, error) {
	f, err := pe.NewFile(bytes.NewReader(stub))
	if err != nil {
		return nil, err
	}
	oh, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok {
		return nil, errors.New("not a 64-bit program")
	}
	if oh.SectionAlignment > pageSize || oh.FileAlignment == 0 {
		return nil, fmt.Errorf("sections are aligned to %d and %d", oh.SectionAlignment, oh.FileAlignment)
	}
	im := &image{data: bytes.Clone(stub), sections: len(f.Sections), fileAlign: oh.FileAlignment, headers: oh.SizeOfHeaders}
	im.coff = int(binary.LittleEndian.Uint32(stub[0x3c:])) + 4
	im.opt = im.coff + 20
	im.table = im.opt + int(f.SizeOfOptionalHeader)
	for _, s := range f.Sections {
		im.end = max(im.end, s.VirtualAddress+max(s.VirtualSize, s.Size))
	}
	return im, nil
}

// add appends a section on a page of its own.
func (im *image) add(name string, data []byte) error {
	at := im.table + im.sections*sectionSize
	if at+sectionSize > int(im.headers) {
		return fmt.Errorf("the boot stub has no room for section %s", name)
	}
	im.data = append(im.data, make([]byte, -len(im.data)&int(im.fileAlign-1))...)
	address := align(im.end, pageSize)
	raw := align(uint32(len(data)), im.fileAlign)
	h := im.data[at : at+sectionSize]
	clear(h)
	copy(h, name)
	le := binary.LittleEndian
	le.PutUint32(h[8:], uint32(len(data)))
	le.PutUint32(h[12:], address)
	le.PutUint32(h[16:], raw)
	le.PutUint32(h[20:], uint32(len(im.data)))
	le.PutUint32(h[36:], readOnlyData)
	im.data = append(im.data, data...)
	im.data = append(im.data, make([]byte, int(raw)-len(data))...)
	im.end = address + uint32(len(data))
	im.sections++
	return nil
}

// finish corrects the headers.
func (im *image) finish() []byte {
	le := binary.LittleEndian
	le.PutUint16(im.data[im.coff+2:], uint16(im.sections))
	le.PutUint32(im.data[im.coff+4:], 0)                       // TimeDateStamp
	le.PutUint32(im.data[im.opt+56:], align(im.end, pageSize)) // SizeOfImage
	le.PutUint32(im.data[im.opt+64:], 0)                       // CheckSum: not looked at by firmware
	return im.data
}

func align(n, to uint32) uint32 { return (n + to - 1) / to * to }

// Section returns the contents of one section of an image, for reading back
// what it is.
func Section(image []byte, name string) ([]byte, error) {
	f, err := pe.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	s := f.Section(name)
	if s == nil {
		return nil, fmt.Errorf("there is no section %s", name)
	}
	data, err := s.Data()
	if err != nil {
		return nil, err
	}
	return data[:min(uint32(len(data)), s.VirtualSize)], nil
}

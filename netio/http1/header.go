package http1

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"weir/netio/buf"
)

// HeaderID names a well-known header field, so that code compares numbers and
// not strings. 0 is HeaderUnknown: any other field. The constants are generated
// from headergen/names.txt.
type HeaderID uint16

// HeaderUnknown is the identifier of every field that is not well known.
const HeaderUnknown HeaderID = 0

// HeaderCount is one more than the largest HeaderID.
const HeaderCount = headerCount

// String returns the canonical spelling of the field's name, "" for
// HeaderUnknown.
func (id HeaderID) String() string {
	if id < headerCount {
		return headerNames[id]
	}
	return ""
}

// HeaderFlags describe a field name that is legal on the wire but that a
// configuration may want ignored.
type HeaderFlags uint16

const (
	// HeaderUnderscore: the name contains '_' (underscores_in_headers).
	HeaderUnderscore HeaderFlags = 1 << iota
	// HeaderInvalid: the name contains a byte other than letters, digits,
	// '-' and '_' (ignore_invalid_headers). Control bytes and spaces never
	// get this far.
	HeaderInvalid
)

// Header is one field of a message; its spans are offsets into the buffer that
// was parsed.
type Header struct {
	Name  buf.Span
	Value buf.Span // without surrounding spaces and tabs; may be empty
	ID    HeaderID
	Flags HeaderFlags
}

// HeaderSet is a set of well-known fields.
type HeaderSet [(headerCount + 63) / 64]uint64

// Has reports whether id is in s. HeaderUnknown never is.
func (s *HeaderSet) Has(id HeaderID) bool {
	return id < headerCount && s[id>>6]&(1<<(id&63)) != 0
}

// SetOf returns the set of the given fields.
func SetOf(ids ...HeaderID) (s HeaderSet) {
	for _, id := range ids {
		s.add(id)
	}
	return s
}

// add puts id, which is below headerCount, into s.
func (s *HeaderSet) add(id HeaderID) {
	s[int(id>>6)%len(s)] |= 1 << (id & 63)
}

// Common returns the lowest field that is both in s and in t, HeaderUnknown if
// there is none.
func (s *HeaderSet) Common(t *HeaderSet) HeaderID {
	for i := range s {
		if both := s[i] & t[i]; both != 0 {
			return HeaderID(i<<6 + bits.TrailingZeros64(both))
		}
	}
	return HeaderUnknown
}

// Fields is the field block of a message. Headers belongs to the caller, who
// gives it enough capacity for the common case and reuses it.
type Fields struct {
	Headers  []Header
	Known    HeaderSet   // well-known fields that are present
	Repeated HeaderSet   // those that are present more than once
	Odd      HeaderFlags // the Flags of all Headers together; 0: none needs a look
}

// Clear empties f and keeps the memory of Headers.
func (f *Fields) Clear() { *f = Fields{Headers: f.Headers[:0]} }

// Find returns the index in Headers of the first field id, or -1.
func (f *Fields) Find(id HeaderID) int {
	if !f.Known.Has(id) {
		return -1
	}
	for i := range f.Headers {
		if f.Headers[i].ID == id {
			return i
		}
	}
	return -1
}

// Value returns the value of the first field id in b, the buffer that was
// parsed, and whether there is one.
func (f *Fields) Value(b []byte, id HeaderID) ([]byte, bool) {
	i := f.Find(id)
	if i < 0 {
		return nil, false
	}
	return f.Headers[i].Value.Of(b), true
}

// next returns the place of the next header, behind the end of f.Headers: it is
// filled there and not copied, and counts only when committed.
func (f *Fields) next() *Header {
	n := len(f.Headers)
	if n == cap(f.Headers) {
		f.Headers = slices.Grow(f.Headers, 1)
	}
	return &f.Headers[:n+1][n]
}

// commit takes h, which next returned, into f.
func (f *Fields) commit(h *Header) {
	f.Headers = f.Headers[:len(f.Headers)+1]
	if id := h.ID; id != HeaderUnknown {
		if f.Known.Has(id) {
			f.Repeated.add(id)
		}
		f.Known.add(id)
	}
	f.Odd |= h.Flags
}

// Add appends a field that does not come from a parser of this package, and
// keeps the sets. ID and Flags are what ClassifyName gives for the name.
func (f *Fields) Add(h Header) {
	p := f.next()
	*p = h
	f.commit(p)
}

const (
	foldBits  = 0x2020202020202020
	alphaBits = 0x4040404040404040
)

// LookupHeader returns the identifier of name, letters compared without case,
// or HeaderUnknown.
//
// A name is read as up to four words, the last one overlapping the one before
// it. The first and the last word and the length select, by a multiplicative
// hash that headergen has made collision-free, the one candidate; then its
// words are compared. A candidate's bytes are letters (bit 0x40 set) or digits
// and '-' (bit clear), so that the candidate itself tells which bits of the
// name to ignore.
func LookupHeader(name []byte) HeaderID {
	n := len(name)
	var first, last uint64
	switch {
	case n > headerMaxLen:
		return HeaderUnknown
	case n >= 8:
		first = binary.LittleEndian.Uint64(name)
		last = binary.LittleEndian.Uint64(name[n-8:])
	case n >= 4:
		first = uint64(binary.LittleEndian.Uint32(name)) | uint64(binary.LittleEndian.Uint32(name[n-4:]))<<32
		last = first
	case n >= 2:
		first = uint64(name[0]) | uint64(name[1])<<8 | uint64(name[n-1])<<16
		last = first
	default:
		return HeaderUnknown
	}
	h := ((first | foldBits) + bits.RotateLeft64(last|foldBits, 23) + uint64(n)) * headerHashMul
	id := HeaderID(headerSlots[h>>headerHashShift])
	k := &headerKeys[id%headerKeyCount]
	if k.size != n || !sameFold(first, k.first) || !sameFold(last, k.last) {
		return HeaderUnknown
	}
	if n > 16 && !sameFold(binary.LittleEndian.Uint64(name[8:]), k.second) {
		return HeaderUnknown
	}
	if n > 24 && !sameFold(binary.LittleEndian.Uint64(name[16:]), k.third) {
		return HeaderUnknown
	}
	return id
}

// headerKey is a well-known name in lower case, cut into words as LookupHeader
// reads them: first and last of every name, second of those above 16 bytes,
// third of those above 24.
type headerKey struct {
	first, second, third, last uint64
	size                       int
}

// sameFold reports whether the eight bytes w equal the lower-case key word k
// without regard to letter case.
func sameFold(w, k uint64) bool { return w|(k&alphaBits)>>1 == k }

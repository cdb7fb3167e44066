package http

import (
	"weir/netio/buf"
	"weir/netio/http1"
)

// Headers is an ordered list of header fields over one block of bytes. The
// fields are Spans, so the block may move when it grows. The request header
// starts out sharing the connection's read buffer and is copied before the
// first change; the response header has a block of its own.
//
// Field names keep their spelling; fields the core knows also carry their
// HeaderID, and looking those up costs one array access.
type Headers struct {
	block  []byte
	list   []http1.Header
	first  [http1.HeaderCount]uint16 // 1 + index of the first live field with that ID
	shared bool                      // block is not ours to write to
	live   int                       // fields not deleted
}

// reset forgets all fields and keeps memory for the next request.
func (h *Headers) reset() {
	if len(h.list) == 0 {
		return
	}
	if h.shared {
		h.block = nil
		h.shared = false
	}
	h.block = h.block[:0]
	h.list = h.list[:0]
	h.live = 0
	clear(h.first[:])
}

// adopt takes fields that were parsed out of block, which stays the caller's:
// it must live as long as the request or be replaced by own.
func (h *Headers) adopt(block []byte, list []http1.Header) {
	h.block, h.list, h.shared = block, list, true
	h.live = len(list)
	for i := len(list) - 1; i >= 0; i-- {
		h.first[list[i].ID] = uint16(i + 1)
	}
	h.first[http1.HeaderUnknown] = 0
}

// own makes the block writable.
func (h *Headers) own() {
	if !h.shared {
		return
	}
	b := make([]byte, len(h.block), len(h.block)+512)
	copy(b, h.block)
	h.block, h.shared = b, false
}

// Len returns the number of places in the list, deleted ones included; use
// it with Field.
func (h *Headers) Len() int { return len(h.list) }

// Count returns the number of fields that are not deleted.
func (h *Headers) Count() int { return h.live }

// Field returns field i in order; ok is false for a deleted one. The bytes
// are valid until the next change of h.
func (h *Headers) Field(i int) (name, value []byte, id http1.HeaderID, ok bool) {
	f := &h.list[i]
	if f.Flags&fieldDeleted != 0 {
		return nil, nil, 0, false
	}
	return f.Name.Of(h.block), f.Value.Of(h.block), f.ID, true
}

// fieldDeleted marks a field that is no longer part of the list; it is a bit
// of http1.Header.Flags that the parser does not use.
const fieldDeleted = 1 << 15

// Get returns the value of the first field with that ID, nil if there is
// none. An empty value is non-nil.
func (h *Headers) Get(id http1.HeaderID) []byte {
	i := h.first[id]
	if i == 0 {
		return nil
	}
	f := &h.list[i-1]
	return h.block[f.Value.Off:f.Value.End:f.Value.End]
}

// Has reports whether there is a field with that ID.
func (h *Headers) Has(id http1.HeaderID) bool { return h.first[id] != 0 }

// Lookup returns the value of the first field called name, compared without
// case, nil if there is none.
func (h *Headers) Lookup(name []byte) []byte {
	if id := http1.LookupHeader(name); id != http1.HeaderUnknown {
		return h.Get(id)
	}
	for i := range h.list {
		f := &h.list[i]
		if f.ID == http1.HeaderUnknown && f.Flags&fieldDeleted == 0 && equalFold(f.Name.Of(h.block), name) {
			return f.Value.Of(h.block)
		}
	}
	return nil
}

// Next returns the index of the next field called name at or after from, -1
// if there is none.
func (h *Headers) Next(name []byte, from int) int {
	for i := from; i < len(h.list); i++ {
		f := &h.list[i]
		if f.Flags&fieldDeleted == 0 && f.Name.Len() == len(name) && equalFold(f.Name.Of(h.block), name) {
			return i
		}
	}
	return -1
}

// AddID appends a well-known field.
func (h *Headers) AddID(id http1.HeaderID, value []byte) {
	h.add(id, id.String(), nil, value)
}

// Add appends a field; name keeps its spelling.
func (h *Headers) Add(name, value []byte) {
	h.add(http1.LookupHeader(name), "", name, value)
}

// AddAs appends a field whose ID the caller knows already: that of name, or
// HeaderUnknown.
func (h *Headers) AddAs(id http1.HeaderID, name, value []byte) {
	h.add(id, "", name, value)
}

// AddPlain appends a field that stands for nothing but itself: even one with a
// well-known name is neither found by its ID nor replaced by what the core
// writes of that name. It is what add_header adds.
func (h *Headers) AddPlain(name, value []byte) { h.add(http1.HeaderUnknown, "", name, value) }

func (h *Headers) add(id http1.HeaderID, sname string, name, value []byte) {
	h.own()
	at := uint32(len(h.block))
	if name != nil {
		h.block = append(h.block, name...)
	} else {
		h.block = append(h.block, sname...)
	}
	mid := uint32(len(h.block))
	h.block = append(h.block, value...)
	end := uint32(len(h.block))
	h.list = append(h.list, http1.Header{ID: id, Name: buf.Span{Off: at, End: mid}, Value: buf.Span{Off: mid, End: end}})
	h.live++
	if id != http1.HeaderUnknown && h.first[id] == 0 {
		h.first[id] = uint16(len(h.list))
	}
}

// SetID replaces all fields with that ID by one.
func (h *Headers) SetID(id http1.HeaderID, value []byte) {
	if i := h.first[id]; i != 0 && h.list[i-1].Value.Len() == len(value) && !h.shared {
		h.deleteFrom(id, int(i))
		copy(h.list[i-1].Value.Of(h.block), value)
		return
	}
	h.DelID(id)
	h.AddID(id, value)
}

// Set replaces all fields called name by one.
func (h *Headers) Set(name, value []byte) {
	h.Del(name)
	h.Add(name, value)
}

// DelID removes all fields with that ID.
func (h *Headers) DelID(id http1.HeaderID) {
	if i := h.first[id]; i != 0 {
		h.deleteFrom(id, int(i)-1)
		h.first[id] = 0
	}
}

// deleteFrom marks fields with that ID at or after list index i as deleted.
func (h *Headers) deleteFrom(id http1.HeaderID, i int) {
	for ; i < len(h.list); i++ {
		if h.list[i].ID == id && h.list[i].Flags&fieldDeleted == 0 {
			h.list[i].Flags |= fieldDeleted
			h.live--
		}
	}
}

// Del removes all fields called name.
func (h *Headers) Del(name []byte) {
	if id := http1.LookupHeader(name); id != http1.HeaderUnknown {
		h.DelID(id)
		return
	}
	for i := h.Next(name, 0); i >= 0; i = h.Next(name, i+1) {
		h.DelAt(i)
	}
}

// DelAt removes the field at index i.
func (h *Headers) DelAt(i int) {
	f := &h.list[i]
	if f.Flags&fieldDeleted != 0 {
		return
	}
	f.Flags |= fieldDeleted
	h.live--
	if f.ID == http1.HeaderUnknown || int(h.first[f.ID]) != i+1 {
		return
	}
	h.first[f.ID] = 0
	for j := i + 1; j < len(h.list); j++ {
		if h.list[j].ID == f.ID && h.list[j].Flags&fieldDeleted == 0 {
			h.first[f.ID] = uint16(j + 1)
			return
		}
	}
}

// equalFold compares ASCII without case. a and b may differ in length.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

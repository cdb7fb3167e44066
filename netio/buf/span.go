package buf

// Span is a half-open range [Off, End) of bytes inside one buffer. It stays
// valid when the buffer is copied to a larger one, which a slice would not:
// parsers hand out Spans and the owner of the buffer turns them into bytes
// with Of. The zero Span is empty.
type Span struct {
	Off, End uint32
}

// Of returns the bytes of b that s covers. They are valid as long as b is.
func (s Span) Of(b []byte) []byte { return b[s.Off:s.End:s.End] }

// Len returns the number of bytes covered.
func (s Span) Len() int { return int(s.End - s.Off) }

// Empty reports whether s covers no byte.
func (s Span) Empty() bool { return s.End == s.Off }

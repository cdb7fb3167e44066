package http1

import (
	"math"
	"strconv"

	"weir/netio/buf"
)

// ChunkedOptions are the caller's rules for one chunked body.
type ChunkedOptions struct {
	// MaxExtension bounds the bytes of chunk extensions in the whole body, in
	// excess of its data; 0 means DefaultMaxExtension. Extensions are skipped.
	MaxExtension int
	// MaxTrailer bounds the bytes of the trailer section when it is skipped; 0
	// means DefaultMaxTrailer.
	MaxTrailer int
	// KeepTrailers makes Next return Trailers behind the last chunk, instead
	// of checking and skipping the trailer section.
	KeepTrailers bool
	// AllowPadding accepts spaces and tabs between a chunk size and its CRLF,
	// as some old servers send them and nginx takes them.
	AllowPadding bool
}

// Limits of a ChunkedReader whose options leave them open.
const (
	DefaultMaxExtension = 4 << 10
	DefaultMaxTrailer   = 8 << 10
)

// ChunkedReader takes a chunked body apart (RFC 9112 section 7.1). It is
// resumable at any byte and keeps no reference to what it was given.
type ChunkedReader struct {
	left    int64 // of the current chunk's data
	total   int64 // decoded so far, as announced by chunk sizes
	ext     int64 // bytes of extensions so far
	trailer int   // bytes of the trailer section so far
	digits  int   // of the size being read
	state   chunkState
	opt     ChunkedOptions
}

// Reset makes c ready for a new body.
func (c *ChunkedReader) Reset(opt ChunkedOptions) {
	if opt.MaxExtension == 0 {
		opt.MaxExtension = DefaultMaxExtension
	}
	if opt.MaxTrailer == 0 {
		opt.MaxTrailer = DefaultMaxTrailer
	}
	*c = ChunkedReader{opt: opt}
}

// Total returns the sum of the chunk sizes read so far, the current chunk's
// included: a body limit can be applied before the data arrives.
func (c *ChunkedReader) Total() int64 { return c.total }

// Left returns how much data of the current chunk is still to come.
func (c *ChunkedReader) Left() int64 { return c.left }

// Next reads on in b, the bytes that follow what has been consumed. data is the
// next range of body data in b, consumed how many bytes of b are dealt with,
// data included. The caller goes on with b[consumed:] until
//
//   - More with empty data: b is used up, more bytes are needed;
//   - Done: the body ends at consumed;
//   - Trailers: with KeepTrailers, the trailer section begins at consumed;
//   - BadChunk, BadHeader (in a trailer) or ChunkTooLong: the body is broken.
func (c *ChunkedReader) Next(b []byte) (data buf.Span, consumed int, res Result) {
	for i := 0; i < len(b); {
		if c.state == chunkData {
			n := int(min(int64(len(b)-i), c.left))
			if c.left -= int64(n); c.left == 0 {
				c.state = chunkDataCR
			}
			return span(i, i+n), i + n, More
		}
		res = c.step(b[i])
		i++
		if res != More {
			return buf.Span{}, i, res
		}
	}
	return buf.Span{}, len(b), More
}

// chunkState is the place in the coding that the next byte belongs to:
//
//	Size ─(BWS)─ Pad ─(;)─ Ext ─(CR)─ SizeLF ─┬─ Data ─ DataCR ─ DataLF ─> Size
//	                                          └─ (size 0) TrailerStart ─(CR)─ EndLF ─> Done
//	                                     TrailerName ─ TrailerValue ─ TrailerLF ─> TrailerStart
type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkPad
	chunkExt
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailerStart
	chunkTrailerName
	chunkTrailerValue
	chunkTrailerLF
	chunkEndLF
	chunkDone
)

// step takes one byte that is not data.
func (c *ChunkedReader) step(ch byte) Result {
	switch c.state {
	case chunkSize:
		return c.sizeByte(ch)
	case chunkPad, chunkExt:
		return c.extByte(ch)
	case chunkSizeLF:
		if ch != '\n' {
			return BadChunk
		}
		return c.sizeEnd()
	case chunkDataCR:
		if ch != '\r' {
			return BadChunk
		}
		c.state = chunkDataLF
		return More
	case chunkDataLF:
		if ch != '\n' {
			return BadChunk
		}
		c.state = chunkSize
		return More
	case chunkDone:
		return BadChunk
	}
	return c.trailerByte(ch)
}

// sizeByte takes a byte of the chunk size: digits only, no more of them than an
// int64 can have.
func (c *ChunkedReader) sizeByte(ch byte) Result {
	if d := hexDigit[ch]; d <= 15 {
		if c.digits++; c.digits > 16 || c.left > math.MaxInt64>>4 {
			return BadChunk
		}
		c.left = c.left<<4 | int64(d)
		return More
	}
	switch {
	case c.digits == 0:
		return BadChunk
	case ch == '\r':
		c.state = chunkSizeLF
		return More
	case ch == ';' || ch == ' ' || ch == '\t':
		c.state = chunkPad
		return c.extByte(ch)
	}
	return BadChunk
}

// extByte takes a byte between the size and its line end.
func (c *ChunkedReader) extByte(ch byte) Result {
	switch {
	case ch == '\r' && (c.state == chunkExt || c.opt.AllowPadding):
		c.state = chunkSizeLF
		return More
	case c.state == chunkPad && ch == ';':
		c.state = chunkExt
	case c.state == chunkPad && ch != ' ' && ch != '\t':
		return BadChunk
	case ch < ' ' && ch != '\t' || ch == 0x7f:
		return BadChunk
	}
	if c.ext++; c.ext-c.total > int64(c.opt.MaxExtension) {
		return ChunkTooLong
	}
	return More
}

// sizeEnd acts on a complete size line.
func (c *ChunkedReader) sizeEnd() Result {
	c.digits = 0
	if c.left > 0 {
		if c.total > math.MaxInt64-c.left {
			return BadChunk
		}
		c.total += c.left
		c.state = chunkData
		return More
	}
	if c.opt.KeepTrailers {
		c.state = chunkDone
		return Trailers
	}
	c.state = chunkTrailerStart
	return More
}

// trailerByte checks a byte of a trailer section that is skipped, by the rules
// of FieldParser without Options.
func (c *ChunkedReader) trailerByte(ch byte) Result {
	if c.trailer++; c.trailer > c.opt.MaxTrailer {
		return ChunkTooLong
	}
	switch c.state {
	case chunkTrailerStart:
		if ch == '\r' {
			c.state = chunkEndLF
			return More
		}
		if class[ch]&classNoName != 0 {
			return BadHeader
		}
		c.state = chunkTrailerName
	case chunkTrailerName:
		if ch == ':' {
			c.state = chunkTrailerValue
		} else if class[ch]&classNoName != 0 {
			return BadHeader
		}
	case chunkTrailerValue:
		if ch == '\r' {
			c.state = chunkTrailerLF
		} else if ch < ' ' && ch != '\t' || ch == 0x7f {
			return BadHeader
		}
	case chunkTrailerLF:
		if ch != '\n' {
			return BadHeader
		}
		c.state = chunkTrailerStart
	case chunkEndLF:
		if ch != '\n' {
			return BadHeader
		}
		c.state = chunkDone
		return Done
	}
	return More
}

// LastChunk ends a chunked body that has no trailers. A body with trailers ends
// with "0\r\n", its field lines and an empty line.
const LastChunk = "0\r\n\r\n"

// AppendChunkHeader appends the line that opens a chunk of n bytes to dst. The
// data and a CRLF must follow it. n must be positive: a chunk of size 0 would
// end the body.
func AppendChunkHeader(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(dst, n, 16), '\r', '\n')
}

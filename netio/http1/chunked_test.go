package http1

import (
	"strings"
	"testing"
)

// decode runs b through c in parts of step bytes and returns the data, how many
// bytes were consumed and the last result.
func decode(c *ChunkedReader, b string, step int) (data string, consumed int, res Result) {
	var w strings.Builder
	for res = More; res == More && consumed < len(b); {
		part := []byte(b[consumed:min(consumed+step, len(b))])
		for len(part) > 0 && res == More {
			d, n, r := c.Next(part)
			w.Write(d.Of(part))
			part, consumed, res = part[n:], consumed+n, r
		}
	}
	return w.String(), consumed, res
}

func TestChunked(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, tc := range []struct {
		name, in string
		opt      ChunkedOptions
		data     string
		rest     string // not consumed
		want     Result
	}{
		{name: "one chunk", in: "5\r\nhello\r\n0\r\n\r\n", data: "hello", want: Done},
		{name: "what follows is left", in: "5\r\nhello\r\n0\r\n\r\nGET /", data: "hello", rest: "GET /", want: Done},
		{name: "two chunks", in: "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", data: "hello world", want: Done},
		{name: "line ends inside the data", in: "4\r\n\r\n\r\n\r\n0\r\n\r\n", data: "\r\n\r\n", want: Done},
		{name: "hexadecimal in both cases", in: "1a\r\n" + long[:26] + "\r\n1A\r\n" + long[:26] + "\r\n0\r\n\r\n", data: long[:52], want: Done},
		{name: "leading zeros", in: "0005\r\nhello\r\n000\r\n\r\n", data: "hello", want: Done},
		{name: "sixteen digits", in: "0000000000000001\r\nx\r\n0\r\n\r\n", data: "x", want: Done},
		{name: "empty body", in: "0\r\n\r\n", want: Done},
		{name: "extension", in: "5;a=b;c=\"d;\te\"\r\nhello\r\n0;last\r\n\r\n", data: "hello", want: Done},
		{name: "space before an extension", in: "5 \t;a\r\nhello\r\n0\r\n\r\n", data: "hello", want: Done},
		{name: "trailers", in: "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\nrest", data: "x", rest: "rest", want: Done},
		{name: "trailers kept", in: "1\r\nx\r\n0\r\nA: b\r\n\r\n", opt: ChunkedOptions{KeepTrailers: true}, data: "x", rest: "A: b\r\n\r\n", want: Trailers},
		{name: "padded size with the option", in: "1  \r\nx\r\n0 \r\n\r\n", opt: ChunkedOptions{AllowPadding: true}, data: "x", want: Done},
		{name: "extension within the limit", in: "1;" + long[:9] + "\r\nx\r\n0\r\n\r\n", opt: ChunkedOptions{MaxExtension: 10}, data: "x", want: Done},
		{name: "data earns extensions", in: "a\r\n0123456789\r\n1;" + long[:19] + "\r\nx\r\n0\r\n\r\n", opt: ChunkedOptions{MaxExtension: 10}, data: "0123456789x", want: Done},
		{name: "trailers within the limit", in: "0\r\nA: b\r\n\r\n", opt: ChunkedOptions{MaxTrailer: 8}, want: Done},

		{name: "no size", in: "\r\nhello", rest: "\nhello", want: BadChunk},
		{name: "minus sign", in: "-5\r\nhello\r\n", rest: "5\r\nhello\r\n", want: BadChunk},
		{name: "plus sign", in: "+5\r\nhello\r\n", rest: "5\r\nhello\r\n", want: BadChunk},
		{name: "prefix", in: "0x5\r\nhello", rest: "5\r\nhello", want: BadChunk},
		{name: "underscore", in: "1_0\r\n", rest: "0\r\n", want: BadChunk},
		{name: "leading space", in: " 5\r\nhello", rest: "5\r\nhello", want: BadChunk},
		{name: "padded size", in: "5 \r\nhello", rest: "\nhello", want: BadChunk},
		{name: "two sizes", in: "5 5\r\nhello", rest: "\r\nhello", want: BadChunk},
		{name: "letter behind the size", in: "5g\r\nhello", rest: "\r\nhello", want: BadChunk},
		{name: "seventeen digits", in: "00000000000000001\r\nx", rest: "\r\nx", want: BadChunk},
		{name: "size above int64", in: "8000000000000000\r\nx", rest: "\r\nx", want: BadChunk},
		{name: "size above uint64", in: "10000000000000005\r\nhello", rest: "\r\nhello", want: BadChunk},
		{name: "sum above int64", in: "1\r\nx\r\n7fffffffffffffff\r\nx", data: "x", rest: "x", want: BadChunk},
		{name: "bare LF behind the size", in: "5\nhello\r\n0\r\n\r\n", rest: "hello\r\n0\r\n\r\n", want: BadChunk},
		{name: "bare CR behind the size", in: "5\rhello", rest: "ello", want: BadChunk},
		{name: "bare LF in an extension", in: "5;a\nhello", rest: "hello", want: BadChunk},
		{name: "bare CR in an extension", in: "5;a\rb\r\nhello", rest: "\r\nhello", want: BadChunk},
		{name: "NUL in an extension", in: "5;a\x00\r\nhello", rest: "\r\nhello", want: BadChunk},
		{name: "data longer than announced", in: "4\r\nSEE-THIS\r\n0\r\n\r\n", data: "SEE-", rest: "HIS\r\n0\r\n\r\n", want: BadChunk},
		{name: "data shorter than announced", in: "7\r\nhello\r\n0\r\n\r\n", data: "hello\r\n", rest: "\r\n\r\n", want: BadChunk},
		{name: "bare LF behind the data", in: "5\r\nhello\n0\r\n\r\n", data: "hello", rest: "0\r\n\r\n", want: BadChunk},
		{name: "bare CR behind the data", in: "5\r\nhello\r0\r\n\r\n", data: "hello", rest: "\r\n\r\n", want: BadChunk},
		{name: "bare LF behind the last chunk", in: "0\n\n", rest: "\n", want: BadChunk},
		{name: "bare LF for the last line", in: "0\r\n\nx", rest: "x", want: BadHeader},
		{name: "trailer without colon", in: "0\r\nGET\r\n\r\n", rest: "\n\r\n", want: BadHeader},
		{name: "request instead of trailers", in: "0\r\nGET / HTTP/1.1\r\n", rest: "/ HTTP/1.1\r\n", want: BadHeader},
		{name: "space before the colon of a trailer", in: "0\r\nA : b\r\n\r\n", rest: ": b\r\n\r\n", want: BadHeader},
		{name: "folded trailer", in: "0\r\nA: b\r\n c\r\n\r\n", rest: "c\r\n\r\n", want: BadHeader},
		{name: "empty trailer name", in: "0\r\n: b\r\n\r\n", rest: " b\r\n\r\n", want: BadHeader},
		{name: "NUL in a trailer", in: "0\r\nA: \x00\r\n\r\n", rest: "\r\n\r\n", want: BadHeader},
		{name: "bare LF in a trailer", in: "0\r\nA: b\nC: d\r\n\r\n", rest: "C: d\r\n\r\n", want: BadHeader},
		{name: "bare CR in a trailer", in: "0\r\nA: b\rC: d\r\n\r\n", rest: ": d\r\n\r\n", want: BadHeader},
		{name: "extension above the limit", in: "1;" + long[:10] + "\r\n", opt: ChunkedOptions{MaxExtension: 10}, rest: "\r\n", want: ChunkTooLong},
		{name: "padding above the limit", in: "1" + strings.Repeat(" ", 11), opt: ChunkedOptions{MaxExtension: 10, AllowPadding: true}, want: ChunkTooLong},
		{name: "endless extension", in: "1;" + long, rest: long[DefaultMaxExtension:], want: ChunkTooLong},
		{name: "endless trailers", in: "0\r\n" + strings.Repeat("A: "+long+"\r\n", 3), rest: strings.Repeat("A: "+long+"\r\n", 3)[DefaultMaxTrailer+1:], want: ChunkTooLong},

		{name: "cut off within the data", in: "5\r\nhel", data: "hel", want: More},
		{name: "cut off before the last line", in: "5\r\nhello\r\n0\r\n", data: "hello", want: More},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, step := range []int{len(tc.in), 1, 2, 3, 7} {
				var c ChunkedReader
				c.Reset(tc.opt)
				data, consumed, res := decode(&c, tc.in, step)
				if data != tc.data || res != tc.want || tc.in[consumed:] != tc.rest {
					t.Errorf("%d bytes at a time: got %q, %v, rest %q\nwant %q, %v, rest %q",
						step, data, res, tc.in[consumed:], tc.data, tc.want, tc.rest)
				}
				if res == Done && c.Total() != int64(len(tc.data)) {
					t.Errorf("got total %d, want %d", c.Total(), len(tc.data))
				}
			}
		})
	}
}

func TestChunkedSplitAtEveryByteEqualsWhole(t *testing.T) {
	const in = "5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nX-T: 1\r\n\r\nnext"
	for split := range len(in) {
		var c ChunkedReader
		c.Reset(ChunkedOptions{})
		a, n, res := decode(&c, in[:split], split+1)
		if res == More {
			var b string
			var m int
			b, m, res = decode(&c, in[split:], len(in))
			a, n = a+b, n+m
		}
		if a != "hello0123456789abcdef" || in[n:] != "next" || res != Done {
			t.Errorf("split at %d: got %q, %v, rest %q", split, a, res, in[n:])
		}
	}
}

func TestChunkSizeIsKnownBeforeItsData(t *testing.T) {
	var c ChunkedReader
	c.Reset(ChunkedOptions{})
	c.Next([]byte("2\r\nab\r\n7fff0000\r\n"))
	_, n, res := c.Next([]byte("\r\n7fff0000\r\n"))
	if n != 12 || res != More || c.Total() != 2+0x7fff0000 || c.Left() != 0x7fff0000 {
		t.Errorf("got total %d, left %d", c.Total(), c.Left())
	}
}

func TestNothingIsReadBehindTheEnd(t *testing.T) {
	var c ChunkedReader
	c.Reset(ChunkedOptions{})
	if _, n, res := c.Next([]byte(LastChunk)); n != len(LastChunk) || res != Done {
		t.Fatalf("got %v at %d", res, n)
	}
	if _, _, res := c.Next([]byte("0")); res != BadChunk {
		t.Errorf("got %v, want %v", res, BadChunk)
	}
}

func TestTrailersAreFieldsForAFieldParser(t *testing.T) {
	in := []byte("1\r\nx\r\n0\r\nETag: a\r\nX-Sum: b\r\n\r\nrest")
	var c ChunkedReader
	c.Reset(ChunkedOptions{KeepTrailers: true})
	_, consumed, res := decode(&c, string(in), len(in))
	if res != Trailers {
		t.Fatalf("got %v, want %v", res, Trailers)
	}
	var p FieldParser
	p.Reset(consumed, Options{})
	var f Fields
	if res := p.Fields(in, &f); res != Done || string(in[p.Pos():]) != "rest" {
		t.Fatalf("got %v, rest %q", res, in[p.Pos():])
	}
	if got, want := describeFields(in, &f), "[ETag]=[a] [X-Sum]=[b]?"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestChunkHeader(t *testing.T) {
	for n, want := range map[int64]string{1: "1\r\n", 255: "ff\r\n", 65536: "10000\r\n", 1<<63 - 1: "7fffffffffffffff\r\n"} {
		if got := string(AppendChunkHeader(nil, n)); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

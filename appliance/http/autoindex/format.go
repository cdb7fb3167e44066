package autoindex

import (
	"strconv"
	"time"
	"unicode/utf8"

	"weir/appliance/http"
)

// nameWidth is how many columns a name takes in HTML; longer ones are cut.
const nameWidth = 50

// options of an HTML page.
type options struct {
	title     []byte // path of the directory
	exactSize bool
	utf8      bool  // count columns in characters
	offset    int64 // seconds to add to times
}

// appendHTML writes a page of the entries.
func appendHTML(b []byte, list []entry, o options) []byte {
	b = appendEscaped(append(b, "<html>\r\n<head><title>Index of "...), o.title)
	b = appendEscaped(append(b, "</title></head>\r\n<body>\r\n<h1>Index of "...), o.title)
	b = append(b, "</h1><hr><pre><a href=\"../\">../</a>\r\n"...)
	for i := range list {
		b = appendLine(b, &list[i], &o)
	}
	return append(b, "</pre><hr></body>\r\n</html>\r\n"...)
}

// appendLine writes one entry: a link, padding, date and size.
func appendLine(b []byte, e *entry, o *options) []byte {
	b = http.EscapeURI(append(b, "<a href=\""...), e.name, http.EscapeComponent)
	if e.dir {
		b = append(b, '/')
	}
	b = append(b, "\">"...)
	width, shown := cut(e.name, o.utf8)
	b = appendEscaped(b, shown)
	if width > nameWidth {
		b = append(b, "..&gt;</a>"...)
	} else {
		if e.dir && width < nameWidth {
			b = append(b, '/')
			width++
		}
		b = append(b, "</a>"...)
		for ; width < nameWidth; width++ {
			b = append(b, ' ')
		}
	}
	b = time.Unix(e.mtime+o.offset, 0).UTC().AppendFormat(append(b, ' '), "02-Jan-2006 15:04 ")
	switch {
	case e.dir && o.exactSize:
		b = append(b, "                  -"...)
	case e.dir:
		b = append(b, "      -"...)
	case o.exactSize:
		b = appendPadded(b, e.size, 19)
	default:
		b = appendRounded(b, e.size)
	}
	return append(b, "\r\n"...)
}

// cut returns the width of a name and the part of it that fits. A name that is
// not UTF-8 counts in bytes.
func cut(name []byte, inUTF8 bool) (width int, shown []byte) {
	width = len(name)
	if inUTF8 && utf8.Valid(name) {
		width = utf8.RuneCount(name)
	}
	if width <= nameWidth {
		return width, name
	}
	if width == len(name) {
		return width, name[:nameWidth-3]
	}
	end := 0
	for range nameWidth - 3 {
		_, n := utf8.DecodeRune(name[end:])
		end += n
	}
	return width, name[:end]
}

// appendPadded writes n right-aligned.
func appendPadded(b []byte, n int64, width int) []byte {
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	for range width - len(digits) {
		b = append(b, ' ')
	}
	return append(b, digits...)
}

// appendRounded writes a size in bytes up to 9999, then in K, M or G.
func appendRounded(b []byte, n int64) []byte {
	for _, u := range [...]struct {
		over, unit int64
		letter     byte
	}{{1<<30 - 1, 1 << 30, 'G'}, {1<<20 - 1, 1 << 20, 'M'}, {9999, 1 << 10, 'K'}} {
		if n > u.over {
			return append(appendPadded(b, (n+u.unit/2)/u.unit, 6), u.letter)
		}
	}
	return appendPadded(append(b, ' '), n, 6)
}

// appendEscaped writes text for HTML and XML.
func appendEscaped(b, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '&':
			b = append(b, "&amp;"...)
		case '"':
			b = append(b, "&quot;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// kind names the type of an entry.
func (e *entry) kind() string {
	switch {
	case e.dir:
		return "directory"
	case e.file:
		return "file"
	}
	return "other"
}

// appendJSON writes an array of objects, as the argument of a call when there
// is a callback.
func appendJSON(b []byte, list []entry, callback []byte) []byte {
	if len(callback) > 0 {
		b = append(append(append(b, "/* callback */\r\n"...), callback...), '(')
	}
	b = append(b, '[')
	for i := range list {
		e := &list[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONText(append(b, "\r\n{ \"name\":\""...), e.name)
		b = append(append(b, "\", \"type\":\""...), e.kind()...)
		b = http.AppendHTTPTime(append(b, "\", \"mtime\":\""...), e.mtime)
		b = append(b, '"')
		if e.file {
			b = strconv.AppendInt(append(b, ", \"size\":"...), e.size, 10)
		}
		b = append(b, " }"...)
	}
	b = append(b, "\r\n]"...)
	if len(callback) > 0 {
		b = append(b, ");"...)
	}
	return b
}

// appendJSONText writes the inside of a JSON string.
func appendJSONText(b, text []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c > 0x1f:
			b = append(b, c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// appendXML writes a list element.
func appendXML(b []byte, list []entry) []byte {
	b = append(b, "<?xml version=\"1.0\"?>\r\n<list>\r\n"...)
	for i := range list {
		e := &list[i]
		b = append(append(append(b, '<'), e.kind()...), " mtime=\""...)
		b = time.Unix(e.mtime, 0).UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
		if e.file {
			b = strconv.AppendInt(append(b, "\" size=\""...), e.size, 10)
		}
		b = appendEscaped(append(b, "\">"...), e.name)
		b = append(append(append(b, "</"...), e.kind()...), ">\r\n"...)
	}
	return append(b, "</list>\r\n"...)
}

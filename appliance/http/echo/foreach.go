package echo

import (
	"bytes"

	"weir/appliance/http"
)

// loop is an echo_foreach_split that runs.
type loop struct {
	on    bool
	body  int // first step behind echo_foreach_split
	at    int // part that $echo_it is
	parts [][]byte
}

// foreach is echo_foreach_split.
func (e *run) foreach(c *locConf, s *step) http.Code {
	r := e.r
	if e.each.on {
		r.Log(http.LogErr, "Nested echo_foreach not supported yet.")
		return http.StatusInternalServerError
	}
	if len(s.args) < 2 {
		r.Log(http.LogErr, "echo_foreach should take at least two arguments. "+
			"(if your delimiter starts with \"-\", preceding it with a \"--\".)")
		return http.StatusInternalServerError
	}
	e.each.parts = split(e.each.parts[:0], s.arg(r, 1), s.arg(r, 0))
	e.each.at, e.each.body = 0, e.next
	e.each.on = len(e.each.parts) > 0
	if e.each.on {
		return http.OK
	}
	for e.next < len(c.steps) {
		e.next++
		if c.steps[e.next-1].op == opEnd {
			break
		}
	}
	return http.OK
}

// split appends the parts of text between delimiters that are not empty.
func split(parts [][]byte, text, delimiter []byte) [][]byte {
	for len(text) > 0 {
		part := text
		i := -1
		if len(delimiter) > 0 {
			i = bytes.Index(text, delimiter)
		}
		if i < 0 {
			text = nil
		} else {
			part, text = text[:i], text[i+len(delimiter):]
		}
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// end is echo_end.
func (e *run) end() http.Code {
	if !e.each.on {
		e.r.Log(http.LogErr, "Found a echo_end that has no corresponding echo_foreach before it.")
		return http.Error
	}
	e.each.at++
	if e.each.at < len(e.each.parts) {
		e.next = e.each.body
		return http.OK
	}
	e.each.on = false
	return http.OK
}

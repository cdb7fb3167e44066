package charset

import (
	"bytes"

	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/http1"
)

// header decides what charset the response has and whether it is recoded.
func header(r *http.Request, next http.HeaderFilter) http.Code {
	m := main.Of(r.Generation())
	to, toIndex, rc := destination(r, m)
	if rc != http.OK {
		if rc == http.Declined {
			return next(r)
		}
		return rc
	}
	from, fromIndex, ok := source(r, m)
	switch {
	case !ok:
		return http.Error
	case from == nil, fromIndex == toIndex && fromIndex != unknown, fromIndex == toIndex && bytes.EqualFold(from, to):
		setCharset(r, to)
		return next(r)
	}
	if fromIndex != unknown && toIndex != unknown {
		if len(r.Out.Headers.Get(http1.HeaderContentEncoding)) > 0 {
			return next(r)
		}
		if t := m.tables[pair{fromIndex, toIndex}]; t != nil {
			setCharset(r, to)
			start(r, t)
			return next(r)
		}
	}
	r.Logf(http.LogErr, "no \"charset_map\" between the charsets \"%s\" and \"%s\"", from, to)
	return next(r)
}

// destination is the charset the response is to have; Declined: leave it
// alone. A subrequest follows its main request.
func destination(r *http.Request, m *mainConf) (name []byte, index int, rc http.Code) {
	if r.IsSubrequest() {
		if name = charsetOf(r.Main()); len(name) == 0 {
			return nil, unknown, http.Declined
		}
		return name, m.index(name), http.OK
	}
	c := loc.Of(r)
	if len(r.Out.ContentType) == 0 || c.charset.V.off {
		return nil, unknown, http.Declined
	}
	if len(charsetOf(r)) > 0 {
		if !c.override.V {
			return nil, unknown, http.Declined
		}
	} else if !c.types.V.Has(r.Out.ContentType) {
		return nil, unknown, http.Declined
	}
	name, index, ok := c.charset.V.value(r, m)
	if !ok {
		return nil, unknown, http.Error
	}
	return name, index, http.OK
}

// source is the charset the body is in, nil when nobody says.
func source(r *http.Request, m *mainConf) (name []byte, index int, ok bool) {
	if name = charsetOf(r); len(name) > 0 {
		return name, m.index(name), true
	}
	c := loc.Of(r)
	if c.source.V.off {
		return nil, unknown, true
	}
	return c.source.V.value(r, m)
}

// charsetOf is the charset that the response names, by itself or as a
// parameter of the Content-Type that a backend has sent.
func charsetOf(r *http.Request) []byte {
	if len(r.Out.Charset) > 0 {
		return r.Out.Charset
	}
	_, params, ok := bytes.Cut(r.Out.ContentType, semicolon)
	for ok {
		var p []byte
		p, params, ok = bytes.Cut(params, semicolon)
		p = bytes.TrimSpace(p)
		if n := len(parameter); len(p) > n && bytes.EqualFold(p[:n], parameter) {
			return bytes.Trim(p[n:], `"`)
		}
	}
	return nil
}

var semicolon, parameter = []byte(";"), []byte("charset=")

// setCharset names the charset. A redirect has none: old browsers took it for
// that of the page they were sent to.
func setCharset(r *http.Request, name []byte) {
	if r.IsSubrequest() {
		return
	}
	if r.Out.Status == int(http.StatusMovedPermanently) || r.Out.Status == int(http.StatusFound) {
		r.Out.Charset = nil
		return
	}
	r.Out.ContentType = http.MediaType(r.Out.ContentType)
	r.Out.Charset = name
}

// recoding is the state of a response that is recoded.
type recoding struct {
	pool *buf.Pool
	t    *table
	rest []byte // of an incomplete UTF-8 character, in room
	room [4]byte
	out  http.Chain // being passed on; empty between calls
	// held are the links whose recoded copies are on their way, in order.
	held http.Chain
}

func start(r *http.Request, t *table) {
	c := &recoding{pool: r.Worker().Buffers, t: t}
	state.Set(r, c)
	r.Cleanup(drop, c)
	r.NeedInMemory()
	if t.utf8Involved() && !r.IsSubrequest() {
		r.Out.ContentLength = -1
	}
}

// drop is the request's cleanup.
func drop(data any) {
	c := data.(*recoding)
	c.pool.DoneChain(&c.out) // what a filter behind has refused
}

// recode moves in to c.out with its bytes recoded.
func (c *recoding) recode(in *http.Chain) {
	for l := in.Pop(); l != nil; l = in.Pop() {
		if l.File != nil || l.Pipe != nil || len(l.Mem) == 0 {
			c.out.Append(l)
			continue
		}
		src := l.Mem
		b := c.pool.Get(c.t.most(src) + entityLen)
		b, src = c.complete(b, src)
		var rest []byte
		b, rest = c.t.appendTo(b, src)
		if len(rest) > 0 {
			c.rest = c.room[:copy(c.room[:], rest)]
		}
		n := c.pool.BufferLink(b, b)
		n.Owner, n.Flags = c, l.Flags
		if len(b) == 0 && n.Flags&buf.Special == 0 {
			n.Flags |= buf.Sync
		}
		c.held.Append(l)
		c.out.Append(n)
	}
}

// complete finishes a character of which c.rest is the beginning.
func (c *recoding) complete(b, src []byte) (out, left []byte) {
	if len(c.rest) == 0 {
		return b, src
	}
	head := len(c.rest)
	taken := copy(c.room[head:], src)
	b, rest := c.t.appendTo(b, c.room[:head+taken])
	if len(rest) > taken { // still incomplete, and src is used up
		c.rest = c.room[:copy(c.room[:], rest)]
		return b, nil
	}
	c.rest = nil
	return b, src[taken-len(rest):]
}

// LinkDone implements buf.Owner: a copy has been sent, so its original may go.
func (c *recoding) LinkDone(l *buf.Link) {
	c.pool.Free(l)
	if o := c.held.Pop(); o != nil {
		c.pool.Done(o)
	}
}

package proxy

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/buf"
	"weir/netio/http1"
)

// program writes the fields of a request head: what proxy_set_header and the
// defaults say, in order. Text that does not depend on the request is joined
// into one piece.
type program struct {
	parts []part
	skip  http1.HeaderSet // client fields that are not passed on
	names []string        // those without an ID, in lower case
	// unframed says that proxy_set_header takes Content-Length away: a body
	// would be read as another request, so none is sent.
	unframed bool
}

// part is one step of a program.
type part struct {
	kind  partKind
	lit   []byte // whole lines, or "Name: " before a value
	value *http.Complex
}

type partKind uint8

const (
	partLiteral partKind = iota
	partValue            // lit, value and a line end; nothing when the value is empty
	partHost             // a Host that falls back to the target's when empty
	partTargetHost
	partLength // Content-Length of the body that is sent
	partCoding // Transfer-Encoding of the body that is sent
)

// defaults are the fields that a location without proxy_set_header for them
// sets: an empty value drops the client's field.
var defaults = []struct {
	name string
	kind partKind
}{
	{"Connection", partLiteral}, {"Proxy-Connection", partLiteral}, {"Content-Length", partLength},
	{"Transfer-Encoding", partCoding}, {"TE", partLiteral}, {"Keep-Alive", partLiteral}, {"Expect", partLiteral},
	{"Upgrade", partLiteral},
}

// compile makes the program of a location.
func compile(b *http.Builder, c *locConf) (*program, error) {
	p := &program{}
	skip := []http1.HeaderID{http1.HeaderHost}
	drop := func(name string) {
		if id := headerID(name); id != http1.HeaderUnknown {
			skip = append(skip, id)
		} else {
			p.names = append(p.names, strings.ToLower(name))
		}
	}
	if err := p.addHost(b, c); err != nil {
		return nil, err
	}
	set := make(map[string]bool)
	for _, h := range c.headers {
		if strings.EqualFold(h.Key, "Host") {
			continue
		}
		set[strings.ToLower(h.Key)] = true
		drop(h.Key)
		if h.Value == "" && headerID(h.Key) == http1.HeaderContentLength {
			p.unframed = true
		}
		if err := p.addValue(b, h); err != nil {
			return nil, err
		}
	}
	for _, d := range defaults {
		if set[strings.ToLower(d.name)] {
			continue
		}
		drop(d.name)
		if d.kind != partLiteral {
			p.parts = append(p.parts, part{kind: d.kind})
		}
	}
	p.skip = http1.SetOf(skip...)
	return p, nil
}

// addHost adds the Host field: the last one of proxy_set_header, or that of
// the target.
func (p *program) addHost(b *http.Builder, c *locConf) error {
	var value *http.Complex
	for _, h := range c.headers {
		if !strings.EqualFold(h.Key, "Host") {
			continue
		}
		v, err := b.CompileComplex(h.Value)
		if err != nil {
			return err
		}
		value = v
	}
	switch {
	case value == nil && c.pass.value == nil:
		p.literal("Host: " + c.pass.host + "\r\n")
	case value == nil:
		p.parts = append(p.parts, part{kind: partTargetHost})
	default:
		p.parts = append(p.parts, part{kind: partHost, value: value})
	}
	return nil
}

func (p *program) addValue(b *http.Builder, h conf.KeyVal) error {
	if h.Value == "" {
		return nil
	}
	v, err := b.CompileComplex(h.Value)
	if err != nil {
		return err
	}
	if text, ok := v.Constant(); ok {
		p.literal(h.Key + ": " + string(text) + "\r\n")
		return nil
	}
	p.parts = append(p.parts, part{kind: partValue, lit: []byte(h.Key + ": "), value: v})
	return nil
}

// literal appends text, joining it with literal text before.
func (p *program) literal(text string) {
	if n := len(p.parts); n > 0 && p.parts[n-1].kind == partLiteral {
		p.parts[n-1].lit = append(p.parts[n-1].lit, text...)
		return
	}
	p.parts = append(p.parts, part{kind: partLiteral, lit: []byte(text)})
}

// passes reports whether a client field goes on.
func (p *program) passes(id http1.HeaderID, name []byte) bool {
	if id != http1.HeaderUnknown {
		return !p.skip.Has(id)
	}
	for _, n := range p.names {
		if http1.EqualFold(name, n) {
			return false
		}
	}
	return true
}

// copyFields writes the client's fields that go on.
func (p *program) copyFields(w *writer, in *http.Headers) {
	for i, n := 0, in.Len(); i < n; i++ {
		if name, value, id, ok := in.Field(i); ok && p.passes(id, name) {
			w.field(name, value)
		}
	}
}

// writer builds a head in one pooled buffer.
type writer struct {
	b    []byte
	pool *buf.Pool
}

// room makes sure that n more bytes fit.
func (w *writer) room(n int) {
	if len(w.b)+n <= cap(w.b) {
		return
	}
	b := append(w.pool.Get(2*cap(w.b)+n), w.b...)
	w.pool.Put(w.b)
	w.b = b
}

func (w *writer) bytes(p []byte) {
	w.room(len(p))
	w.b = append(w.b, p...)
}

func (w *writer) text(s string) {
	w.room(len(s))
	w.b = append(w.b, s...)
}

// field writes a whole line.
func (w *writer) field(name, value []byte) {
	w.room(len(name) + len(value) + 4)
	b := append(w.b, name...)
	b = append(b, ':', ' ')
	b = append(b, value...)
	w.b = append(b, '\r', '\n')
}

// run writes the program's fields.
func (p *program) run(w *writer, x *upstream.Exchange, c *locConf) {
	for i := range p.parts {
		s := &p.parts[i]
		switch s.kind {
		case partLiteral:
			w.bytes(s.lit)
		case partValue:
			if v := s.value.Eval(x.R); len(v) > 0 {
				w.bytes(s.lit)
				w.line(v)
			}
		case partHost:
			v := s.value.Eval(x.R)
			if len(v) == 0 && c.version.V >= 1001 {
				w.text("Host: ")
				w.text(hostOf(x, c))
				w.text("\r\n")
			} else if len(v) > 0 {
				w.text("Host: ")
				w.line(v)
			}
		case partTargetHost:
			w.text("Host: ")
			w.text(hostOf(x, c))
			w.text("\r\n")
		case partLength:
			if x.BodyLength >= 0 {
				w.text("Content-Length: ")
				w.room(24)
				w.b = appendInt(w.b, x.BodyLength)
				w.text("\r\n")
			}
		case partCoding:
			if x.ChunkedOut {
				w.text("Transfer-Encoding: chunked\r\n")
			}
		}
	}
}

// line writes a value and a line end. Values come from variables, too, and a
// decoded path may hold a line end that would begin another field: nothing
// from there on is passed (nginx passes it).
func (w *writer) line(v []byte) {
	if !http1.ValidValue(v) {
		for i, c := range v {
			if c == '\r' || c == '\n' || c == 0 {
				v = v[:i]
				break
			}
		}
	}
	w.bytes(v)
	w.text("\r\n")
}

// target writes a part of the request target. Bytes that would end it are
// escaped, wherever they come from.
func (w *writer) target(v []byte) {
	w.room(3 * len(v))
	b := w.b
	for _, c := range v {
		if c <= ' ' || c == 0x7f {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
			continue
		}
		b = append(b, c)
	}
	w.b = b
}

const hexDigits = "0123456789ABCDEF"

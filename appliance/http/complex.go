package http

import (
	"strings"

	"weir/appliance/conf"
)

// Complex is a compiled parameter that may contain variables: "/img/$uri".
// It is immutable and shared by all workers.
type Complex struct {
	text  string // as written
	lit   []byte // the whole value when there are no parts
	parts []complexPart
}

// complexPart is a piece of literal text, a variable or a capture.
type complexPart struct {
	lit     []byte
	index   int // variable, when lit is nil and capture < 0
	capture int // number of a capture of the last regular expression, or -1
}

// CompileComplex compiles text. `$name`, `${name}` and `$1`..`$9` are
// replaced at run time; "invalid variable name" is the error for anything else
// after a dollar sign.
func (b *Builder) CompileComplex(text string) (*Complex, error) {
	c := &Complex{text: text}
	rest := text
	var lit []byte
	for rest != "" {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			lit = append(lit, rest...)
			break
		}
		lit = append(lit, rest[:i]...)
		name, after, err := variableName(rest[i+1:])
		if err != nil {
			return nil, err
		}
		if len(lit) > 0 {
			c.parts = append(c.parts, complexPart{lit: lit, capture: -1})
			lit = nil
		}
		if len(name) == 1 && name[0] >= '1' && name[0] <= '9' {
			c.parts = append(c.parts, complexPart{capture: int(name[0] - '0')})
		} else {
			c.parts = append(c.parts, complexPart{index: b.VariableIndex(name), capture: -1})
		}
		rest = after
	}
	if len(c.parts) == 0 {
		c.lit = lit
		if c.lit == nil {
			c.lit = []byte{}
		}
		return c, nil
	}
	if len(lit) > 0 {
		c.parts = append(c.parts, complexPart{lit: lit, capture: -1})
	}
	return c, nil
}

// variableName splits "name/rest" or "{name}/rest" behind a dollar sign.
func variableName(s string) (name, rest string, err error) {
	if s == "" {
		return "", "", conf.Errorf("invalid variable name")
	}
	if s[0] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return "", "", conf.Errorf("the closing bracket in \"%s\" variable is missing", s[1:])
		}
		if end == 1 || !isName(s[1:end]) {
			return "", "", conf.Errorf("invalid variable name")
		}
		return s[1:end], s[end+1:], nil
	}
	if s[0] >= '1' && s[0] <= '9' {
		return s[:1], s[1:], nil
	}
	n := 0
	for n < len(s) && nameByte(s[n]) {
		n++
	}
	if n == 0 {
		return "", "", conf.Errorf("invalid variable name")
	}
	return s[:n], s[n:], nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func isName(s string) bool {
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

// HasVariables reports whether text would compile to something not constant.
func HasVariables(text string) bool { return strings.IndexByte(text, '$') >= 0 }

// ConstantComplex is the compiled form of text without variables.
func ConstantComplex(text string) *Complex { return &Complex{text: text, lit: []byte(text)} }

// Text returns the parameter as it was written.
func (c *Complex) Text() string { return c.text }

// Constant returns the value and true when it does not depend on the request.
func (c *Complex) Constant() ([]byte, bool) { return c.lit, c.parts == nil }

// Append appends the value for r to dst.
func (c *Complex) Append(dst []byte, r *Request) []byte {
	if c.parts == nil {
		return append(dst, c.lit...)
	}
	for i := range c.parts {
		dst = append(dst, c.parts[i].value(r)...)
	}
	return dst
}

func (p *complexPart) value(r *Request) []byte {
	switch {
	case p.lit != nil:
		return p.lit
	case p.capture >= 0:
		return r.Capture(p.capture)
	default:
		return r.Var(p.index).B
	}
}

// Eval returns the value for r. It is valid until the request ends and must
// not be written to.
func (c *Complex) Eval(r *Request) []byte {
	if c.parts == nil {
		return c.lit
	}
	if len(c.parts) == 1 {
		return c.parts[0].value(r)
	}
	// Working a part out may use the arena itself, or evaluate another text,
	// so the values are collected first, on a stack of the worker, and joined
	// after.
	w := r.w
	base := len(w.values)
	for i := range c.parts {
		v := c.parts[i].value(r)
		w.values = append(w.values, v)
	}
	return r.joinValues(base)
}

// joinValues joins what stands on the worker's stack from base on, and takes
// it off.
func (r *Request) joinValues(base int) []byte {
	vals := r.w.values[base:]
	n := 0
	for _, v := range vals {
		n += len(v)
	}
	out := r.Alloc(n)[:0]
	for _, v := range vals {
		out = append(out, v...)
	}
	clear(vals)
	r.w.values = r.w.values[:base]
	return out
}

// EvalQuoted is Eval that escapes captures for use in a query string when the
// path they come from was escaped in the request: what was decoded to find
// the location must not become syntax.
func (c *Complex) EvalQuoted(r *Request) []byte {
	if c.parts == nil || !r.QuotedURI && !r.PlusInURI {
		return c.Eval(r)
	}
	w := r.w
	base := len(w.values)
	for i := range c.parts {
		p := &c.parts[i]
		v := p.value(r)
		if p.lit == nil && p.capture >= 0 {
			v = EscapeURI(r.Alloc(3 * len(v))[:0], v, EscapeArgs)
		}
		w.values = append(w.values, v)
	}
	return r.joinValues(base)
}

// ComplexSetter reads a directive's only argument as a Complex.
func ComplexSetter[T any](field func(*T) *conf.Opt[*Complex]) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		f := field(conf.Target[T](cx))
		if f.Set {
			return conf.Tail("is duplicate")
		}
		c, err := BuilderOf(cx).CompileComplex(it.Args[0])
		if err != nil {
			return err
		}
		f.V, f.Set = c, true
		return nil
	}
}

package headersmore

import (
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// directive is one of the four directives. It is immutable once the
// configuration is read.
type directive struct {
	statuses []int // -s; nil for any
	types    [][]byte
	add      bool // -a
	only     bool // -r
	fields   []field
}

// field is one field to change.
type field struct {
	name     []byte
	wildcard bool          // name ends with an asterisk
	value    *http.Complex // nil: remove it
}

// kind says which directive it is.
type kind struct{ input, clear bool }

// builtin are fields that -a cannot add to: the response has one of them.
var builtin = []string{"Server", "Date", "Content-Encoding", "Location", "Refresh", "Last-Modified", "Content-Range", "Accept-Ranges",
	"WWW-Authenticate", "Expires", "Content-Length", "Content-Type", "Cache-Control"}

// setter is the setter of a directive.
func setter(k kind) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		d, err := k.parse(cx, it)
		if err != nil || d.fields == nil {
			return err
		}
		c := conf.Target[locConf](cx)
		if k.input {
			c.input = append(c.input, d)
		} else {
			c.output = append(c.output, d)
		}
		return nil
	}
}

// parse reads options and fields, in any order.
func (k kind) parse(cx *conf.Cx, it *conf.Item) (d directive, err error) {
	for i := 0; i < len(it.Args); i++ {
		word := it.Args[i]
		switch {
		case word == "":
		case word[0] != '-':
			f, err := k.field(cx, it.Name, word)
			if err != nil {
				return d, err
			}
			d.fields = append(d.fields, f)
		case word == "-a" && !k.input && !k.clear:
			d.add = true
		case word == "-r" && k.input:
			d.only = true
		case word == "-t", word == "-s" && !k.input:
			if i++; i == len(it.Args) {
				return d, conf.Errorf("%s: option %s takes an argument.", it.Name, word)
			}
			if err := d.restrict(it, word, it.Args[i]); err != nil {
				return d, err
			}
		default:
			return d, conf.Errorf("%s: invalid option name: \"%s\"", it.Name, word)
		}
	}
	return d, d.checkAdd(it.Name)
}

// restrict reads the list behind -s or -t.
func (d *directive) restrict(it *conf.Item, option, list string) error {
	if option == "-t" {
		for _, t := range strings.FieldsFunc(list, func(c rune) bool { return c == ';' || isSpace(c) }) {
			d.types = append(d.types, []byte(t))
		}
		return nil
	}
	for _, s := range strings.FieldsFunc(list, isSpace) {
		for _, c := range s {
			if c < '0' || c > '9' {
				return conf.Errorf("%s: invalid digit \"%c\" found in the status code list \"%s\"", it.Name, c, list)
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return conf.Errorf("%s: invalid status \"%s\"", it.Name, s)
		}
		d.statuses = append(d.statuses, n)
	}
	return nil
}

// checkAdd refuses -a for fields that a response has once.
func (d *directive) checkAdd(name string) error {
	for _, f := range d.fields {
		for _, b := range builtin {
			if d.add && strings.EqualFold(b, string(f.name)) {
				return conf.Errorf("%s: can not append builtin headers \"%s\"", name, f.name)
			}
		}
	}
	return nil
}

// field reads "name: value"; the colon may be missing.
func (k kind) field(cx *conf.Cx, directive, text string) (f field, err error) {
	between := func(c rune) bool { return c == ':' || isSpace(c) }
	name := strings.TrimLeftFunc(text, isSpace)
	value := ""
	if i := strings.IndexFunc(name, between); i > 0 {
		name, value = name[:i], strings.TrimLeftFunc(name[i:], between)
	}
	if name == "" || between(rune(name[0])) {
		return f, conf.Errorf("%s: no key found in the header argument: %s", directive, text)
	}
	f.name = []byte(name)
	f.wildcard = strings.HasSuffix(name, "*")
	switch {
	case f.wildcard && len(name) < 2:
		return f, conf.Errorf("%s: wildcard key too short: %s", directive, text)
	case strings.EqualFold(name, "Transfer-Encoding") && !k.clear && !k.input:
		return f, conf.Errorf("%s: \"%s\" is decided by the server", directive, name)
	case k.clear || value == "":
		return f, nil
	}
	f.value, err = http.BuilderOf(cx).CompileComplex(value)
	return f, err
}

func isSpace(c rune) bool { return c == ' ' || c >= '\t' && c <= '\r' }

package proxy

import (
	"bytes"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/http1"
)

// rewrite is one proxy_redirect, proxy_cookie_domain or proxy_cookie_path.
type rewrite struct {
	pattern     *http.Complex // a prefix, or a whole domain
	re          *http.Regex   // in place of pattern
	domain      bool          // pattern is compared whole, without case and leading dot
	replacement *http.Complex
}

// apply changes value from prefix on. ok is false when the pattern does not
// match.
func (w *rewrite) apply(r *http.Request, value []byte, prefix int) (out []byte, ok bool) {
	rest := value[prefix:]
	n := len(rest)
	switch {
	case w.re != nil:
		if !r.MatchRegex(w.re, rest) {
			return nil, false
		}
	case w.domain:
		if n > 0 && rest[0] == '.' {
			prefix++
			rest = rest[1:]
		}
		p := w.pattern.Eval(r)
		if len(p) != len(rest) || !bytes.EqualFold(p, rest) {
			return nil, false
		}
		n = len(rest)
	default:
		p := w.pattern.Eval(r)
		if !bytes.HasPrefix(rest, p) {
			return nil, false
		}
		n = len(p)
	}
	to := w.replacement.Eval(r)
	if n == len(value) {
		return to, true
	}
	out = r.Alloc(len(value) - n + len(to))[:0]
	out = append(append(out, value[:prefix]...), to...)
	return append(out, value[prefix+n:]...), true
}

// apply runs the first rewrite of the list that matches.
func apply(list []*rewrite, r *http.Request, value []byte, prefix int) ([]byte, bool) {
	for _, w := range list {
		if out, ok := w.apply(r, value, prefix); ok {
			return out, true
		}
	}
	return nil, false
}

// RewriteRedirect implements upstream.Protocol.
func (c *locConf) RewriteRedirect(x *upstream.Exchange, value []byte, prefix int) ([]byte, bool) {
	if !c.redirect.V {
		return nil, false
	}
	return apply(c.redirects, x.R, value, prefix)
}

// defaultRedirect is what `proxy_redirect default` stands for.
func (t *target) defaultRedirect() *rewrite {
	if t.url.URI != "" {
		return &rewrite{pattern: http.ConstantComplex(t.text), replacement: http.ConstantComplex(t.location)}
	}
	return &rewrite{pattern: http.ConstantComplex(t.text + "/"), replacement: http.ConstantComplex("/")}
}

// setRedirect reads proxy_redirect.
func setRedirect(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.redirect.Set && !c.redirect.V {
		return conf.Tail("is duplicate")
	}
	if len(it.Args) == 1 {
		switch {
		case it.Args[0] == "off":
			if c.redirects != nil {
				return conf.Tail("is duplicate")
			}
			c.redirect.Put(false)
			return nil
		case it.Args[0] != "default":
			return conf.Errorf("invalid parameter \"%s\"", it.Args[0])
		case c.pass != nil && c.pass.value != nil:
			return conf.Errorf("\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables")
		case c.pass == nil:
			return conf.Errorf("\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")
		}
		c.redirect.Put(true)
		c.redirects = append(c.redirects, c.pass.defaultRedirect())
		return nil
	}
	c.redirect.Put(true)
	w, err := newRewrite(cx, it.Args[0], it.Args[1])
	if err != nil {
		return err
	}
	c.redirects = append(c.redirects, w)
	return nil
}

// newRewrite compiles a pattern (an expression after ~ or ~*) and its
// replacement.
func newRewrite(cx *conf.Cx, pattern, replacement string) (*rewrite, error) {
	b := http.BuilderOf(cx)
	w := &rewrite{}
	var err error
	if re, ok := strings.CutPrefix(pattern, "~"); ok {
		re, caseless := strings.CutPrefix(re, "*")
		w.re, err = b.CompileRegex(re, caseless)
	} else {
		w.pattern, err = b.CompileComplex(pattern)
	}
	if err != nil {
		return nil, err
	}
	w.replacement, err = b.CompileComplex(replacement)
	return w, err
}

// setOff takes the form `off` of a directive that may otherwise stand there
// several times; done tells that this was it, or an error.
func setOff[T any](list *conf.Opt[[]T], it *conf.Item) (done bool, err error) {
	switch off := list.Set && list.V == nil; {
	case len(it.Args) > 1 && !off:
		return false, nil
	case len(it.Args) == 1 && it.Args[0] != "off":
		return true, conf.Errorf("invalid parameter \"%s\"", it.Args[0])
	case list.Set:
		return true, conf.Tail("is duplicate")
	}
	list.Put(nil)
	return true, nil
}

// setCookieRewrite makes the setter of proxy_cookie_domain and
// proxy_cookie_path.
func setCookieRewrite(field func(*locConf) *conf.Opt[[]*rewrite], domain bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		f := field(conf.Target[locConf](cx))
		if done, err := setOff(f, it); done {
			return err
		}
		pattern, to := it.Args[0], it.Args[1]
		if domain {
			if re, ok := strings.CutPrefix(pattern, "~"); ok {
				pattern = "~*" + re // domains have no case
			} else {
				pattern, to = strings.TrimPrefix(pattern, "."), strings.TrimPrefix(to, ".")
			}
		}
		w, err := newRewrite(cx, pattern, to)
		if err != nil {
			return err
		}
		w.domain = domain && w.re == nil
		f.Put(append(f.V, w))
		return nil
	}
}

// cookieFlag is one proxy_cookie_flags.
type cookieFlag struct {
	name  *http.Complex
	re    *http.Regex
	flags []*http.Complex
}

func setCookieFlags(cx *conf.Cx, it *conf.Item) error {
	f := &conf.Target[locConf](cx).cookieFlags
	if done, err := setOff(f, it); done {
		return err
	}
	b := http.BuilderOf(cx)
	c := &cookieFlag{}
	var err error
	if re, ok := strings.CutPrefix(it.Args[0], "~"); ok {
		c.re, err = b.CompileRegex(re, true)
	} else {
		c.name, err = b.CompileComplex(it.Args[0])
	}
	if err != nil {
		return err
	}
	for _, a := range it.Args[1:] {
		v, err := b.CompileComplex(a)
		if err != nil {
			return err
		}
		c.flags = append(c.flags, v)
	}
	f.Put(append(f.V, c))
	return nil
}

// attribute is a part of a Set-Cookie value.
type attribute struct {
	key, value []byte
	hasValue   bool
	gone       bool
}

// RewriteCookie implements upstream.Protocol.
func (c *locConf) RewriteCookie(x *upstream.Exchange, value []byte) ([]byte, bool) {
	if c.cookieDomains.V == nil && c.cookiePaths.V == nil && c.cookieFlags.V == nil {
		return nil, false
	}
	attrs := parseCookie(value)
	if !attrs[0].hasValue {
		return nil, false
	}
	changed := false
	for i := 1; i < len(attrs); i++ {
		a := &attrs[i]
		if !a.hasValue {
			continue
		}
		var list []*rewrite
		switch {
		case http1.EqualFold(a.key, "domain"):
			list = c.cookieDomains.V
		case http1.EqualFold(a.key, "path"):
			list = c.cookiePaths.V
		}
		if v, ok := apply(list, x.R, a.value, 0); ok {
			a.value = v
			changed = true
		}
	}
	if c.cookieFlags.V != nil {
		var ok bool
		if attrs, ok = c.editFlags(x.R, attrs); ok {
			changed = true
		}
	}
	if !changed {
		return nil, false
	}
	return joinCookie(attrs), true
}

// joinCookie writes a Set-Cookie value.
func joinCookie(attrs []attribute) []byte {
	var out []byte
	for i := range attrs {
		a := &attrs[i]
		if a.gone {
			continue
		}
		if i > 0 {
			out = append(out, "; "...)
		}
		out = append(out, a.key...)
		if a.hasValue {
			out = append(append(out, '='), a.value...)
		}
	}
	return out
}

func parseCookie(value []byte) []attribute {
	var attrs []attribute
	for part := range bytes.SplitSeq(value, []byte{';'}) {
		key, v, has := bytes.Cut(part, []byte{'='})
		attrs = append(attrs, attribute{key: bytes.Trim(key, " "), value: bytes.Trim(v, " "), hasValue: has})
	}
	return attrs
}

// sameSites are the values of proxy_cookie_flags' samesite words.
var sameSites = map[string]string{"samesite=strict": "Strict", "samesite=lax": "Lax", "samesite=none": "None"}

// editFlags applies the first proxy_cookie_flags that names the cookie.
func (c *locConf) editFlags(r *http.Request, attrs []attribute) ([]attribute, bool) {
	var found *cookieFlag
	for _, f := range c.cookieFlags.V {
		if f.re != nil && r.MatchRegex(f.re, attrs[0].key) || f.re == nil && bytes.EqualFold(f.name.Eval(r), attrs[0].key) {
			found = f
			break
		}
	}
	if found == nil {
		return attrs, false
	}
	changed := false
	for _, f := range found.flags {
		word := strings.ToLower(string(f.Eval(r)))
		switch {
		case word == "secure" || word == "httponly":
			attrs = setAttribute(attrs, word, "")
		case word == "nosecure" || word == "nohttponly" || word == "nosamesite":
			dropAttribute(attrs, word[2:])
		case sameSites[word] != "":
			attrs = setAttribute(attrs, "samesite", sameSites[word])
		default:
			continue
		}
		changed = true
	}
	return attrs, changed
}

// spellings are the attributes' names as they are written.
var spellings = map[string]string{"secure": "Secure", "httponly": "HttpOnly", "samesite": "SameSite"}

func setAttribute(attrs []attribute, key, value string) []attribute {
	for i := 1; i < len(attrs); i++ {
		a := &attrs[i]
		if a.gone || !http1.EqualFold(a.key, key) {
			continue
		}
		if value != "" && !bytes.EqualFold(a.value, []byte(value)) {
			a.key, a.value, a.hasValue = []byte(spellings[key]), []byte(value), true
		}
		return attrs
	}
	return append(attrs, attribute{key: []byte(spellings[key]), value: []byte(value), hasValue: value != ""})
}

func dropAttribute(attrs []attribute, key string) {
	for i := 1; i < len(attrs); i++ {
		if http1.EqualFold(attrs[i].key, key) {
			attrs[i].gone = true
		}
	}
}

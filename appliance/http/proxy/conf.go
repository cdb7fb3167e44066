package proxy

import (
	"hash/fnv"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/http1"
)

var locSlot http.LocSlot[locConf]

// locConf is the proxy's configuration of a location. It implements
// upstream.Protocol.
type locConf struct {
	up upstream.Conf

	pass *target // nil: not passed on
	own  bool    // pass stands in this block and is not inherited

	version conf.Opt[int] // 1000 or 1001
	method  conf.Opt[*http.Complex]
	body    conf.Opt[*http.Complex] // proxy_set_body
	headers []conf.KeyVal           // proxy_set_header

	redirect      conf.Opt[bool] // off: false
	redirects     []*rewrite
	cookieDomains conf.Opt[[]*rewrite]
	cookiePaths   conf.Opt[[]*rewrite]
	cookieFlags   conf.Opt[[]*cookieFlag]

	parent  *locConf
	program *program
}

// target is the parameter of proxy_pass.
type target struct {
	text     string
	value    *http.Complex // nil when it is constant
	url      upstream.URL
	group    *upstream.Group
	location string // what of the path the URI replaces
	https    bool
	host     string // $proxy_host
	port     string // $proxy_port
}

// Schemes of proxy_pass.
const (
	plain  = "http://"
	secure = "https://"
)

// usualPort is the port of a scheme.
func usualPort(https bool) uint16 {
	if https {
		return 443
	}
	return 80
}

// setPass reads proxy_pass.
func setPass(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.own {
		return conf.Tail("is duplicate")
	}
	l := http.ScopeOf(cx).Location()
	text := it.Args[0]
	t := &target{text: text}
	if http.HasVariables(text) {
		v, err := http.BuilderOf(cx).CompileComplex(text)
		if err != nil {
			return err
		}
		t.value = v
	} else if err := t.parse(cx, l); err != nil {
		return err
	}
	c.pass, c.own = t, true
	l.Handler = handle
	if strings.HasSuffix(l.Name, "/") {
		l.AutoRedirect = true
	}
	return nil
}

// parse takes a constant URL apart.
func (t *target) parse(cx *conf.Cx, l *http.Location) error {
	rest, https, ok := cutScheme(t.text)
	if !ok {
		return conf.Errorf("invalid URL prefix")
	}
	t.https = https
	u, err := upstream.ParseURL(rest, usualPort(https), true)
	if err != nil {
		return conf.Errorf("%s in upstream \"%s\"", err, rest)
	}
	t.url = u
	if t.group, err = upstream.Find(cx, &t.url); err != nil {
		return err
	}
	t.location = l.Name
	if l.Named() || l.Regex() != nil || l.NoName() {
		if u.URI != "" {
			return conf.Errorf("\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named location, or inside \"if\" statement, or inside \"limit_except\" block")
		}
		t.location = ""
	}
	t.host, t.port = t.url.HostHeader(usualPort(https)), portText(&t.url, https)
	return nil
}

// cutScheme takes http:// or https:// off a URL.
func cutScheme(s string) (rest string, https, ok bool) {
	for _, prefix := range [...]string{plain, secure} {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			return s[len(prefix):], prefix == secure, true
		}
	}
	return "", false, false
}

func portText(u *upstream.URL, https bool) string {
	switch {
	case u.Unix:
		return ""
	case u.NoPort:
		return strconv.Itoa(int(usualPort(https)))
	}
	return strconv.Itoa(int(u.Port))
}

// merge inherits from the enclosing block.
func merge(b *http.Builder, p, c *locConf) error {
	c.parent = p
	if err := c.up.Merge(b, &p.up, "proxy"); err != nil {
		return err
	}
	c.version.Merge(p.version, 1001)
	c.method.Merge(p.method, nil)
	c.body.Merge(p.body, nil)
	conf.MergeList(&c.headers, p.headers)
	c.redirect.Merge(p.redirect, true)
	if c.redirect.V && c.redirects == nil {
		c.redirects = p.redirects
	}
	c.cookieDomains.Merge(p.cookieDomains, nil)
	c.cookiePaths.Merge(p.cookiePaths, nil)
	c.cookieFlags.Merge(p.cookieFlags, nil)
	return nil
}

// hiddenHeaders are response fields that stay here by default.
var hiddenHeaders = []string{"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate",
	"X-Accel-Buffering", "X-Accel-Charset"}

// finish compiles what locations with a proxy_pass need.
func finish(b *http.Builder) error {
	for _, l := range b.Locations() {
		c := locSlot.In(l)
		if l.NoName() && c.pass == nil && c.parent != nil {
			c.pass = c.parent.pass
			if c.pass != nil && l.Handler == nil {
				l.Handler = handle
			}
		}
		if c.pass == nil {
			continue
		}
		c.up.TempPath.V.Path = b.Cycle().Path(c.up.TempPath.V.Path)
		b.Cycle().AddTempPath(c.up.TempPath.V)
		c.up.Group = c.pass.group
		c.up.Tag = tagOf(l)
		c.up.HideHeaders(hiddenHeaders)
		if c.pass.https || c.pass.value != nil || c.pass.group.HasBalancer() {
			if err := c.up.FinishTLS(b, l, "proxy"); err != nil {
				return err
			}
		}
		if c.redirect.V && c.redirects == nil && c.pass.value == nil {
			c.redirects = []*rewrite{c.pass.defaultRedirect()}
		}
		p, err := compile(b, c)
		if err != nil {
			return err
		}
		c.program = p
	}
	return nil
}

// tagOf is a location's identity, for connections that are not shared.
func tagOf(l *http.Location) uint64 {
	h := fnv.New64a()
	if l.Item != nil {
		_, _ = h.Write([]byte(l.Item.File + ":" + strconv.Itoa(l.Item.Line))) // never fails
	}
	_, _ = h.Write([]byte(l.Name))
	return h.Sum64()
}

// setVersion reads proxy_http_version.
func setVersion(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.version.Set {
		return conf.Tail("is duplicate")
	}
	switch it.Args[0] {
	case "1.0":
		c.version.Put(1000)
	case "1.1":
		c.version.Put(1001)
	case "2":
		return conf.Errorf("\"%s 2\" is not built in yet", it.Name)
	default:
		return conf.Errorf("invalid value \"%s\"", it.Args[0])
	}
	return nil
}

// notBuilt is the setter of directives whose feature does not exist yet. The
// value that switches the feature off is taken.
func notBuilt(cx *conf.Cx, it *conf.Item) error {
	if len(it.Args) == 1 && it.Args[0] == "off" {
		return nil
	}
	return conf.Errorf("\"%s\" is not built in yet", it.Name)
}

// headerID is LookupHeader for names of the configuration.
func headerID(name string) http1.HeaderID { return http1.LookupHeader([]byte(name)) }

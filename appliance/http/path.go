package http

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"

	"weir/appliance/conf"
	"weir/netio/http1"
	"weir/netio/sock"
)

// MapPath turns the request's path into a file name by root or alias, with
// reserve bytes of spare capacity behind it. ok is false when root has
// variables that make no sense. The result is valid until the request ends.
func (r *Request) MapPath(reserve int) (path []byte, ok bool) {
	lc := r.loc.core
	rest := r.URI
	if lc.alias {
		if r.uriBroken {
			r.Logf(LogAlert, "\"alias\" cannot be used in location \"%s\" where URI was rewritten", r.loc.Name)
			return nil, false
		}
		switch {
		case lc.aliasLen >= 0:
			rest = rest[min(lc.aliasLen, len(rest)):]
		case !r.uriBehindAlias:
			rest = nil // the alias of an expression is the whole name
		}
	}
	root := r.DocumentRoot()
	p := append(r.Alloc(len(root) + len(rest) + reserve)[:0], root...)
	return append(p, rest...), true
}

func (r *Request) fullPath(name []byte) []byte {
	prefix := r.gen.Cycle.Prefix
	p := append(r.Alloc(len(prefix) + len(name))[:0], prefix...)
	return append(p, name...)
}

// DocumentRoot is the value of root or alias for r: $document_root.
func (r *Request) DocumentRoot() []byte {
	root := r.loc.core.root.V.Eval(r)
	if len(root) == 0 || root[0] != '/' {
		root = r.fullPath(root)
	}
	return root
}

// Alias reports whether the location has an alias, not a root.
func (l *Location) Alias() bool { return l.core.alias }

// AliasLen is how many bytes of the path the alias of the location replaces,
// -1 when it is the alias of an expression, which makes the whole file name.
func (l *Location) AliasLen() int { return l.core.aliasLen }

// SetURIBehindAlias has the file name be alias and path together where the
// alias is that of an expression: try_files has chosen the path.
func (r *Request) SetURIBehindAlias() { r.uriBehindAlias = true }

// SetContentType sets the content type by the extension of the path.
func (r *Request) SetContentType() Code {
	if len(r.Out.ContentType) > 0 {
		return OK
	}
	lc := r.loc.core
	if len(r.Exten) > 0 && len(r.Exten) < 64 {
		var low [64]byte
		ext := low[:len(r.Exten)]
		for i, c := range r.Exten {
			ext[i] = lower(c)
		}
		if t := lc.types[string(ext)]; t != nil {
			r.Out.ContentType = t
			return OK
		}
	}
	r.Out.ContentType = r.loc.defaultType
	return OK
}

// EscapeKind says which bytes EscapeURI leaves alone.
type EscapeKind uint8

// Kinds of escaping, after nginx's.
const (
	EscapePath      EscapeKind = iota // a path: also escapes ? % #
	EscapeArgs                        // a query string: also escapes & + ;
	EscapeComponent                   // everything but unreserved characters
	EscapeHTML                        // as a link in an HTML page
	EscapeRefresh
)

const upperHex = "0123456789ABCDEF"

// EscapeURI appends src to dst with bytes escaped as kind says.
func EscapeURI(dst, src []byte, kind EscapeKind) []byte {
	for _, c := range src {
		if escapes(c, kind) {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// notInURI are printable bytes that RFC 3986 allows in no URI.
const notInURI = "\"<>\\^`{|}"

// mustEscape holds the printable bytes that each kind escapes.
var mustEscape = [...]string{
	EscapePath:    notInURI + "#%?",
	EscapeArgs:    notInURI + "#%?&+;",
	EscapeHTML:    notInURI + "#%'",
	EscapeRefresh: "\"<>\\^`{|~'", // as nginx has it: the tilde, not the closing brace
}

func escapes(c byte, kind EscapeKind) bool {
	switch {
	case nameByte(c):
		return false
	case c <= ' ' || c >= 0x7f:
		return true
	case kind == EscapeComponent:
		return c != '-' && c != '.' && c != '~'
	}
	return strings.IndexByte(mustEscape[kind], c) >= 0
}

// UnescapeURI appends src to dst with escapes decoded; malformed ones stay.
func UnescapeURI(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c == '%' && i+2 < len(src) {
			hi, ok1 := hexValue(src[i+1])
			lo, ok2 := hexValue(src[i+2])
			if ok1 && ok2 {
				dst = append(dst, hi<<4|lo)
				i += 2
				continue
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// SplitURI splits a URI that a backend or the configuration made into path and
// arguments, and refuses one that leads out of the root. The path is decoded in
// place.
func SplitURI(uri []byte) (path, args []byte, ok bool) {
	if len(uri) == 0 || uri[0] == '?' {
		return nil, nil, false
	}
	path = uri
	if before, after, ok0 := bytes.Cut(uri, []byte{'?'}); ok0 {
		path, args = before, after
	}
	path = UnescapeURI(path[:0], path)
	for i := 0; i+1 < len(path); i++ {
		if path[i] != '.' || path[i+1] != '.' || i > 0 && path[i-1] != '/' {
			continue
		}
		if i+2 == len(path) || path[i+2] == '/' {
			return nil, nil, false
		}
	}
	if bytes.IndexByte(path, 0) >= 0 {
		return nil, nil, false
	}
	return path, args, len(path) > 0
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c-'0' < 10:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// errnoText is an I/O error as nginx prints it: "104: Connection reset by
// peer".
func errnoText(err error) string {
	if errors.Is(err, io.EOF) {
		return "end of file"
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return conf.ErrnoText(no)
	}
	return err.Error()
}

// ErrnoText is an I/O error as nginx's log shows it.
func ErrnoText(err error) string { return errnoText(err) }

// appendOrigin writes scheme, host and port for an absolute redirect.
func (r *Request) appendOrigin(b []byte) []byte {
	lc := r.loc.core
	usual := uint16(80)
	if r.c.tls != nil {
		usual = 443
		b = append(b, "https://"...)
	} else {
		b = append(b, "http://"...)
	}
	name := r.srv.Name()
	switch {
	case lc.nameInRedirect.V && name != "":
		b = append(b, name...)
	case len(r.HostName) > 0:
		b = append(b, r.HostName...)
	case r.c.Local().Family() == sock.IPv6:
		b = append(r.c.Local().AppendIP(append(b, '[')), ']')
	default:
		b = r.c.Local().AppendIP(b)
	}
	if port := r.c.Local().Port(); lc.portInRedirect.V && port != usual && port != 0 {
		b = append(b, ':')
		b = itoa(b, int64(port))
	}
	return b
}

type headerField = http1.Header

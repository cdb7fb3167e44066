package http

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"weir/appliance/conf"
	"weir/netio/http1"
)

// number stores n in decimal.
func (r *Request) number(v *Value, n int64) {
	v.Is(r.arena.Keep(strconv.AppendInt(r.arena.Scratch(20), n, 10)))
}

// port stores a port number; an unknown one, 0, is the empty value.
func (r *Request) port(v *Value, n uint16) {
	if n == 0 {
		v.Is(nil)
		return
	}
	r.number(v, int64(n))
}

// seconds stores milliseconds as seconds with three decimals.
func (r *Request) seconds(v *Value, ms int64) {
	v.Is(r.arena.Keep(AppendSeconds(r.arena.Scratch(24), ms)))
}

// AppendSeconds appends milliseconds as seconds with three decimals, as
// $request_time is written. A negative time, of a clock that was set back,
// counts as none.
func AppendSeconds(dst []byte, ms int64) []byte {
	ms = max(ms, 0)
	dst = strconv.AppendInt(dst, ms/1000, 10)
	ms %= 1000
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// text stores b, or no value when it was never set.
func text(v *Value, b []byte) {
	if b == nil {
		v.Missing()
		return
	}
	v.Is(b)
}

// emptyValue is what variables have that are set to nothing; it differs from
// nil, which means: not set.
var (
	emptyValue   = []byte{}
	wordQuestion = []byte("?")
	wordColon    = []byte(":")
	wordHTTP     = []byte("http")
	wordHTTPS    = []byte("https")
	wordOn       = []byte("on")
	wordOK       = []byte("OK")
	wordPiped    = []byte("p")
	wordDot      = []byte(".")
)

func varRequestLine(r *Request, v *Value, _ *Variable)   { text(v, r.RequestLine) }
func varRequestMethod(r *Request, v *Value, _ *Variable) { text(v, r.main.MethodName) }
func varRequestURI(r *Request, v *Value, _ *Variable)    { text(v, r.UnparsedURI) }

// varURI is missing for a request line that could not be parsed, and empty for
// a path that leads above the root.
func varURI(r *Request, v *Value, _ *Variable) {
	if r.URI == nil {
		v.Missing()
		return
	}
	v.Is(r.URI)
}

func varProtocol(r *Request, v *Value, _ *Variable) {
	if len(r.Protocol) == 0 {
		v.Missing()
		return
	}
	v.Is(r.Protocol)
}

// varArgs has no value when the target has no arguments, or only the question
// mark, unlike when they were set to nothing.
func varArgs(r *Request, v *Value, _ *Variable) {
	if len(r.Args) == 0 && !r.argsSet {
		v.Missing()
		return
	}
	v.Is(r.Args)
}

func setArgs(r *Request, val []byte, _ *Variable) {
	r.Args, r.argsSet = val, true
	r.ValidURI = false
}

func varIsArgs(r *Request, v *Value, _ *Variable) {
	if len(r.Args) == 0 {
		v.Is(emptyValue)
		return
	}
	v.Is(wordQuestion)
}

func varHost(r *Request, v *Value, _ *Variable) {
	if len(r.HostName) > 0 {
		v.Is(r.HostName)
		return
	}
	v.Is(r.srv.core.nameBytes)
}

func varServerName(r *Request, v *Value, _ *Variable) { v.Is(r.srv.core.nameBytes) }

func varScheme(r *Request, v *Value, _ *Variable) {
	if r.c.tls != nil {
		v.Is(wordHTTPS)
		return
	}
	v.Is(wordHTTP)
}

func varHTTPS(r *Request, v *Value, _ *Variable) {
	if r.c.tls != nil {
		v.Is(wordOn)
		return
	}
	v.Is(emptyValue)
}

// requestPort is the port that the client named in the target or the Host
// field, 0 for none.
func (r *Request) requestPort() uint16 {
	m := r.main
	if !m.head.Host.Empty() {
		n, err := strconv.ParseUint(string(m.head.Port.Of(m.In.block)), 10, 16) // the parser has checked the digits
		if err != nil {
			return 0
		}
		return uint16(n)
	}
	host := m.In.Get(http1.HeaderHost)
	if host == nil {
		return 0
	}
	a, _ := http1.ParseAuthority(host)
	return a.Number
}

func varRequestPort(r *Request, v *Value, _ *Variable) { r.port(v, r.requestPort()) }

func varIsRequestPort(r *Request, v *Value, _ *Variable) {
	if r.requestPort() == 0 {
		v.Is(emptyValue)
		return
	}
	v.Is(wordColon)
}

func varDocumentRoot(r *Request, v *Value, _ *Variable) { v.Is(r.DocumentRoot()) }

// varRealpathRoot asks the file system, so it costs what that costs.
func varRealpathRoot(r *Request, v *Value, _ *Variable) {
	root := string(r.DocumentRoot())
	real, err := filepath.EvalSymlinks(root)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		r.Logf(LogCrit, "realpath() \"%s\" failed (%s)", root, conf.ErrnoText(err))
		v.Missing()
		return
	}
	v.Is(r.CopyString(real))
}

func varRequestFilename(r *Request, v *Value, _ *Variable) {
	path, ok := r.MapPath(0)
	if !ok {
		v.Missing()
		return
	}
	v.Is(path)
}

// varRemoteUser is the name in Authorization: Basic (RFC 7617).
func varRemoteUser(r *Request, v *Value, _ *Variable) {
	user, _, ok := r.BasicAuth()
	if !ok {
		v.Missing()
		return
	}
	v.Is(user)
}

// BasicAuth returns what the client sent as Basic authentication (RFC 7617).
// ok is false when it sent none, or none that can be read. The bytes are valid
// until the request ends.
func (r *Request) BasicAuth() (user, password []byte, ok bool) {
	h := r.In.Get(http1.HeaderAuthorization)
	const scheme = "basic "
	if len(h) < len(scheme) || !http1.EqualFold(h[:len(scheme)], scheme) {
		return nil, nil, false
	}
	h = bytes.TrimLeft(h[len(scheme):], " ")
	if i := bytes.IndexByte(h, '='); i >= 0 {
		h = h[:i]
	}
	out := r.Alloc(base64.RawStdEncoding.DecodedLen(len(h)))
	n, err := base64.RawStdEncoding.Decode(out, h)
	if err != nil {
		return nil, nil, false
	}
	return bytes.Cut(out[:n], wordColon)
}

func varRequestBody(r *Request, v *Value, _ *Variable) {
	b := r.body
	if b == nil || b.File != nil || b.Received == 0 {
		v.Missing()
		return
	}
	v.Is(b.mem)
}

func varRequestBodyFile(r *Request, v *Value, _ *Variable) {
	if r.body == nil || r.body.File == nil {
		v.Missing()
		return
	}
	v.Is(r.CopyString(r.body.File.Name))
}

func varRequestLength(r *Request, v *Value, _ *Variable) { r.number(v, r.length) }

func varRequestTime(r *Request, v *Value, _ *Variable) { r.seconds(v, r.w.Loop.NowMS()-r.startMS) }

// varRequestID is random by the process's ChaCha8 generator, which the kernel
// seeds.
func varRequestID(r *Request, v *Value, _ *Variable) {
	var raw [16]byte
	a, b := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		raw[i], raw[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	v.Is(hex.AppendEncode(r.Alloc(32)[:0], raw[:]))
}

func varRequestCompletion(r *Request, v *Value, _ *Variable) {
	if !r.complete {
		v.Is(emptyValue)
		return
	}
	v.Is(wordOK)
}

func varLimitRate(r *Request, v *Value, _ *Variable) { r.number(v, r.limitRate) }

func setLimitRate(r *Request, val []byte, _ *Variable) {
	n, ok := conf.ParseSize(string(val))
	if !ok {
		r.Logf(LogErr, "invalid $limit_rate \"%s\"", val)
		return
	}
	r.SetLimitRate(n)
}

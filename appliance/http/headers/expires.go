package headers

import (
	"strconv"
	"strings"
	"time"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// expires is an expires directive.
type expires struct {
	kind  expiresKind
	sec   int64         // of access, modified and daily; may be negative
	value *http.Complex // when it has variables: parsed for every response
}

type expiresKind uint8

const (
	expiresUnset expiresKind = iota
	expiresOff
	expiresEpoch
	expiresMax
	expiresAccess   // seconds from now
	expiresModified // seconds from Last-Modified
	expiresDaily    // the next time of day, in seconds from midnight
)

func setExpires(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.expires.kind != expiresUnset {
		return conf.Tail("is duplicate")
	}
	text := it.Args[0]
	e := expires{kind: expiresAccess}
	if len(it.Args) == 2 {
		if text != "modified" {
			return conf.Tail("invalid value")
		}
		e.kind, text = expiresModified, it.Args[1]
	}
	if http.HasVariables(text) {
		var err error
		if e.value, err = http.BuilderOf(cx).CompileComplex(text); err != nil {
			return err
		}
	} else if fault := e.parse(text); fault != "" {
		return conf.Tail(fault)
	}
	c.expires = e
	return nil
}

// parse reads a value into e, whose kind is what the directive said. It
// returns what is wrong, in nginx's words.
func (e *expires) parse(text string) (fault string) {
	if e.kind != expiresModified {
		switch text {
		case "epoch":
			e.kind = expiresEpoch
			return ""
		case "max":
			e.kind = expiresMax
			return ""
		case "off":
			e.kind = expiresOff
			return ""
		}
	}
	minus := false
	switch {
	case strings.HasPrefix(text, "@"):
		if e.kind == expiresModified {
			return "daily time cannot be used with \"modified\" parameter"
		}
		e.kind, text = expiresDaily, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	case strings.HasPrefix(text, "-"):
		minus, text = true, text[1:]
	}
	n, ok := conf.ParseTime(text, true)
	if !ok {
		return "invalid value"
	}
	if e.kind == expiresDaily && n > 24*60*60 {
		return "daily time value must be less than 24 hours"
	}
	if e.sec = n; minus {
		e.sec = -n
	}
	return ""
}

var (
	noCache   = []byte("no-cache")
	maxAge0   = []byte("max-age=0")
	epochDate = []byte("Thu, 01 Jan 1970 00:00:01 GMT")
	maxDate   = []byte("Thu, 31 Dec 2037 23:55:55 GMT")
	maxAge10y = []byte("max-age=315360000")
)

// apply sets Expires and Cache-Control of the response.
func (e *expires) apply(r *http.Request) {
	v := *e
	if v.value != nil {
		if fault := v.parse(string(v.value.Eval(r))); fault != "" || v.kind == expiresOff {
			return
		}
	}
	date, cache := v.fields(r, e.value == nil && e.sec < 0)
	r.Out.Headers.SetID(expiresID, date)
	r.Out.Headers.SetID(cacheControlID, cache)
}

// fields works the two values out. past says that a constant is before now.
func (e *expires) fields(r *http.Request, past bool) (date, cache []byte) {
	switch {
	case e.kind == expiresEpoch:
		return epochDate, noCache
	case e.kind == expiresMax:
		return maxDate, maxAge10y
	case e.sec == 0 && e.kind != expiresDaily:
		return r.Worker().Loop.HTTPDate(), maxAge0
	}
	now := r.Worker().Loop.Unix()
	at, age := now+e.sec, e.sec
	switch {
	case e.kind == expiresDaily:
		at = nextTime(now, e.sec)
		age = at - now
	case e.kind == expiresModified && r.Out.LastModified != -1:
		at = r.Out.LastModified + e.sec
		age = at - now
	}
	date = http.AppendHTTPTime(r.Alloc(32)[:0], at)
	if past || age < 0 {
		return date, noCache
	}
	return date, strconv.AppendInt(append(r.Alloc(32)[:0], "max-age="...), age, 10)
}

// nextTime is the next moment at which the local clock shows sec seconds
// since midnight.
func nextTime(now, sec int64) int64 {
	t := time.Unix(now, 0)
	y, m, d := t.Date()
	at := time.Date(y, m, d, 0, 0, int(sec), 0, time.Local).Unix()
	if at > now {
		return at
	}
	return time.Date(y, m, d+1, 0, 0, int(sec), 0, time.Local).Unix()
}

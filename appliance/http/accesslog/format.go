package accesslog

import (
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// combined is the format that is always there.
const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// format is a compiled log_format.
type format struct {
	name   string
	escape escaping
	ops    []op
}

// op is a piece of a line.
type op struct {
	kind  opKind
	lit   []byte
	index int // of the variable
}

type opKind uint8

const (
	opText opKind = iota
	opVariable
	// What has a moment of its own in the log phase, whatever a variable of
	// that name was when it was first used.
	opPipe
	opTimeLocal
	opTimeISO
	opMsec
	opRequestTime
	opStatus
	opBytesSent
	opBodyBytesSent
	opRequestLength
)

var ownOps = map[string]opKind{
	"pipe": opPipe, "time_local": opTimeLocal, "time_iso8601": opTimeISO, "msec": opMsec,
	"request_time": opRequestTime, "status": opStatus, "bytes_sent": opBytesSent,
	"body_bytes_sent": opBodyBytesSent, "request_length": opRequestLength,
}

// compile compiles the texts of a log_format. Names resolve through index.
func (f *format) compile(texts []string, index func(name string) int) error {
	for _, text := range texts {
		for text != "" {
			if text[0] != '$' {
				i := strings.IndexByte(text, '$')
				if i < 0 {
					i = len(text)
				}
				f.addText(text[:i])
				text = text[i:]
				continue
			}
			name, rest, err := formatVariable(text)
			if err != nil {
				return err
			}
			text = rest
			if k, ok := ownOps[name]; ok {
				f.ops = append(f.ops, op{kind: k})
			} else {
				f.ops = append(f.ops, op{kind: opVariable, index: index(name)})
			}
		}
	}
	return nil
}

// addText joins neighbouring texts, so that arguments of a log_format cost
// nothing.
func (f *format) addText(s string) {
	if n := len(f.ops); n > 0 && f.ops[n-1].kind == opText {
		f.ops[n-1].lit = append(f.ops[n-1].lit, s...)
		return
	}
	f.ops = append(f.ops, op{kind: opText, lit: []byte(s)})
}

// formatVariable splits "$name..." or "${name}...".
func formatVariable(text string) (name, rest string, err error) {
	invalid := conf.Errorf("invalid parameter \"%s\"", text)
	s := text[1:]
	bracket := strings.HasPrefix(s, "{")
	if bracket {
		s = s[1:]
	}
	if s == "" {
		return "", "", invalid
	}
	n := 0
	for n < len(s) && (s[n] == '_' || s[n]-'0' < 10 || s[n]|0x20-'a' < 26) {
		n++
	}
	name, rest = s[:n], s[n:]
	if bracket {
		if !strings.HasPrefix(rest, "}") {
			return "", "", conf.Errorf("the closing bracket in \"%s\" variable is missing", name)
		}
		rest = rest[1:]
	}
	if name == "" {
		return "", "", invalid
	}
	return name, rest, nil
}

// append formats the line of r, without a line feed.
func (f *format) append(b []byte, r *http.Request) []byte {
	for i := range f.ops {
		o := &f.ops[i]
		switch o.kind {
		case opText:
			b = append(b, o.lit...)
		case opVariable:
			v := r.Var(o.index)
			switch {
			case !v.Found():
				if f.escape == escapeDefault {
					b = append(b, '-')
				}
			case f.escape == escapeNone:
				b = append(b, v.B...)
			default:
				b = appendValue(b, v.B, f.escape)
			}
		default:
			b = o.kind.append(b, r)
		}
	}
	return b
}

// append writes what has no variable behind it. None of it needs escaping.
func (k opKind) append(b []byte, r *http.Request) []byte {
	loop := r.Worker().Loop
	switch k {
	case opPipe:
		if r.Client().Pipelined() {
			return append(b, 'p')
		}
		return append(b, '.')
	case opTimeLocal:
		return append(b, loop.LogTime()...)
	case opTimeISO:
		return append(b, loop.ISOTime()...)
	case opMsec:
		sec, ms := loop.Wall()
		return http.AppendSeconds(b, sec*1000+int64(ms))
	case opRequestTime:
		return http.AppendSeconds(b, loop.NowMS()-r.StartMS())
	case opStatus:
		return http.AppendStatus(b, r.FinalStatus())
	case opBytesSent:
		return strconv.AppendInt(b, r.BytesSent(), 10)
	case opBodyBytesSent:
		return strconv.AppendInt(b, r.BodyBytesSent(), 10)
	case opRequestLength:
		return strconv.AppendInt(b, r.Length(), 10)
	}
	return b
}

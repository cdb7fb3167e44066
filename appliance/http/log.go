package http

import (
	"fmt"

	"weir/appliance/errlog"
)

// Levels of error log messages, shorter to write.
const (
	LogEmerg  = errlog.Emerg
	LogAlert  = errlog.Alert
	LogCrit   = errlog.Crit
	LogErr    = errlog.Error
	LogWarn   = errlog.Warn
	LogNotice = errlog.Notice
	LogInfo   = errlog.Info
	LogDebug  = errlog.Debug
)

// LogOn reports whether messages of that level are logged for r. Ask it
// before building a message that costs something.
func (r *Request) LogOn(level errlog.Level) bool {
	return r.log().On(level)
}

// Log writes msg to the error log of r's location, with nginx's context
// behind it: client, server, request, subrequest, upstream, host, referrer.
func (r *Request) Log(level errlog.Level, msg string) {
	l := r.log()
	if !l.On(level) {
		return
	}
	b := r.appendLogContext(append(r.w.line[:0], msg...))
	r.w.line = b
	l.Write(level, r.c.Number(), b)
}

// Logf is Log with a format, for cold paths.
func (r *Request) Logf(level errlog.Level, format string, args ...any) {
	l := r.log()
	if !l.On(level) {
		return
	}
	b := r.appendLogContext(fmt.Appendf(r.w.line[:0], format, args...))
	r.w.line = b
	l.Write(level, r.c.Number(), b)
}

// ErrorLog is the error log in force for r.
func (r *Request) ErrorLog() *errlog.Log { return r.log() }

func (r *Request) appendLogContext(b []byte) []byte {
	m := r.main
	b = append(b, ", client: "...)
	b = r.c.AppendRemoteIP(b)
	b = append(b, ", server: "...)
	b = append(b, r.srv.Name()...)
	if len(m.RequestLine) > 0 {
		b = append(b, ", request: \""...)
		b = append(b, m.RequestLine...)
		b = append(b, '"')
	}
	if r != m {
		b = append(b, ", subrequest: \""...)
		b = append(b, r.URI...)
		b = append(b, '"')
	}
	if r.upstream != nil {
		b = r.upstream.AppendLogText(b)
	} else if r.upstreamText != nil {
		b = append(b, ", upstream: \""...)
		b = append(b, r.upstreamText...)
		b = append(b, '"')
	}
	if host := m.In.Get(hostID); len(host) > 0 {
		b = append(b, ", host: \""...)
		b = append(b, host...)
		b = append(b, '"')
	}
	if ref := m.In.Get(refererID); len(ref) > 0 {
		b = append(b, ", referrer: \""...)
		b = append(b, ref...)
		b = append(b, '"')
	}
	return b
}

// SetUpstreamText names the upstream in log messages: scheme, address and
// path of what the request is passed to. b must live as long as the request.
func (r *Request) SetUpstreamText(b []byte) { r.upstreamText = b }

// logLine logs a message about a connection outside of a request.
func (c *Client) logLine(l *errlog.Log, level errlog.Level, msg string) {
	c.logWhile(l, level, msg, "waiting for request")
}

// logWhile is logLine with the action that the connection was at.
func (c *Client) logWhile(l *errlog.Log, level errlog.Level, msg, action string) {
	b := append(c.w.line[:0], msg...)
	b = append(b, " while "...)
	b = append(b, action...)
	b = append(b, ", client: "...)
	b = c.AppendRemoteIP(b)
	b = append(b, ", server: "...)
	b = c.addr.Addr.AppendTo(b)
	c.w.line = b
	l.Write(level, c.Number(), b)
}

// AppendRemoteIP appends the client's address without a port, as
// $remote_addr shows it.
func (c *Client) AppendRemoteIP(dst []byte) []byte {
	return c.Remote().AppendIP(dst)
}

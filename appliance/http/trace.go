package http

import (
	"bytes"

	"weir/appliance/errlog"
	"weir/netio/conn"
	"weir/netio/http1"
)

// The lines of level debug: how a request was understood and what became of
// it, in nginx's words where it has the same step. They cost one test of
// Request.debug each while nobody asked for them, by `error_log ... debug` or
// by debug_connection.

// log is the error log in force for r: that of its location, open for debug
// lines when debug_connection names the client.
func (r *Request) log() *errlog.Log {
	if r.debug && r.c.flags&clientDebug != 0 {
		return r.loc.core.debugLog
	}
	return r.loc.core.errorLog
}

// chooseLog notes whether debug lines are wanted under the location r is in.
func (r *Request) chooseLog() {
	r.debug = r.c.flags&clientDebug != 0 || r.loc.core.errorLog.On(LogDebug)
}

// Debugging reports whether debug lines are wanted for r. Modules ask it before
// Debugf.
func (r *Request) Debugging() bool { return r.debug }

// Debugf writes a debug line of a module. Like all of them it has no context
// behind it: the connection's number ties them together.
func (r *Request) Debugf(format string, args ...any) { r.trace(format, args...) }

// trace writes a debug line. Callers test r.debug first.
func (r *Request) trace(format string, args ...any) {
	r.log().Printf(LogDebug, r.c.Number(), format, args...)
}

// trace writes a debug line about the connection, if such are wanted.
func (c *Client) trace(format string, args ...any) {
	c.log().Printf(LogDebug, c.Number(), format, args...)
}

// debugClient marks a connection that debug_connection names.
func (h *h1Conn) debugClient(c *conn.Conn) {
	if h.acc.port.gen.Cycle.Events.Debugs(c.Remote()) {
		h.flags |= clientDebug
		h.trace("accept: %s", c.Remote().AppendTo(nil))
	}
}

// traceLine tells how the request line was read.
func (r *Request) traceLine() {
	r.trace("http request line: \"%s\"", r.RequestLine)
	r.trace("http uri: \"%s\"", r.URI)
	r.trace("http args: \"%s\"", r.Args)
	r.trace("http exten: \"%s\"", r.Exten)
}

// traceHead lists the header fields.
func (r *Request) traceHead(block []byte, fields []http1.Header) {
	for i := range fields {
		f := &fields[i]
		r.trace("http header: \"%s: %s\"", f.Name.Of(block), f.Value.Of(block))
	}
	r.trace("http header done")
}

// phaseWords are what debug lines call the phases.
var phaseWords = [numPhases]string{
	PostRead: "generic", ServerRewrite: "rewrite", FindConfig: "find config", Rewrite: "rewrite", PostRewrite: "post rewrite",
	Preaccess: "generic", Access: "access", PostAccess: "post access", Precontent: "generic", Content: "content",
}

func (r *Request) tracePhase(e *phaseEntry) { r.trace("%s phase: %d", phaseWords[e.kind], r.phase) }

// traceLocation tells what find_config has chosen.
func (r *Request) traceLocation() {
	kind := ""
	switch {
	case r.loc.exact:
		kind = "="
	case r.loc.noName:
		kind = "*"
	}
	r.trace("using configuration \"%s%s\"", kind, r.loc.Name)
	r.trace("http cl:%d max:%d", r.ContentLength, r.loc.core.clientMaxBodySize.V)
}

func (r *Request) traceFinalize(rc Code) {
	active := 0
	if r == r.c.active {
		active = 1
	}
	r.trace("http finalize request: %d, \"%s?%s\" a:%d, c:%d", rc, r.URI, r.Args, active, r.main.count)
}

// traceReply shows the response header as it goes out.
func (r *Request) traceReply(head []byte) {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			r.trace("http response: %s", line)
		}
	}
}

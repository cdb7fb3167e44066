package api

import (
	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/secure"
)

// Settings are the lua_* directives of a location; lua/phase has their table. They are merged: all are set once the
// configuration has been read.
type Settings struct {
	CodeCache            conf.Opt[bool]
	NeedRequestBody      conf.Opt[bool]
	UseDefaultType       conf.Opt[bool]
	HTTP10Buffering      conf.Opt[bool]
	CheckClientAbort     conf.Opt[bool]
	TransformUnderscores conf.Opt[bool]
	Relaxed              conf.Opt[bool] // lua_phase_io relaxed
	SocketLogErrors      conf.Opt[bool]

	SocketConnectTimeout   conf.Opt[int64] // milliseconds, as the next three
	SocketSendTimeout      conf.Opt[int64]
	SocketReadTimeout      conf.Opt[int64]
	SocketKeepaliveTimeout conf.Opt[int64]
	SocketBufferSize       conf.Opt[int64]
	SocketSendLowat        conf.Opt[int64]
	SocketPoolSize         conf.Opt[int]

	TLS secure.Conf
}

// Merge inherits from the enclosing block.
func (s *Settings) Merge(up *Settings) {
	s.CodeCache.Merge(up.CodeCache, true)
	s.NeedRequestBody.Merge(up.NeedRequestBody, false)
	s.UseDefaultType.Merge(up.UseDefaultType, true)
	s.HTTP10Buffering.Merge(up.HTTP10Buffering, true)
	s.CheckClientAbort.Merge(up.CheckClientAbort, false)
	s.TransformUnderscores.Merge(up.TransformUnderscores, true)
	s.Relaxed.Merge(up.Relaxed, false)
	s.SocketLogErrors.Merge(up.SocketLogErrors, true)
	s.SocketConnectTimeout.Merge(up.SocketConnectTimeout, 60000)
	s.SocketSendTimeout.Merge(up.SocketSendTimeout, 60000)
	s.SocketReadTimeout.Merge(up.SocketReadTimeout, 60000)
	s.SocketKeepaliveTimeout.Merge(up.SocketKeepaliveTimeout, 60000)
	s.SocketBufferSize.Merge(up.SocketBufferSize, 4096)
	s.SocketSendLowat.Merge(up.SocketSendLowat, 0)
	s.SocketPoolSize.Merge(up.SocketPoolSize, 30)
	s.TLS.Merge(&up.TLS)
}

// MainSettings are the lua_* directives of the http block.
type MainSettings struct {
	MaxPendingTimers  conf.Opt[int]
	MaxRunningTimers  conf.Opt[int]
	RegexCacheEntries conf.Opt[int]
	RegexMatchLimit   conf.Opt[int]
	BudgetSteps       conf.Opt[int64] // of Lua that does not wait; -1: no limit
	BudgetMemory      conf.Opt[int64] // bytes, the same way
	CaptureSize       conf.Opt[int64] // of lua_capture_error_log; 0: no
	PackagePath       string          // empty: the default
	PackageCPath      string
	// Capture has the lines that init_by_lua has written when the configuration was read.
	Capture *errlog.Capture
	// Root is the http block as a location: what applies where there is no request.
	Root *http.Location
}

// Locations is the slot of Settings, Main that of MainSettings; lua/phase brings both into the list of modules.
var (
	Locations http.LocSlot[Settings]
	Main      http.MainSlot[MainSettings]
)

// Settings returns the directives that apply where Lua runs.
func (c *Ctx) Settings() *Settings {
	if c.R != nil {
		return Locations.Of(c.R)
	}
	return c.fixed
}

// SetSettings gives a context without a request the directives of the place that made it.
func (c *Ctx) SetSettings(s *Settings) { c.fixed = s }

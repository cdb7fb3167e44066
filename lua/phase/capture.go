package phase

import (
	"time"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
)

// setCapture is lua_capture_error_log.
func setCapture(cx *conf.Cx, it *conf.Item) error {
	set := conf.Size(func(c *api.MainSettings) *conf.Opt[int64] { return &c.CaptureSize })
	at := &conf.Target[api.MainSettings](cx).CaptureSize
	if at.Set {
		return conf.Tail("is duplicate")
	}
	if err := set(cx, it); err != nil || at.V < errlog.MaxLine {
		return conf.Errorf("invalid capture error log size \"%s\", minimum size is %d", it.Arg(0), errlog.MaxLine)
	}
	return nil
}

// captureInit keeps what is logged until its result is called: what init_by_lua writes when the configuration is read.
func (m *mainConf) captureInit() (end func()) {
	if m.lua.CaptureSize.V == 0 {
		return func() {}
	}
	m.lua.Capture = errlog.NewCapture(int(m.lua.CaptureSize.V), func() float64 { return float64(time.Now().UnixMilli()) / 1000 })
	errlog.CaptureOthers(m.lua.Capture)
	return func() { errlog.CaptureOthers(nil) }
}

// capture begins to keep what the worker logs from now on. first says that it gets the VM of init_by_lua, and the lines
// with it; others run their own.
func (m *mainConf) capture(w *http.Worker, first bool) {
	local := api.Workers.Of(w)
	now := func() float64 {
		sec, ms := w.Loop.Wall()
		return float64(sec) + float64(ms)/1000
	}
	switch {
	case m.lua.CaptureSize.V == 0:
		local.Capture = nil
	case first:
		local.Capture = m.lua.Capture.Copy(now)
	default:
		local.Capture = errlog.NewCapture(int(m.lua.CaptureSize.V), now)
	}
	errlog.CaptureThread(local.Capture)
}

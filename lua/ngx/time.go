package ngx

import (
	"time"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

var timeFuncs = []api.Func{
	{Name: "now", In: api.Any, Args: "()", Doc: "Returns the time of this turn of the loop in seconds with milliseconds.", Run: now},
	{Name: "time", In: api.Any, Args: "()", Doc: "Returns the time of this turn of the loop in whole seconds.", Run: func(l *vm.State) int {
		sec, _ := wall(l)
		return l.Ret(vm.Number(float64(sec)))
	}},
	{Name: "update_time", In: api.Any, Args: "()", Doc: "Reads the clock anew.", Run: updateTime},
	{Name: "today", In: api.Any, Args: "()", Doc: "Returns the local date: 2026-11-22.", Run: func(l *vm.State) int { return formatTime(l, false, "2006-01-02") }},
	{Name: "localtime", In: api.Any, Args: "()", Doc: "Returns the local time: 2026-11-22 08:49:37.", Run: func(l *vm.State) int { return formatTime(l, false, time.DateTime) }},
	{Name: "utctime", In: api.Any, Args: "()", Doc: "Returns the UTC time: 2026-11-22 08:49:37.", Run: func(l *vm.State) int { return formatTime(l, true, time.DateTime) }},
	{Name: "cookie_time", In: api.Any, Args: "(seconds)", Doc: "Formats a time as cookies have it.", Run: cookieTime},
	{Name: "http_time", In: api.Any, Args: "(seconds)", Doc: "Formats a time as HTTP headers have it.", Run: httpTime},
	{Name: "parse_http_time", In: api.Any, Args: "(text)", Doc: "Returns the seconds of a time of an HTTP header, nil if it is none.", Run: parseTime},
	{Name: "sleep", In: api.Yieldable, Args: "(seconds)", Doc: "Waits without holding up the worker.", Run: sleep},
}

// wall is the time of this turn; init_by_lua has no loop yet.
func wall(l *vm.State) (sec int64, ms int) {
	e := api.EnvOf(l)
	if e.Worker == nil {
		t := time.Now()
		return t.Unix(), t.Nanosecond() / 1e6
	}
	return e.Loop().Wall()
}

func now(l *vm.State) int {
	sec, ms := wall(l)
	return l.Ret(vm.Number(float64(sec) + float64(ms)/1000))
}

func updateTime(l *vm.State) int {
	if e := api.EnvOf(l); e.Worker != nil {
		e.Loop().Refresh()
	}
	return 0
}

func formatTime(l *vm.State, utc bool, layout string) int {
	sec, _ := wall(l)
	t := time.Unix(sec, 0)
	if utc {
		t = t.UTC()
	}
	return l.Ret(vm.String(t.Format(layout)))
}

func checkSeconds(l *vm.State) int64 {
	f, ok := l.Arg(1).AsNumber()
	if !ok {
		l.Errorf("number argument only")
	}
	return int64(f)
}

func cookieTime(l *vm.State) int {
	sec := checkSeconds(l)
	layout := "Mon, 02-Jan-06 15:04:05 GMT"
	if sec > 2145916799 { // from 2038 on with all digits of the year
		layout = "Mon, 02-Jan-2006 15:04:05 GMT"
	}
	return l.Ret(vm.String(time.Unix(sec, 0).UTC().Format(layout)))
}

func httpTime(l *vm.State) int {
	l.PushBytes(http.AppendHTTPTime(nil, checkSeconds(l)))
	return 1
}

func parseTime(l *vm.State) int {
	s, ok := l.Arg(1).AsString()
	if !ok {
		l.Errorf("string argument only")
	}
	if t := http.ParseHTTPTime([]byte(s)); t >= 0 {
		return l.Ret(vm.Number(float64(t)))
	}
	return l.Ret(vm.Nil)
}

// nap is a light thread in ngx.sleep.
type nap struct {
	poll.Timer
	thread *api.Thread
	loop   *poll.Loop
}

// Expired implements poll.TimerOwner.
func (n *nap) Expired(*poll.Timer) { n.thread.Wake() }

// Abandon implements api.Waiter.
func (n *nap) Abandon() { n.loop.RemoveTimer(&n.Timer) }

func sleep(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 1 {
		l.Errorf("attempt to pass %d arguments, but accepted 1", n)
	}
	ms := int64(l.CheckNumber(1) * 1000)
	if ms < 0 {
		l.Errorf("invalid sleep duration \"%d\"", ms)
	}
	n := &nap{thread: c.Thread(), loop: c.Env().Loop()}
	if ms == 0 {
		n.thread.Wake()
		c.Park(l, nil)
		return 0
	}
	n.Owner = n
	n.loop.SetTimer(&n.Timer, ms)
	c.Park(l, n)
	return 0
}

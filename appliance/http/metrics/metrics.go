package metrics

import (
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/netio/http1"
)

var loc http.LocSlot[locConf]

// Module is the metrics module. nginx has none.
var Module = http.Module{
	Name: "http_metrics",
	Directives: []conf.Directive{
		{Name: "metrics", In: conf.Location, Args: conf.NoArgs, Set: setMetrics,
			Doc: "Answers with the server's counters in the text format of Prometheus."},
	},
	Loc: http.NewLoc(&loc, nil, nil),
}

type locConf struct {
	hub *hub // nil without the directive
}

func setMetrics(cx *conf.Cx, _ *conf.Item) error {
	z, err := cycle.Of(cx).Zone(cycle.ZoneID{Kind: "metrics"}, func() (any, error) { return newHub(), nil })
	if err != nil {
		return err
	}
	conf.Target[locConf](cx).hub = z.(*hub)
	http.ScopeOf(cx).Location().Handler = serve
	return nil
}

// maxScrapes bounds how many scrapes may be under way in the process.
const maxScrapes = 4

// serve is the content handler.
func serve(r *http.Request) http.Code {
	if r.Method != http1.MethodGet && r.Method != http1.MethodHead {
		return http.StatusNotAllowed
	}
	if rc := r.DiscardBody(); rc != http.OK {
		return rc
	}
	h := loc.Of(r).hub
	if h.running.Add(1) > maxScrapes {
		h.running.Add(-1)
		return http.StatusServiceUnavailable
	}
	w := r.Worker()
	s := &scrape{hub: h, process: w.Process, gen: r.Generation(), loop: w.Loop, r: r}
	r.Hold()
	r.SetReadHandler(http.TestReading)
	r.Cleanup(forget, s)
	go s.run() // ends when all workers have answered, or after answerTime; maxScrapes at most
	return http.Done
}

package master

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"weir/appliance/conf"
	"weir/ebpf/filter"
)

// filterReport is what GET /filter shows.
type filterReport struct {
	Devices map[string]filter.Mode  `json:"devices"` // with the mode there
	Counts  map[string]filter.Count `json:"counts"`  // packets by what became of them
	Lists   map[string]listReport   `json:"lists"`
	// Pending is how many seconds are left to confirm a change; absent when
	// nothing is to be confirmed.
	Pending int             `json:"pending,omitempty"`
	Samples []filter.Sample `json:"samples"` // the last packets dropped, as far as kept
}

type listReport struct {
	Networks int            `json:"networks"`
	Top      []filter.Entry `json:"top"` // that matched most packets
}

// topEntries is how many networks of a list are shown.
const topEntries = 10

// filterAPI answers a request for a path below /filter: a status code and a
// body. It is run by the master's goroutine.
func (m *master) filterAPI(method string, u *url.URL) (code int, body []byte) {
	switch {
	case u.Path == "/filter" && method == "GET":
		return m.reportFilter()
	case u.Path == "/filter/confirm" && method == "POST":
		return done(m.confirm())
	case u.Path == "/filter/allow" && (method == "POST" || method == "DELETE"):
		return m.changeFilter(filter.Allow, method == "POST", u.Query())
	case u.Path == "/filter/block" && (method == "POST" || method == "DELETE"):
		return m.changeFilter(filter.Block, method == "POST", u.Query())
	}
	return 404, []byte("ask for GET /filter, POST /filter/confirm, or POST or DELETE /filter/{allow,block}?network=N\n")
}

func done(err error) (int, []byte) {
	if err != nil {
		return 409, []byte(err.Error() + "\n")
	}
	return 200, []byte("done\n")
}

func (m *master) changeFilter(l filter.List, add bool, q url.Values) (int, []byte) {
	var networks []netip.Prefix
	for _, text := range q["network"] {
		p, err := filter.ParseNetwork(text)
		if err != nil {
			return 400, []byte(err.Error() + "\n")
		}
		networks = append(networks, p)
	}
	if networks == nil {
		return 400, []byte("no network=\n")
	}
	c := listChange{list: l, add: add, networks: networks}
	for name, into := range map[string]*time.Duration{"confirm": &c.confirm, "for": &c.stay} {
		if text := q.Get(name); text != "" {
			ms, ok := conf.ParseTime(text, false)
			if !ok {
				return 400, fmt.Appendf(nil, "invalid time in %s=\n", name)
			}
			*into = time.Duration(ms) * time.Millisecond
		}
	}
	return done(m.guard.change(c))
}

func (m *master) reportFilter() (int, []byte) {
	g := &m.guard
	if g.f == nil {
		return done(errNoFilter)
	}
	counts, err := g.f.Counts()
	if err != nil {
		return done(err)
	}
	r := filterReport{Devices: g.f.Modes(), Counts: counts, Lists: map[string]listReport{}, Samples: g.f.Samples()}
	for _, l := range []filter.List{filter.Allow, filter.Block} {
		r.Lists[l.String()] = listReport{g.f.Entries(l), g.f.Top(l, topEntries)}
	}
	if len(g.undo) > 0 {
		r.Pending = max(1, int(time.Until(g.deadline).Seconds()))
	}
	data, err := json.MarshalIndent(&r, "", "  ")
	if err != nil {
		panic("BUG: master: filter: " + err.Error())
	}
	return 200, append(data, '\n')
}

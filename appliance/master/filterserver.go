package master

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/ebpf/filter"
)

// Bounds of what modules of the server may do: they run what clients send.
const (
	maxTheirs = 100_000 // networks in a list
	maxShown  = 1000
)

// answerFilter answers a question of a module of the server. The server has no
// rights: it may change the lists that server_lists names, and there only what
// its modules have put into them.
func (m *master) answerFilter(text string) {
	var q cycle.FilterQuestion
	err := json.Unmarshal([]byte(text), &q)
	a := &cycle.FilterAnswer{}
	if err == nil {
		a, err = m.guard.serverAsks(&q)
	}
	if err != nil {
		a = &cycle.FilterAnswer{Error: err.Error()}
	}
	if q.ID == 0 {
		if err != nil {
			errlog.Default().Printf(errlog.Error, 0, "a change of the packet filter is refused: %v", err)
		}
		return
	}
	a.ID = q.ID
	data, err := json.Marshal(a)
	if err != nil {
		panic("BUG: master: filter: " + err.Error())
	}
	m.send(m.server, &server.Message{Op: server.Filtered, Body: data})
}

// serverAsks does what a question asks for.
func (g *guard) serverAsks(q *cycle.FilterQuestion) (*cycle.FilterAnswer, error) {
	if g.f == nil {
		return nil, errNoFilter
	}
	l := filter.Block
	if q.Allow {
		l = filter.Allow
	}
	switch q.Op {
	case cycle.FilterCounts:
		st, err := g.state()
		return &cycle.FilterAnswer{State: st}, err
	case cycle.FilterShow:
		return &cycle.FilterAnswer{Networks: g.show(l, min(q.Most, maxShown)), Total: len(g.theirs[l])}, nil
	case cycle.FilterAdd, cycle.FilterRemove:
		n, err := g.serverChanges(l, q)
		return &cycle.FilterAnswer{Changed: n, Total: len(g.theirs[l])}, err
	}
	return nil, fmt.Errorf("BUG: master: filter: question %q", q.Op)
}

// serverChanges adds or removes networks and returns how many. Those that the
// operator has in the list stay his.
func (g *guard) serverChanges(l filter.List, q *cycle.FilterQuestion) (int, error) {
	if g.conf.Server == "off" || l == filter.Allow && g.conf.Server != "both" {
		return 0, fmt.Errorf("server_lists is %q: the %s list is not to be changed from here", g.conf.Server, l)
	}
	add := q.Op == cycle.FilterAdd
	var free []netip.Prefix
	for _, p := range q.Networks {
		if p = filter.Normal(p); !p.IsValid() || p.Bits() == 0 {
			return 0, fmt.Errorf("invalid network %s", p)
		}
		_, there := g.own[l][p]
		_, theirs := g.theirs[l][p]
		if g.inFile(l, p) || there && !theirs || !there && !add {
			continue
		}
		free = append(free, p)
	}
	if add && len(g.theirs[l])+len(free) > maxTheirs {
		return 0, errors.New("modules of the server have too many networks in the list")
	}
	return len(free), g.change(listChange{list: l, add: add, networks: free, stay: q.For, server: true})
}

// show lists networks that modules of the server have added: as many as wanted,
// whichever, so that long lists cost no more.
func (g *guard) show(l filter.List, most int) []cycle.FilterNetwork {
	list := []cycle.FilterNetwork{}
	now := time.Now()
	for p := range g.theirs[l] {
		if len(list) >= most {
			break
		}
		n := cycle.FilterNetwork{Network: p, Packets: g.f.Hits(l, p)}
		if until := g.own[l][p]; !until.IsZero() {
			n.Left = max(until.Sub(now), 1)
		}
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b cycle.FilterNetwork) int { return a.Network.Compare(b.Network) })
	return list
}

// state is what the filter is and has counted.
func (g *guard) state() (*cycle.FilterState, error) {
	counts, err := g.f.Counts()
	if err != nil {
		return nil, err
	}
	st := &cycle.FilterState{Devices: map[string]string{}, Verdicts: map[string]cycle.FilterCount{}, Networks: map[string]int{}, Pending: len(g.undo) > 0}
	for device, mode := range g.f.Modes() {
		st.Devices[device] = string(mode)
	}
	for verdict, c := range counts {
		st.Verdicts[verdict] = cycle.FilterCount(c)
	}
	for _, l := range []filter.List{filter.Allow, filter.Block} {
		st.Networks[l.String()] = g.f.Entries(l)
	}
	return st, nil
}

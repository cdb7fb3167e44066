package upstream

import "weir/appliance/http"

// PeerStatus is what all workers together know of a peer.
type PeerStatus struct {
	Group, Address string
	Backup, Down   bool
	Conns          int // requests being passed to it
	Fails          int // failures within fail_timeout
	Available      bool
}

// Status lists the peers of a configuration, for metrics. now is the wall
// clock in Unix seconds. It may be called from any goroutine.
func Status(g *http.Generation, now int64) []PeerStatus {
	var list []PeerStatus
	for _, gr := range mainSlot.Of(g).groups {
		set := gr.set.Load()
		list = appendStatus(list, gr.Name, set, false, now)
		if set.backup != nil {
			list = appendStatus(list, gr.Name, set.backup, true, now)
		}
	}
	return list
}

func appendStatus(list []PeerStatus, group string, s *Set, backup bool, now int64) []PeerStatus {
	for _, p := range s.peers {
		list = append(list, PeerStatus{
			Group: group, Address: string(p.Name), Backup: backup, Down: p.Down,
			Conns: int(p.state.conns.Load()), Fails: int(p.state.fails.Load()), Available: p.usable(now),
		})
	}
	return list
}

// Idle returns how many idle connections to backends a worker keeps; call it
// on the worker's loop.
func Idle(w *http.Worker) int {
	n := 0
	for _, l := range workerSlot.Of(w).groups {
		n += l.idle.n
	}
	return n
}

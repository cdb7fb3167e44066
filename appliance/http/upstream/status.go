package upstream

import (
	"time"

	"weir/appliance/http"
)

// PeerStatus is a look at one peer, for metrics.
type PeerStatus struct {
	Group  string // name of the block, or the host passed to
	Peer   string // address
	Backup bool
	Usable bool // may be chosen now: not down, not failing, not at max_conns
	Conns  int  // requests being passed to it
	Fails  int  // failures within fail_timeout
}

// Peers returns the peers of all groups of a configuration. Any goroutine may
// call it.
func Peers(gen *http.Generation, now time.Time) (list []PeerStatus) {
	for _, g := range mainSlot.Of(gen).groups {
		s := g.set.Load()
		for backup := false; s != nil; s, backup = s.backup, true {
			for _, p := range s.peers {
				list = append(list, PeerStatus{
					Group: g.Name, Peer: string(p.Name), Backup: backup, Usable: p.usable(now.Unix()),
					Conns: int(p.state.conns.Load()), Fails: int(p.state.fails.Load()),
				})
			}
		}
	}
	return list
}

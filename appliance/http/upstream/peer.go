package upstream

import (
	"sync"
	"sync/atomic"

	"weir/netio/sock"
)

// Peer is one address of a group.
type Peer struct {
	// Immutable.
	Addr        sock.Addr
	Name        []byte // address as text: $upstream_addr
	Server      string // as the server directive has it
	Weight      int32
	MaxFails    int32
	MaxConns    int32
	FailTimeout int64 // seconds
	Down        bool

	state *peerState // shared by all workers
}

// peerState is what workers know together about a peer. It is found again
// after a reload by the peer's identity.
type peerState struct {
	conns    atomic.Int32 // requests being passed to it
	fails    atomic.Int32 // failures within fail_timeout
	checked  atomic.Int64 // when it was last chosen while failing, or failed: Unix seconds
	accessed atomic.Int64 // when it last failed: Unix seconds
}

// usable reports whether the peer may be chosen now.
func (p *Peer) usable(now int64) bool {
	s := p.state
	switch {
	case p.Down:
		return false
	case p.MaxFails != 0 && s.fails.Load() >= p.MaxFails && now-s.checked.Load() <= p.FailTimeout:
		return false
	case p.MaxConns != 0 && s.conns.Load() >= p.MaxConns:
		return false
	}
	return true
}

// reserve counts one more request to the peer, unless there are max_conns of
// them already: usable may have been true for two workers at a time.
func (p *Peer) reserve() bool {
	conns := &p.state.conns
	if p.MaxConns == 0 {
		conns.Add(1)
		return true
	}
	for {
		n := conns.Load()
		if n >= p.MaxConns {
			return false
		}
		if conns.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// checkedAt notes that a request goes to the peer, which may be failing.
func (p *Peer) checkedAt(now int64) {
	s := p.state
	if now-s.checked.Load() > p.FailTimeout {
		s.checked.Store(now)
	}
}

// Set is the peers of a group at one time. It is immutable.
type Set struct {
	peers  []*Peer
	total  int32 // of weights
	tries  int   // peers that are not down
	single bool  // one peer and no backup: no failure is ever counted
	backup *Set  // nil for none
	points []point
}

func newSet(peers, backup []*Peer) *Set {
	s := &Set{peers: peers}
	for _, p := range peers {
		s.total += p.Weight
		if !p.Down {
			s.tries++
		}
	}
	if len(backup) > 0 {
		s.backup = newSet(backup, nil)
		s.backup.single = false
	}
	s.single = len(peers) == 1 && s.backup == nil
	return s
}

// allTries is how many peers a request may be passed to in turn.
func (s *Set) allTries() int {
	if s.backup != nil {
		return s.tries + s.backup.tries
	}
	return s.tries
}

// groupState keeps the states of a group's peers over reloads.
type groupState struct {
	mu    sync.Mutex
	peers map[string]*peerState // by server and address
	found map[string][]address  // addresses of names resolved at run time, by name and service
}

// remember keeps what resolution brought for the next configuration.
func (g *groupState) remember(s *server, list []address) {
	g.mu.Lock()
	g.found[s.url.Host+"\x00"+s.service] = list
	g.mu.Unlock()
}

// recall gives a server the addresses it had under the last configuration.
func (g *groupState) recall(s *server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list, ok := g.found[s.url.Host+"\x00"+s.service]
	if !ok {
		return
	}
	mine := append([]address(nil), list...)
	for i := range mine {
		if s.service == "" {
			mine[i].weight, mine[i].addr = s.weight, mine[i].addr.WithPort(s.url.Port)
		}
	}
	s.found.Store(&mine)
}

// prune forgets peers that resolution has not brought for long, when they
// have become many more than those there are. seen has those of the set.
func (g *groupState) prune(seen map[string]int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.peers) < 4*len(seen)+64 {
		return
	}
	for key, s := range g.peers {
		if seen[key] == 0 && s.conns.Load() == 0 {
			delete(g.peers, key)
		}
	}
}

// of returns the state of a peer's identity. Of several peers with the same
// server and address, each has its own; seen counts them.
func (g *groupState) of(p *Peer, seen map[string]int) *peerState {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := p.Server + "\x00" + string(p.Name)
	n := seen[key]
	seen[key]++
	if n > 0 {
		key += "\x00" + itoa(int64(n))
	}
	s := g.peers[key]
	if s == nil {
		s = new(peerState)
		g.peers[key] = s
	}
	return s
}

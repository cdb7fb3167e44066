package upstream

// weights are one worker's round robin over a Set.
type weights struct {
	set                *Set
	current, effective []int32
}

// follow makes the weights those of set; peers that stay keep theirs.
func (w *weights) follow(set *Set) {
	if w.set == set {
		return
	}
	n := len(set.peers)
	current, effective := make([]int32, n), make([]int32, n)
	for i, p := range set.peers {
		effective[i] = p.Weight
		if w.set == nil {
			continue
		}
		for j, q := range w.set.peers {
			if q.Addr == p.Addr && q.Weight == p.Weight {
				current[i], effective[i] = w.current[j], w.effective[j]
				break
			}
		}
	}
	w.set, w.current, w.effective = set, current, effective
}

// selection is the choice of peers for one request.
type selection struct {
	set      *Set
	w        *weights
	peer     *Peer
	index    int
	onBackup bool
	tries    int // how many more may be tried, the current one included
	tried    uint64
	more     []uint64 // tried peers from the 65th on

	// Of ip_hash and hash.
	key       []byte
	hash      uint32
	rehash    uint32
	hashTries int
}

func (s *selection) wasTried(i int) bool {
	if i < 64 {
		return s.tried&(1<<i) != 0
	}
	i -= 64
	return i>>6 < len(s.more) && s.more[i>>6]&(1<<(i&63)) != 0
}

func (s *selection) markTried(i int) {
	if i < 64 {
		s.tried |= 1 << i
		return
	}
	i -= 64
	for i>>6 >= len(s.more) {
		s.more = append(s.more, 0)
	}
	s.more[i>>6] |= 1 << (i & 63)
}

// take makes peer i the chosen one. It returns false when other workers have
// filled the peer meanwhile; it then counts as tried.
func (s *selection) take(i int, now int64) bool {
	s.markTried(i)
	p := s.set.peers[i]
	if !p.reserve() {
		return false
	}
	s.peer, s.index = p, i
	p.checkedAt(now)
	return true
}

// roundRobin chooses by weight among those not tried yet, then among the
// backup peers. It returns false when none is live.
func (x *Exchange) roundRobin(now int64) bool {
	s := &x.sel
	if s.set.single {
		p := s.set.peers[0]
		if p.Down || !p.reserve() {
			return false
		}
		s.peer, s.index = p, 0
		return true
	}
	for i := s.weighted(now, nil); i >= 0; i = s.weighted(now, nil) {
		if s.take(i, now) {
			return true
		}
	}
	return x.toBackup() && x.roundRobin(now)
}

// toBackup goes on with the backup peers, if there are any left to go to.
func (x *Exchange) toBackup() bool {
	s := &x.sel
	if s.set.backup == nil {
		return false
	}
	s.set, s.onBackup = s.set.backup, true
	s.tried, s.more = 0, s.more[:0]
	if x.local != nil {
		s.w = &x.local.backup
	}
	s.follow()
	return true
}

// follow has the weights fit the set.
func (s *selection) follow() {
	if s.w == nil {
		s.w = new(weights) // addresses of one request alone
	}
	s.w.follow(s.set)
}

// weighted is smooth weighted round robin: every usable peer gains its
// effective weight, the one with most gives up the total. With only, peers
// for which it says no stay out. It returns -1 for none.
func (s *selection) weighted(now int64, only func(i int) bool) int {
	best, total := -1, int32(0)
	w := s.w
	for i, p := range s.set.peers {
		if s.wasTried(i) || !p.usable(now) || only != nil && !only(i) {
			continue
		}
		w.current[i] += w.effective[i]
		total += w.effective[i]
		if w.effective[i] < p.Weight {
			w.effective[i]++
		}
		if best < 0 || w.current[i] > w.current[best] {
			best = i
		}
	}
	if best >= 0 {
		w.current[best] -= total
	}
	return best
}

// freeChoice ends the use of the chosen peer; failed counts against it.
func (x *Exchange) freeChoice(failed bool) {
	s := &x.sel
	p := s.peer
	st := p.state
	st.conns.Add(-1)
	s.peer = nil
	if x.outside.chosen {
		if s.tries > 0 {
			s.tries--
		}
		return
	}
	if s.set.single {
		if st.fails.Load() != 0 {
			st.fails.Store(0)
		}
		s.tries = 0
		return
	}
	if failed {
		now := x.ws.w.Loop.Unix()
		fails := st.fails.Add(1)
		st.accessed.Store(now)
		st.checked.Store(now)
		if p.MaxFails != 0 {
			e := &s.w.effective[s.index]
			*e = max(0, *e-p.Weight/p.MaxFails)
			if fails >= p.MaxFails {
				x.logWarn("upstream server temporarily disabled")
			}
		}
	} else if st.accessed.Load() < st.checked.Load() {
		st.fails.Store(0)
	}
	if s.tries > 0 {
		s.tries--
	}
}

package upstream

import (
	"hash/crc32"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"weir/netio/sock"
)

// peersOf makes peers "a", "b", ... with the given weights.
func peersOf(weights ...int32) []*Peer {
	var list []*Peer
	for i, w := range weights {
		name := string(rune('a' + i))
		a, err := sock.ParseAddr("127.0.0.1:" + itoa(int64(1000+i)))
		if err != nil {
			panic(err)
		}
		list = append(list, &Peer{Addr: a, Name: []byte(name), Server: name + ":80", Weight: w, MaxFails: 1, FailTimeout: 10, state: new(peerState)})
	}
	return list
}

// balancer is an exchange that is only asked to choose.
func balancer(set *Set, m method) *Exchange {
	x := &Exchange{}
	x.group = &Group{method: m}
	x.local = &local{}
	x.begin(set)
	return x
}

// begin makes the exchange choose anew.
func (x *Exchange) begin(set *Set) {
	x.sel = selection{set: set, w: &x.local.primary, tries: set.allTries()}
	x.sel.follow()
}

// take1 chooses a peer for a request of its own and ends it.
func take1(x *Exchange, set *Set, now int64, choose func(int64) bool) string {
	x.begin(set)
	if !choose(now) {
		return "-"
	}
	p := x.sel.peer
	p.state.conns.Add(-1)
	return string(p.Name)
}

func TestRoundRobinIsSmoothByWeight(t *testing.T) {
	set := newSet(peersOf(5, 1, 1), nil)
	x := balancer(set, roundRobin)
	var got strings.Builder
	for range 14 {
		got.WriteString(take1(x, set, 100, x.roundRobin))
	}
	if want := "aabacaaaabacaa"; got.String() != want {
		t.Errorf("got %s, want %s", got.String(), want)
	}
}

func TestPeersThatFailedWait(t *testing.T) {
	peers := peersOf(1, 1)
	set := newSet(peers, nil)
	x := balancer(set, roundRobin)
	peers[0].state.fails.Store(1)
	peers[0].state.checked.Store(100)
	for now, want := range map[int64]string{100: "bb", 110: "bb"} {
		if got := take1(x, set, now, x.roundRobin) + take1(x, set, now, x.roundRobin); got != want {
			t.Errorf("at %d: got %s, want %s", now, got, want)
		}
	}
	got := take1(x, set, 111, x.roundRobin) + take1(x, set, 111, x.roundRobin)
	if !strings.Contains(got, "a") {
		t.Errorf("after fail_timeout: got %s, want a among them", got)
	}
}

func TestAllTriedMeansBackupThenNone(t *testing.T) {
	set := newSet(peersOf(1, 1), peersOf(1, 1, 1)[2:])
	x := balancer(set, roundRobin)
	var got strings.Builder
	for x.roundRobin(100) {
		got.Write(x.sel.peer.Name)
	}
	if got.String() != "abc" {
		t.Errorf("got %s, want abc", got.String())
	}
}

func TestMaxConnsAndDownKeepRequestsAway(t *testing.T) {
	peers := peersOf(1, 1, 1)
	peers[0].MaxConns = 1
	peers[0].state.conns.Store(1)
	peers[1].Down = true
	set := newSet(peers, nil)
	x := balancer(set, roundRobin)
	for range 3 {
		if got := take1(x, set, 1, x.roundRobin); got != "c" {
			t.Fatalf("got %s, want c", got)
		}
	}
	one := newSet(peers[:1], nil)
	if got := take1(x, one, 1, x.roundRobin); got != "-" {
		t.Errorf("a single full peer: got %s, want none", got)
	}
}

func TestLeastConnPrefersIdlePeersForTheirWeight(t *testing.T) {
	peers := peersOf(1, 2, 1)
	set := newSet(peers, nil)
	x := balancer(set, leastConn)
	peers[0].state.conns.Store(2)
	peers[1].state.conns.Store(3)
	peers[2].state.conns.Store(2)
	if got := take1(x, set, 1, x.leastConn); got != "b" {
		t.Errorf("got %s, want b", got)
	}
	peers[1].state.conns.Store(4)
	var seen strings.Builder
	for range 4 { // all equal now: by weight in turn
		seen.WriteString(take1(x, set, 1, x.leastConn))
	}
	if strings.Count(seen.String(), "b") != 2 {
		t.Errorf("got %s, want b twice", seen.String())
	}
}

func TestHashesStayWithTheirPeer(t *testing.T) {
	peers := peersOf(1, 1, 1, 1)
	set := newSet(peers, nil)
	set.layOut()
	x := balancer(set, keyHash)
	count := map[string]int{}
	for i := range 400 {
		key := []byte("key" + itoa(int64(i)))
		pick := func(m method) string {
			x.group.method = m
			x.begin(set)
			x.sel.key = key
			choose := x.hashed
			if m == consistentHash {
				x.sel.hash = set.find(crc32.ChecksumIEEE(key))
				choose = x.consistent
			}
			if !choose(1) {
				t.Fatal("no peer")
			}
			x.sel.peer.state.conns.Add(-1)
			return string(x.sel.peer.Name)
		}
		for _, m := range []method{keyHash, consistentHash} {
			first := pick(m)
			if again := pick(m); again != first {
				t.Fatalf("key %s: got %s, then %s", key, first, again)
			}
			count[first]++
		}
	}
	for name, n := range count {
		if n < 100 || n > 320 {
			t.Errorf("peer %s: got %d of 800, want about 200", name, n)
		}
	}
	if len(count) != 4 {
		t.Errorf("got %d peers, want 4", len(count))
	}
}

func TestConsistentHashMovesFewKeysWhenAPeerGoes(t *testing.T) {
	peers := peersOf(1, 1, 1, 1, 1)
	all, fewer := newSet(peers, nil), newSet(peers[:4], nil)
	all.layOut()
	fewer.layOut()
	moved := 0
	for i := range 1000 {
		h := crc32.ChecksumIEEE([]byte("k" + itoa(int64(i))))
		a := all.points[int(all.find(h))%len(all.points)].server
		b := fewer.points[int(fewer.find(h))%len(fewer.points)].server
		if a != b {
			if a != "e:80" {
				t.Fatalf("key %d moved from %s to %s", i, a, b)
			}
			moved++
		}
	}
	if moved < 100 || moved > 320 {
		t.Errorf("got %d of 1000 keys moved, want about 200", moved)
	}
}

func TestAGroupWithoutAddressesHasNoLivePeer(t *testing.T) {
	set := newSet(nil, nil)
	set.layOut()
	for m := roundRobin; m <= randomTwo; m++ {
		x := balancer(set, m)
		x.sel.key = []byte("key")
		for name, choose := range map[string]func(int64) bool{
			"roundRobin": x.roundRobin, "leastConn": x.leastConn, "hashed": x.hashed, "consistent": x.consistent, "random": x.random,
		} {
			if choose(1) {
				t.Errorf("method %d, %s: got a peer", m, name)
			}
		}
	}
}

func TestWeightsFollowTheSet(t *testing.T) {
	peers := peersOf(1, 1, 1)
	var w weights
	w.follow(newSet(peers, nil))
	w.current[2], w.effective[2] = 7, 0
	w.follow(newSet(peers[1:], nil))
	if w.current[1] != 7 || w.effective[1] != 0 {
		t.Errorf("got %v %v, want the third peer's state kept", w.current, w.effective)
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	set := newSet(peersOf(3, 2, 1), nil)
	x := balancer(set, roundRobin)
	if n := testing.AllocsPerRun(1000, func() { take1(x, set, 1, x.roundRobin) }); n > 1 {
		t.Errorf("got %v allocations, want only the name's", n)
	}
}

func TestWorkersTogetherKeepToMaxConns(t *testing.T) {
	const limit, workers, requests = 5, 4, 50
	peers := peersOf(1, 1)
	for _, p := range peers {
		p.MaxConns = limit
	}
	for m, want := range map[method]int32{roundRobin: 2 * limit, leastConn: 2 * limit} {
		set := newSet(peers, nil)
		var got atomic.Int32
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				x := balancer(set, m)
				choose := x.roundRobin
				if m == leastConn {
					choose = x.leastConn
				}
				for range requests {
					x.begin(set)
					if choose(1) {
						got.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if got.Load() != want {
			t.Errorf("method %d: got %d requests let through, want %d", m, got.Load(), want)
		}
		for _, p := range peers {
			p.state.conns.Store(0)
		}
	}
}

func TestAPeerFilledByAnotherWorkerIsNotTaken(t *testing.T) {
	peers := peersOf(1)
	peers[0].MaxConns = 1
	s := selection{set: newSet(peers, nil)}
	if !peers[0].usable(1) {
		t.Fatal("an idle peer is not usable")
	}
	peers[0].state.conns.Store(1) // the other worker, behind the look
	if s.take(0, 1) || s.peer != nil || peers[0].state.conns.Load() != 1 {
		t.Errorf("got peer %v and %d requests, want none and 1", s.peer, peers[0].state.conns.Load())
	}
}

func TestMoreTriesKeepToTheLimit(t *testing.T) {
	for _, c := range []struct {
		limit, asked, left, more, want int
	}{
		{0, 1, 1, 5, 5},
		{3, 1, 1, 1, 1},
		{3, 1, 1, 5, 2},
		{3, 3, 1, 1, 0},
		{1, 1, 2, 1, 0},
	} {
		x := &Exchange{}
		x.conf = &Conf{}
		x.conf.NextTries.V = c.limit
		x.outside.tries, x.sel.tries = c.asked, c.left
		if ok := x.MoreTries(c.more); x.outside.more != c.want || ok != (c.want == c.more) {
			t.Errorf("%+v: got %d, %t", c, x.outside.more, ok)
		}
	}
}

func TestAnOutsidePeerCountsNoFailures(t *testing.T) {
	set := newSet(peersOf(1, 1), nil)
	x := balancer(set, roundRobin)
	x.own = Peer{Addr: set.peers[0].Addr, state: &x.ownState} // as SetPeer does
	x.sel.peer, x.outside.chosen = &x.own, true
	p := x.sel.peer
	p.state.conns.Add(1)
	x.freeChoice(true)
	if x.sel.tries != 1 || p.state.conns.Load() != 0 || set.peers[0].state.fails.Load() != 0 {
		t.Errorf("got %d tries left, %d requests, %d failures, want 1, 0, 0", x.sel.tries, p.state.conns.Load(), set.peers[0].state.fails.Load())
	}
}

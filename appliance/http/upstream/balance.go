package upstream

import (
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"weir/netio/sock"
)

// method is how a group chooses among its peers.
type method uint8

const (
	roundRobin method = iota
	leastConn
	ipHash
	keyHash
	consistentHash
	random
	randomTwo
)

// maxHashTries bounds how often a hash is taken again before round robin
// decides.
const maxHashTries = 20

// choose picks a peer for the next try. It returns false when none is live.
func (x *Exchange) choose() bool {
	now := x.ws.w.Loop.Unix()
	s := &x.sel
	if x.group == nil || s.onBackup && x.group.method != leastConn {
		return x.roundRobin(now)
	}
	switch x.group.method {
	case leastConn:
		return x.leastConn(now)
	case ipHash, keyHash:
		return x.hashed(now)
	case consistentHash:
		return x.consistent(now)
	case random, randomTwo:
		return x.random(now)
	}
	return x.roundRobin(now)
}

// beginChoice prepares the selection for the group's method.
func (x *Exchange) beginChoice() {
	s := &x.sel
	*s = selection{more: s.more[:0]}
	s.set = x.group.set.Load()
	s.w = &x.local.primary
	s.follow()
	s.tries = s.set.allTries()
	if x.group.balancer != nil {
		s.tries = max(s.tries, 1) // there may be no servers
	}
	switch x.group.method {
	case ipHash:
		s.key, s.hash = x.clientKey(), 89
	case keyHash:
		s.key = x.group.hashKey.Eval(x.R)
	case consistentHash:
		s.key = x.group.hashKey.Eval(x.R)
		s.hash = s.set.find(crc32.ChecksumIEEE(s.key))
	}
}

// clientKey is what ip_hash hashes: three bytes of an IPv4 address, all of an
// IPv6 one.
func (x *Exchange) clientKey() []byte {
	a := x.R.Client().Remote()
	b := a.AppendBinary(x.R.Alloc(16)[:0])
	switch a.Family() {
	case sock.IPv4:
		return b[:3]
	case sock.IPv6:
		return b
	}
	return noAddress
}

// noAddress stands for the address of a client that has none.
var noAddress = make([]byte, 3)

// leastConn picks the peer with the fewest requests for its weight, and by
// round robin among equals.
func (x *Exchange) leastConn(now int64) bool {
	s := &x.sel
	if s.set.single {
		return x.roundRobin(now)
	}
	best, many := -1, false
	for i, p := range s.set.peers {
		if s.wasTried(i) || !p.usable(now) {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := s.set.peers[best]
		l, r := p.state.conns.Load()*b.Weight, b.state.conns.Load()*p.Weight
		switch {
		case l < r:
			best, many = i, false
		case l == r:
			many = true
		}
	}
	if best < 0 {
		return x.toBackup() && x.leastConn(now)
	}
	if many {
		b := s.set.peers[best]
		least := b.state.conns.Load()
		best = s.weighted(now, func(i int) bool {
			p := s.set.peers[i]
			return p.state.conns.Load()*b.Weight == least*p.Weight
		})
		if best < 0 { // another worker was faster
			return x.roundRobin(now)
		}
	}
	return s.take(best, now) || x.leastConn(now)
}

// hashed picks by the client's address or by the hash of a key, as
// Cache::Memcached does; a peer that cannot serve has the hash taken again.
func (x *Exchange) hashed(now int64) bool {
	s := &x.sel
	if s.hashTries > maxHashTries || len(s.set.peers) < 2 || len(s.key) == 0 && x.group.method == keyHash {
		return x.roundRobin(now)
	}
	for {
		i := s.byWeight(s.nextHash(x.group.method))
		if !s.wasTried(i) && s.set.peers[i].usable(now) && s.take(i, now) {
			return true
		}
		if s.hashTries++; s.hashTries > maxHashTries {
			return x.roundRobin(now)
		}
	}
}

func (s *selection) nextHash(m method) uint32 {
	if m == ipHash {
		for _, c := range s.key {
			s.hash = (s.hash*113 + uint32(c)) % 6271
		}
		return s.hash
	}
	var text [20]byte
	sum := uint32(0)
	if s.rehash > 0 {
		sum = crc32.Update(sum, crc32.IEEETable, strconv.AppendUint(text[:0], uint64(s.rehash), 10))
	}
	sum = crc32.Update(sum, crc32.IEEETable, s.key)
	s.rehash++
	s.hash += sum >> 16 & 0x7fff
	return s.hash
}

// byWeight returns the peer that position h of the total weight belongs to.
func (s *selection) byWeight(h uint32) int {
	w := int32(h % uint32(s.set.total))
	for i, p := range s.set.peers {
		if w -= p.Weight; w < 0 {
			return i
		}
	}
	return 0
}

// point is a place of a server on the circle of consistent hashing, as
// Cache::Memcached::Fast (ketama) lays it out.
type point struct {
	hash   uint32
	server string
}

// pointsPerWeight is how many points each unit of weight gets.
const pointsPerWeight = 160

// layOut makes the circle.
func (s *Set) layOut() {
	for _, p := range s.peers {
		host, port := p.Server, ""
		if rest, ok := strings.CutPrefix(host, "unix:"); ok {
			host = rest
		} else if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Trim(host[i+1:], "0123456789") == "" {
			host, port = host[:i], host[i+1:]
		}
		base := []byte(host + "\x00" + port)
		prev := [4]byte{}
		for range int(p.Weight) * pointsPerWeight {
			h := crc32.ChecksumIEEE(append(base[:len(base):len(base)], prev[:]...))
			s.points = append(s.points, point{h, p.Server})
			prev = [4]byte{byte(h), byte(h >> 8), byte(h >> 16), byte(h >> 24)}
		}
	}
	slices.SortStableFunc(s.points, func(a, b point) int {
		if a.hash < b.hash {
			return -1
		}
		if a.hash > b.hash {
			return 1
		}
		return 0
	})
	s.points = slices.CompactFunc(s.points, func(a, b point) bool { return a.hash == b.hash })
}

// find returns the index of the first point at or after h.
func (s *Set) find(h uint32) uint32 {
	i, _ := slices.BinarySearchFunc(s.points, h, func(p point, h uint32) int {
		switch {
		case p.hash < h:
			return -1
		case p.hash > h:
			return 1
		}
		return 0
	})
	return uint32(i)
}

// consistent picks the server next on the circle; several addresses of one
// server take turns.
func (x *Exchange) consistent(now int64) bool {
	s := &x.sel
	if s.hashTries > maxHashTries || s.set.single || len(s.key) == 0 || len(s.set.points) == 0 {
		return x.roundRobin(now)
	}
	for {
		server := s.set.points[int(s.hash)%len(s.set.points)].server
		i := s.weighted(now, func(i int) bool { return s.set.peers[i].Server == server })
		if i >= 0 && s.take(i, now) {
			return true
		}
		s.hash++
		if s.hashTries++; s.hashTries > maxHashTries {
			return x.roundRobin(now)
		}
	}
}

// random picks by chance and weight; with two, the less busy of two.
func (x *Exchange) random(now int64) bool {
	s := &x.sel
	if len(s.set.peers) < 2 || s.hashTries > maxHashTries {
		return x.roundRobin(now)
	}
	first := -1
	for {
		i := s.byWeight(rand.Uint32())
		if i != first && !s.wasTried(i) && s.set.peers[i].usable(now) {
			if x.group.method == random || first >= 0 {
				if first >= 0 && s.busier(i, first) {
					i = first
				}
				if s.take(i, now) {
					return true
				}
				i = -1
			}
			first = i
		}
		if s.hashTries++; s.hashTries > maxHashTries {
			return x.roundRobin(now)
		}
	}
}

// busier reports whether peer i has more requests for its weight than j.
func (s *selection) busier(i, j int) bool {
	p, q := s.set.peers[i], s.set.peers[j]
	return p.state.conns.Load()*q.Weight > q.state.conns.Load()*p.Weight
}

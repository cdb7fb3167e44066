package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// verdicts are the names of what became of packets, as the program numbers them.
var verdicts = [...]string{"passed", "allowed", "blocked", "syn_passed", "syn_limited"}

// counts mirrors struct count of the program, one per CPU.
type counts struct {
	Packets, Bytes [len(verdicts)]uint64
	Sampled        uint64
}

// Count is packets and their bytes.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Counts are the packets since the program was loaded, by what became of them.
func (f *Filter) Counts() (map[string]Count, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var perCPU []counts
	if err := f.coll.Maps[xdpMapCounts].Lookup(uint32(0), &perCPU); err != nil {
		return nil, fmt.Errorf("filter: counters: %w", err)
	}
	sum := make(map[string]Count, len(verdicts))
	for _, c := range perCPU {
		for i, name := range verdicts {
			s := sum[name]
			s.Packets += c.Packets[i]
			s.Bytes += c.Bytes[i]
			sum[name] = s
		}
	}
	return sum, nil
}

// Entry is a network of a list with the packets that it matched.
type Entry struct {
	Network netip.Prefix `json:"network"`
	Packets uint64       `json:"packets"`
}

// Entries is the number of networks of a list.
func (f *Filter) Entries(l List) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries[l])
}

// Hits is the number of packets that a network of a list matched, 0 for one
// that is not in it.
func (f *Filter) Hits(l List, p netip.Prefix) (hits uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, key := f.trie(l, Normal(p))
	if m.Lookup(key, &hits) != nil {
		return 0
	}
	return hits
}

// Top are the networks of a list that matched most packets, at most n, those
// that matched none left out. Lists of more than maxRanked are too long to be
// looked through: the answer is empty.
func (f *Filter) Top(l List, n int) []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.entries[l]) > maxRanked {
		return nil
	}
	var list []Entry
	for p := range f.entries[l] {
		m, key := f.trie(l, p)
		var hits uint64
		if m.Lookup(key, &hits) == nil && hits > 0 {
			list = append(list, Entry{p, hits})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		if a.Packets != b.Packets {
			return int(min(1, max(-1, int64(b.Packets-a.Packets))))
		}
		return a.Network.Addr().Compare(b.Network.Addr())
	})
	return list[:min(n, len(list))]
}

const maxRanked = 50_000

// Modes are the devices the program is attached to, with the mode there.
func (f *Filter) Modes() map[string]Mode {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := make(map[string]Mode, len(f.attached))
	for device, a := range f.attached {
		m[device] = a.mode
	}
	return m
}

// Sample is a packet that was dropped. At most one in 10 ms is kept per CPU.
type Sample struct {
	Time    time.Time  `json:"time"`
	Source  netip.Addr `json:"source"`
	Port    uint16     `json:"port"`    // destination; 0 when it was not read
	Verdict string     `json:"verdict"` // as in Counts
	Device  int        `json:"device"`  // index
}

// keptSamples is how many of the last samples are kept.
const keptSamples = 64

// sampleLog keeps the last samples.
type sampleLog struct {
	reader *ringbuf.Reader
	ended  chan struct{}
	mu     sync.Mutex
	last   []Sample
}

func (s *sampleLog) start(r *ringbuf.Reader) {
	s.reader, s.ended = r, make(chan struct{})
	go func() { // ends with the reader
		defer close(s.ended)
		var rec ringbuf.Record
		for r.ReadInto(&rec) == nil {
			if sm, ok := decodeSample(rec.RawSample); ok {
				s.keep(sm)
			}
		}
	}()
}

func (s *sampleLog) stop() {
	_ = s.reader.Close()
	<-s.ended
}

func (s *sampleLog) keep(sm Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == keptSamples {
		copy(s.last, s.last[1:])
		s.last = s.last[:keptSamples-1]
	}
	s.last = append(s.last, sm)
}

// Samples are the last dropped packets that were kept, oldest first.
func (f *Filter) Samples() []Sample {
	f.samples.mu.Lock()
	defer f.samples.mu.Unlock()
	return slices.Clone(f.samples.last)
}

// sampleSize is the size of the program's struct sample.
const sampleSize = 32

func decodeSample(b []byte) (Sample, bool) {
	if len(b) < sampleSize || int(b[27]) >= len(verdicts) {
		return Sample{}, false
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	age := time.Duration(now.Nano() - int64(binary.NativeEndian.Uint64(b)))
	s := Sample{
		Time: time.Now().Add(-age), Source: netip.AddrFrom4([4]byte(b[8:12])), Port: binary.NativeEndian.Uint16(b[24:]),
		Verdict: verdicts[b[27]], Device: int(binary.NativeEndian.Uint32(b[28:])),
	}
	if b[26] != 0 {
		s.Source = netip.AddrFrom16([16]byte(b[8:24]))
	}
	return s, true
}

package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// reply is what a name server of the tests does with one question. The zero
// reply is success with no record.
type reply struct {
	code      dnsmessage.RCode
	records   []dnsmessage.Resource
	authority []dnsmessage.Resource
	truncated bool
	drop      bool                     // no answer at all
	delay     time.Duration            // before the answer
	raw       func(msg []byte) []byte  // changes the message on the wire
	forged    func(id uint16) [][]byte // messages sent before it
}

// nameServer is a DNS server on 127.0.0.1, UDP and TCP on one port, that
// answers by a function and remembers what it was asked.
type nameServer struct {
	t      *testing.T
	addr   string
	udp    *net.UDPConn
	tcp    net.Listener
	answer func(q dnsmessage.Question, network string) reply

	mu    sync.Mutex
	asked []string // "A name" or "tcp A name"; guarded by mu
	ports map[int]bool
	ids   map[uint16]bool
}

// serve starts a name server that ends with the test.
func serve(t *testing.T, answer func(q dnsmessage.Question, network string) reply) *nameServer {
	t.Helper()
	s := &nameServer{t: t, answer: answer, ports: map[int]bool{}, ids: map[uint16]bool{}}
	for range 20 { // the port that UDP got may be taken for TCP
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err != nil {
			udp.Close()
			continue
		}
		s.udp, s.tcp, s.addr = udp, tcp, udp.LocalAddr().String()
		break
	}
	if s.udp == nil {
		t.Fatal("no port free for both UDP and TCP")
	}
	var wg sync.WaitGroup
	wg.Go(s.serveUDP)
	wg.Go(s.serveTCP)
	t.Cleanup(func() { s.udp.Close(); s.tcp.Close(); wg.Wait() })
	return s
}

func (s *nameServer) serveUDP() {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // ICMP from a client that has gone
		}
		msg := append([]byte(nil), buf[:n]...)
		go func() {
			s.handle(msg, "udp", int(from.Port()), func(out []byte) { s.udp.WriteToUDPAddrPort(out, from) })
		}()
	}
}

func (s *nameServer) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			msg := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, msg); err != nil {
				return
			}
			s.handle(msg, "tcp", 0, func(out []byte) {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
			})
		}()
	}
}

// handle answers one query message.
func (s *nameServer) handle(msg []byte, network string, port int, send func([]byte)) {
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil || len(m.Questions) != 1 {
		s.t.Errorf("query is malformed: %v", err)
		return
	}
	q := m.Questions[0]
	line := q.Type.String()[len("Type"):] + " " + trim(q.Name)
	if network == "tcp" {
		line = "tcp " + line
	}
	s.mu.Lock()
	s.asked = append(s.asked, line)
	s.ports[port] = true
	s.ids[m.ID] = true
	s.mu.Unlock()

	re := s.answer(q, network)
	time.Sleep(re.delay)
	if re.forged != nil {
		for _, f := range re.forged(m.ID) {
			send(f)
		}
	}
	if re.drop {
		return
	}
	out := pack(s.t, m.ID, q, re)
	if re.raw != nil {
		out = re.raw(out)
	}
	send(out)
}

// queries returns what was asked so far.
func (s *nameServer) queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// pack builds a response message.
func pack(t testing.TB, id uint16, q dnsmessage.Question, re reply) []byte {
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: id, Response: true, RecursionDesired: true, RecursionAvailable: true,
			RCode: re.code, Truncated: re.truncated},
		Questions:   []dnsmessage.Question{q},
		Answers:     slices.Clone(re.records), // Pack writes into them
		Authorities: slices.Clone(re.authority),
	}
	out, err := m.Pack()
	if err != nil {
		t.Errorf("packing a response: %v", err)
	}
	return out
}

func header(name string, typ dnsmessage.Type, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."), Type: typ, Class: dnsmessage.ClassINET, TTL: ttl}
}

func addr(name, ip string, ttl uint32) dnsmessage.Resource {
	a := netip.MustParseAddr(ip)
	if a.Is4() {
		return dnsmessage.Resource{Header: header(name, dnsmessage.TypeA, ttl), Body: &dnsmessage.AResource{A: a.As4()}}
	}
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeAAAA, ttl), Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}
}

func alias(name, to string, ttl uint32) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeCNAME, ttl),
		Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to + ".")}}
}

func srv(name, target string, port, priority, weight uint16) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeSRV, 60),
		Body: &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target + "."), Port: port, Priority: priority, Weight: weight}}
}

func soa(name string, ttl, minimum uint32) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeSOA, ttl),
		Body: &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns." + name + "."), MBox: dnsmessage.MustNewName("mail." + name + "."), MinTTL: minimum}}
}

// zone answers from a table "TYPE name" -> reply; what is not in it does not
// exist.
type zone map[string]reply

func (z zone) answer(q dnsmessage.Question, _ string) reply {
	re, ok := z[q.Type.String()[len("Type"):]+" "+lower(q.Name)]
	if !ok {
		re.code = dnsmessage.RCodeNameError
	}
	return re
}

// resolver returns a resolver of the servers that waits briefly for them.
func resolver(t *testing.T, cfg Config, servers ...*nameServer) *Resolver {
	t.Helper()
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, s.addr)
	}
	if !cfg.IPv4 && !cfg.IPv6 {
		cfg.IPv4 = true
	}
	if cfg.firstWait == 0 {
		cfg.firstWait = 150 * time.Millisecond
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// noSecond is a first wait for tests that count queries: however slow the machine, none is sent again.
const noSecond = time.Minute

// look waits for one lookup.
func look(t *testing.T, r *Resolver, q Query) Result {
	t.Helper()
	done := make(chan Result, 2)
	r.Lookup(q, func(res Result) { done <- res })
	select {
	case res := <-done:
		return res
	case <-time.After(time.Minute):
		t.Fatalf("lookup of %v did not end", q)
		return Result{}
	}
}

package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"weir/ebpf/nstest"
)

func load(t testing.TB) *Filter {
	t.Helper()
	nstest.NeedBPF(t)
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func networks(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		p, err := ParseNetwork(s)
		if err != nil {
			panic(err)
		}
		out = append(out, p)
	}
	return out
}

// frame makes an Ethernet frame. Before the TCP header stand the given bytes:
// IPv6 extension headers, of which next is the first's number.
func frame(source string, flags byte, o ...func([]byte) []byte) []byte {
	src := netip.MustParseAddr(source)
	b := make([]byte, 12, 128)
	if src.Is4() {
		b = append(b, 8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0)
		b = append(append(b, src.AsSlice()...), 10, 99, 0, 1)
	} else {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64)
		b = append(append(b, src.AsSlice()...), netip.MustParseAddr("fd99::1").AsSlice()...)
	}
	tcp := make([]byte, 20)
	binary.BigEndian.PutUint16(tcp, 40000)
	binary.BigEndian.PutUint16(tcp[2:], 80)
	tcp[12], tcp[13] = 0x50, flags
	b = append(b, tcp...)
	for _, f := range o {
		b = f(b)
	}
	return b
}

const (
	syn = 0x02
	ack = 0x10
)

// tagged puts VLAN tags in.
func tagged(n int) func([]byte) []byte {
	return func(b []byte) []byte {
		for range n {
			b = slices.Insert(b, 12, 0x81, 0, 0, 1)
		}
		return b
	}
}

// extended puts an IPv6 extension header in.
func extended(number byte, length int) func([]byte) []byte {
	return func(b []byte) []byte {
		h := make([]byte, 8*(length+1))
		h[0], h[1] = b[20], byte(length)
		if number == unix.IPPROTO_FRAGMENT {
			h[1] = 0
		}
		b[20] = number
		return slices.Insert(b, 54, h...)
	}
}

// set writes a byte.
func set(at int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b[at] = v; return b }
}

// run has the program judge a frame.
func (f *Filter) run(t *testing.T, b []byte) string {
	t.Helper()
	before, err := f.Counts()
	if err != nil {
		t.Fatal(err)
	}
	ret, err := f.coll.Programs[xdpProgFilter].Run(&ebpf.RunOptions{Data: b})
	if err != nil {
		t.Fatal(err)
	}
	after, err := f.Counts()
	if err != nil {
		t.Fatal(err)
	}
	for name := range after {
		if after[name] != before[name] {
			if dropped := name == "blocked" || name == "syn_limited"; dropped != (ret == 1) {
				t.Errorf("verdict %s, but the program returned %d", name, ret)
			}
			return name
		}
	}
	if ret != 2 {
		t.Errorf("the program returned %d without a verdict", ret)
	}
	return "not seen"
}

func TestListsDecideInTheirOrder(t *testing.T) {
	f := load(t)
	if err := f.Add(Block, networks("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")...); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(Allow, networks("10.1.0.0/16", "2001:db8:1::1")...); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"a blocked network", frame("10.9.9.9", ack), "blocked"},
		{"an allowed one within it", frame("10.1.9.9", ack), "allowed"},
		{"a blocked address", frame("192.0.2.7", syn), "blocked"},
		{"its neighbour", frame("192.0.2.8", syn), "passed"},
		{"IPv6", frame("2001:db8::9", ack), "blocked"},
		{"IPv6 allowed", frame("2001:db8:1::1", ack), "allowed"},
		{"IPv6 elsewhere", frame("2001:db9::1", ack), "passed"},
		{"a VLAN", frame("10.9.9.9", ack, tagged(1)), "blocked"},
		{"a VLAN in a VLAN", frame("10.9.9.9", ack, tagged(2)), "blocked"},
		{"a later fragment", frame("10.9.9.9", ack, set(21, 5)), "blocked"},
		{"UDP", frame("10.9.9.9", 0, set(23, 17)), "blocked"},
		{"another protocol than IP", frame("10.9.9.9", ack, set(13, 6)), "not seen"},
		{"a header that is cut off", frame("10.9.9.9", ack)[:20], "not seen"},
	} {
		if got := f.run(t, c.data); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	top := f.Top(Block, 2)
	if len(top) != 2 || top[0].Network.String() != "10.0.0.0/8" || top[0].Packets != 5 {
		t.Errorf("the top is %+v", top)
	}
	if n, err := f.Remove(Block, networks("10.0.0.0/8", "172.16.0.0/12")...); n != 1 || err != nil {
		t.Errorf("Remove says %d, %v", n, err)
	}
	if got := f.run(t, frame("10.9.9.9", ack)); got != "passed" {
		t.Errorf("after Remove: %s", got)
	}
	if err := f.Set(Block, networks("192.0.2.0/24")); err != nil || f.Entries(Block) != 1 {
		t.Errorf("Set: %v, %d entries", err, f.Entries(Block))
	}
	if got := f.run(t, frame("192.0.2.8", ack)); got != "blocked" {
		t.Errorf("after Set: %s", got)
	}
	if got := f.run(t, frame("2001:db8::9", ack)); got != "passed" {
		t.Errorf("after Set, what is not in it: %s", got)
	}
}

// TestSYNsAreLimitedPerSource lets one SYN a second through behind the first
// ones: on a machine that takes longer over the test it is tried again.
func TestSYNsAreLimitedPerSource(t *testing.T) {
	for range 10 {
		begin := time.Now()
		f := load(t)
		wrong := limitPerSource(t, f)
		if time.Since(begin) > time.Second {
			continue
		}
		for _, w := range wrong {
			t.Error(w)
		}
		if err := f.SetLimit(Limit{}); err != nil {
			t.Fatal(err)
		}
		if got := f.run(t, frame("192.0.2.1", syn)); got != "passed" {
			t.Errorf("without a limit: %s", got)
		}
		return
	}
	t.Fatal("the machine is too busy: no try took less than a second")
}

// limitPerSource returns what is wrong.
func limitPerSource(t *testing.T, f *Filter) (wrong []string) {
	t.Helper()
	if err := f.SetLimit(Limit{Rate: 1, Burst: 3}); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(Allow, networks("10.1.0.0/16")...); err != nil {
		t.Fatal(err)
	}
	verdicts := func(n int, data []byte) string {
		var got []string
		for range n {
			got = append(got, f.run(t, data))
		}
		return strings.Join(got, " ")
	}
	const full = "syn_passed syn_passed syn_passed syn_passed syn_limited syn_limited"
	for _, source := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		if got := verdicts(6, frame(source, syn)); got != full {
			wrong = append(wrong, fmt.Sprintf("%s: %s, want %s", source, got, full))
		}
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"another address of the same /64", frame("2001:db8::2", syn), "syn_limited"},
		{"another /64", frame("2001:db8:0:1::1", syn), "syn_passed"},
		{"data of a limited source", frame("192.0.2.1", ack), "passed"},
		{"an answer to a SYN of ours", frame("192.0.2.1", syn|ack), "passed"},
		{"an allowed source", frame("10.1.2.3", syn), "allowed"},
		{"behind extension headers", frame("2001:db8::1", syn, extended(unix.IPPROTO_DSTOPTS, 1), extended(unix.IPPROTO_HOPOPTS, 0)), "syn_limited"},
		{"in a first fragment", frame("2001:db8::1", syn, extended(unix.IPPROTO_FRAGMENT, 0)), "syn_limited"},
		{"options of IPv4", frame("192.0.2.1", syn, func(b []byte) []byte { b[14] = 0x46; return slices.Insert(b, 34, 1, 1, 1, 0) }), "syn_limited"},
		{"a header length that cannot be", frame("192.0.2.1", syn, set(14, 0x44)), "passed"},
	} {
		if got := f.run(t, c.data); got != c.want {
			wrong = append(wrong, fmt.Sprintf("%s: %s, want %s", c.name, got, c.want))
		}
	}
	return wrong
}

// TestAFloodDoesNotReachGoodClients sends SYNs from other sources as fast as
// one socket can, while clients of one source connect and get their answers.
func TestAFloodDoesNotReachGoodClients(t *testing.T) {
	for _, mode := range []Mode{Native, Generic} {
		t.Run(string(mode), func(t *testing.T) {
			nstest.Enter(t)
			there := nstest.Pair(t)
			f := load(t)
			if err := f.SetLimit(Limit{Rate: 10, Burst: 300}); err != nil {
				t.Fatal(err)
			}
			if err := f.Add(Block, networks("10.99.66.0/24")...); err != nil {
				t.Fatal(err)
			}
			if got, err := f.Attach("v0", mode); err != nil || got != mode {
				t.Fatalf("attached as %s: %v", got, err)
			}
			if _, err := f.Attach("v0", mode); err != nil {
				t.Errorf("attached again: %v", err)
			}
			l, err := net.Listen("tcp", nstest.Here+":0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go serve(l)
			there(func() { floodAndConnect(t, l.Addr().String()) })
			c, err := f.Counts()
			if err != nil {
				t.Fatal(err)
			}
			if c["syn_limited"].Packets < 1000 || c["blocked"].Packets < 1000 || c["syn_passed"].Packets < 200 {
				t.Errorf("counted %+v", c)
			}
			s := f.Samples()
			if len(s) == 0 || !strings.HasPrefix(s[0].Source.String(), "10.99.6") || time.Since(s[0].Time).Abs() > time.Hour {
				t.Errorf("samples %+v", s)
			}
			t.Logf("%+v", c)
		})
	}
}

// serve answers each connection with a byte.
func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("x"))
		c.Close()
	}
}

// floodAndConnect is what happens in the other namespace: after each of 200
// good connections come 100 bad packets.
func floodAndConnect(t *testing.T, addr string) {
	ifc, err := net.InterfaceByName("v1")
	if err != nil {
		t.Error(err)
		return
	}
	raw, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(raw)
	to := &unix.SockaddrLinklayer{Ifindex: ifc.Index}
	bad := [][]byte{frame("10.99.66.6", syn), frame("10.99.67.7", syn)}
	for i := range bad { // to everybody: the other end's address is not known here
		copy(bad[i], "\xff\xff\xff\xff\xff\xff")
	}
	for range 200 {
		for i := range 100 {
			if err := unix.Sendto(raw, bad[i%2], 0, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
				t.Error(err)
				return
			}
		}
		c, err := net.DialTimeout("tcp", addr, time.Minute)
		if err != nil {
			t.Errorf("a good client: %v", err)
			return
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("a good client: %v", err)
		}
		c.Close()
	}
}

func TestDevicesAreLeftAlone(t *testing.T) {
	nstest.Enter(t)
	f, other := load(t), load(t)
	if _, err := f.Attach("nothing0", Auto); err == nil || !strings.Contains(err.Error(), "nothing0") {
		t.Errorf("a device that is not there: %v", err)
	}
	if mode, err := f.Attach("lo", Auto); err != nil || mode != Generic {
		t.Errorf("lo has no native mode: got %s, %v", mode, err)
	}
	if _, err := other.Attach("lo", Auto); !errors.Is(err, ErrBusy) {
		t.Errorf("a second filter: got %v", err)
	}
	if got := fmt.Sprint(f.Modes()); got != "map[lo:generic]" {
		t.Errorf("modes are %s", got)
	}
	if err := f.Detach("lo"); err != nil {
		t.Error(err)
	}
	if _, err := other.Attach("lo", Generic); err != nil {
		t.Errorf("after Detach: %v", err)
	}
	other.Close()
	if _, err := f.Attach("lo", Auto); err != nil {
		t.Errorf("after the other's end: %v", err)
	}
}

func TestListsAreRead(t *testing.T) {
	list, errs := ParseList(strings.NewReader("# a list\n10.0.0.0/8 # ours\n\n 192.0.2.1\n2001:db8::/32\n::ffff:1.2.3.4\n10.1.2.3/16\n"), "x")
	if got := fmt.Sprint(list); got != "[10.0.0.0/8 192.0.2.1/32 2001:db8::/32 1.2.3.4/32 10.1.0.0/16]" || errs != nil {
		t.Errorf("got %s, %v", got, errs)
	}
	_, errs = ParseList(strings.NewReader("x\n1.2.3.4\n0.0.0.0/0\n1.2.3.4/40\n"), "file")
	if got := fmt.Sprint(errs); got != `[invalid network "x" in file:1 network "0.0.0.0/0" is everything in file:3 invalid network "1.2.3.4/40" in file:4]` {
		t.Errorf("got %s", got)
	}
}

func FuzzParseNetwork(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::1", "::ffff:1.2.3.4/100", "fe80::1%1", "1.2.3.4/33", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseNetwork(s)
		if err == nil && (!p.IsValid() || p != p.Masked() || p.Addr().Is4In6()) {
			t.Errorf("%q became %s", s, p)
		}
	})
}

// BenchmarkPacket is the cost of a packet in the program, by BPF_PROG_TEST_RUN.
func BenchmarkPacket(b *testing.B) {
	f := load(b)
	if err := f.SetLimit(Limit{Rate: 10, Burst: 10}); err != nil {
		b.Fatal(err)
	}
	if err := f.Add(Block, networks("10.0.0.0/8", "2001:db8::/32")...); err != nil {
		b.Fatal(err)
	}
	if err := f.Add(Allow, networks("172.16.0.0/12")...); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"blocked", frame("10.9.9.9", syn)}, {"SYN limited", frame("192.0.2.1", syn)}, {"passed", frame("192.0.2.1", ack)},
		{"SYN limited IPv6", frame("2001:db9::1", syn)},
	} {
		b.Run(c.name, func(b *testing.B) {
			_, took, err := f.coll.Programs[xdpProgFilter].Benchmark(c.data, b.N, b.ResetTimer)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(took.Nanoseconds()), "ns/packet")
		})
	}
}

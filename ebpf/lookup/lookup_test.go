package lookup

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/ebpf/nstest"
	"weir/ebpf/steer"
	"weir/netio/sock"
)

func listen(t *testing.T, addr string, free bool) int {
	t.Helper()
	a, err := sock.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sock.Listen(sock.ListenOptions{Addr: a, ReusePort: true, FreeBind: free})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// dial connects and returns what the accepting end's own address is, or the
// error. Several sockets are looked at.
func dial(t *testing.T, addr string, listeners ...int) string {
	t.Helper()
	a, err := sock.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sock.Stream(a.Family())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	var raw sock.RawAddr
	raw.Set(a)
	if e := sock.Connect(fd, &raw); e != 0 {
		return e.Error()
	}
	for _, l := range listeners {
		if got, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC); err == nil {
			defer unix.Close(got)
			local, e := sock.Getsockname(got)
			if e != 0 {
				t.Fatal(e)
			}
			return local.String()
		}
	}
	return "nobody"
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestRangesReachOneSocket(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	ports := listen(t, "127.0.0.1:8000", false)
	vips := listen(t, "127.9.0.0:443", true)
	v6 := listen(t, "[::1]:8000", false)
	own := listen(t, "127.0.0.1:8500", false)
	l := New()
	if err := l.Available(); err != nil {
		t.Fatal(err)
	}
	err := l.Apply([]Rule{
		{prefix("127.0.0.1/32"), 8500, 8500, Pass},
		{prefix("127.0.0.1/32"), 8000, 8999, ports},
		{prefix("127.9.0.0/16"), 443, 443, vips},
		{prefix("::1/128"), 8000, 8999, v6},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr string
		at   int
		want string
	}{
		{"127.0.0.1:8000", ports, ""}, {"127.0.0.1:8001", ports, ""}, {"127.0.0.1:8999", ports, ""},
		{"127.0.0.1:8500", own, ""},
		{"127.0.0.1:9000", ports, "connection refused"}, {"127.0.0.2:8001", ports, "connection refused"},
		{"127.9.9.9:443", vips, ""}, {"127.9.0.0:443", vips, ""}, {"127.8.9.9:443", vips, "connection refused"},
		{"[::1]:8765", v6, ""},
	} {
		if c.want == "" {
			c.want = c.addr
		}
		if got := dial(t, c.addr, c.at); got != c.want {
			t.Errorf("%s: got %q, want %q", c.addr, got, c.want)
		}
	}
	if got := fmt.Sprint(l.Hits()); got != "[0 3 2 1]" {
		t.Errorf("hits are %s", got)
	}
	if err := l.Apply([]Rule{{prefix("127.0.0.0/8"), 70, 80, vips}}); err != nil {
		t.Fatal(err)
	}
	if got := dial(t, "127.1.2.3:75", vips); got != "127.1.2.3:75" {
		t.Errorf("a rule that was applied later: got %q", got)
	}
	if got := dial(t, "127.0.0.1:8001", ports); got != "connection refused" {
		t.Errorf("a rule that was replaced: got %q", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := dial(t, "127.1.2.3:75", vips); got != "connection refused" {
		t.Errorf("after Close: got %q", got)
	}
}

// TestSteeringChoosesAmongTheSockets has the two programs work together: the
// socket that is looked up is none that is steered to.
func TestSteeringChoosesAmongTheSockets(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	var socks []int
	for range 3 {
		socks = append(socks, listen(t, "127.0.0.1:8000", false))
	}
	s := steer.New()
	defer s.Close()
	r := s.Prepare(steer.Plan{Mode: steer.Load, CPUs: make([][]int, 2), Groups: []steer.Group{{Name: "a", Sockets: socks}}}).Commit()
	if r.Rung != steer.EBPF {
		t.Fatalf("the rung is %s: %v", r.Rung, r.Why)
	}
	l := New()
	if err := l.Apply([]Rule{{prefix("127.0.0.1/32"), 8000, 8999, socks[2]}}); err != nil {
		t.Fatal(err)
	}
	b, err := steer.MapBoard(s.Board())
	if err != nil {
		t.Fatal(err)
	}
	for w := range 2 {
		b.Slot(w).Open.Store(100)
		b.Slot(1 - w).Open.Store(0)
		for _, addr := range []string{"127.0.0.1:8000", "127.0.0.1:8888"} {
			if got := dial(t, addr, socks[1-w]); got != addr {
				t.Errorf("%s did not reach worker %d: %s", addr, 1-w, got)
			}
		}
	}
}

func TestTooManyRulesAreRefused(t *testing.T) {
	if err := New().Apply(make([]Rule, MaxRules+1)); err == nil {
		t.Error("no error")
	}
}

func TestMasks(t *testing.T) {
	for _, c := range []struct{ prefix, want string }{
		{"10.1.2.3/32", "0a010203/ffffffff"}, {"10.1.2.3/9", "0a000000/ff800000"}, {"0.0.0.0/0", "00000000/00000000"},
		{"2001:db8::ff/33", "20010db8/ffffffff 00000000/80000000 00000000/00000000 00000000/00000000"},
	} {
		r := Rule{Prefix: prefix(c.prefix)}.encode(0)
		words := 4
		if r.Family == unix.AF_INET {
			words = 1
		}
		var got strings.Builder
		for i := range words {
			b := make([]byte, 0, 8)
			b = appendNative(b, r.Addr[i])
			m := appendNative(nil, r.Mask[i])
			got.WriteString(fmt.Sprintf("%x/%x ", b, m))
		}
		if got.String() != c.want+" " {
			t.Errorf("%s: got %q, want %q", c.prefix, got.String(), c.want)
		}
	}
}

func appendNative(b []byte, v uint32) []byte { return binary.NativeEndian.AppendUint32(b, v) }

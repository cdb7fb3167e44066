package socktest

import (
	"net"
	"strconv"
	"testing"
)

func TestAHeldPortIsForWhoKnowsIt(t *testing.T) {
	addr := Addr(t)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("before somebody listens a connection is there")
	}
	for range 2 { // a server may come again
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		l.Close()
	}
}

// TestHeldPortsAreNobodyElses takes many ports by the kernel's choice, for a listener and for the local ends of
// connections: none is one that is held.
func TestHeldPortsAreNobodyElses(t *testing.T) {
	held := map[string]bool{}
	for range 500 {
		held[strconv.Itoa(Port(t))] = true
	}
	if len(held) != 500 {
		t.Errorf("got %d different ports, want 500", len(held))
	}
	for range 500 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, addr := range []net.Addr{l.Addr(), c.LocalAddr()} {
			if _, port, _ := net.SplitHostPort(addr.String()); held[port] {
				t.Fatalf("port %s is held and was given again", port)
			}
		}
	}
}

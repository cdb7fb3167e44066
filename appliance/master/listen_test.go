package master

import (
	"testing"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/netio/sock"
)

// TestAnUndoneBindLeavesSocketsAsTheyWere changes an address's options and adds
// one that is taken, as a reload may that then fails.
func TestAnUndoneBindLeavesSocketsAsTheyWere(t *testing.T) {
	deferred := func(fd int) bool {
		t.Helper()
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	a, err := sock.ParseAddr("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cycle.Cycle{Listens: []*cycle.Listen{{Addr: a, Text: a.String(), Options: sock.ListenOptions{Deferred: true}}}}
	c.Core.Workers = 1
	ls := make(listeners)
	if _, err := ls.bind(c); err != nil {
		t.Fatal(err)
	}
	defer ls.closeAll(false)
	ls.dropUnused(c, false)
	fd := ls.all()[0]
	if !deferred(fd) {
		t.Fatal("the socket is not deferred from the start")
	}
	c.Listens[0].Options.Deferred = false
	fresh, err := ls.bind(c)
	if err != nil {
		t.Fatal(err)
	}
	if deferred(fd) {
		t.Fatal("the new option is not in force")
	}
	ls.undo(fresh)
	if !deferred(fd) {
		t.Error("after undo the socket has the option of the configuration that failed")
	}
	if _, err := ls.bind(c); err != nil {
		t.Fatal(err)
	}
	ls.dropUnused(c, false)
	ls.undo(nil)
	if deferred(fd) {
		t.Error("a later undo took back an option that was in force")
	}
}

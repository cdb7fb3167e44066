package server

import (
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/netio/sock"
)

func listen(t *testing.T, text string, shared bool) *cycle.Listen {
	t.Helper()
	a, err := sock.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return &cycle.Listen{Addr: a, Text: text, Shared: shared}
}

func TestEverySocketHasAWorker(t *testing.T) {
	c := &cycle.Cycle{Listens: []*cycle.Listen{listen(t, "127.0.0.1:80", false), listen(t, "unix:/s", true)}}
	sockets := map[socketKey]int{{"unix:/s", 0}: 100, {"10.0.0.1:80", 0}: 200}
	for i := range 4 {
		sockets[socketKey{"127.0.0.1:80", i}] = i
	}
	for _, tt := range []struct {
		name    string
		workers int
		want    [][]int
	}{
		{"one each", 4, [][]int{{0, 100}, {1, 100}, {2, 100}, {3, 100}}},
		{"fewer workers share them out", 2, [][]int{{0, 2, 100}, {1, 3, 100}}},
		{"a single worker has all", 1, [][]int{{0, 1, 2, 3, 100}}},
	} {
		var got [][]int
		for i := range tt.workers {
			var fds []int
			for _, b := range bound(c, sockets, i, tt.workers) {
				fds = append(fds, b.FD)
			}
			slices.Sort(fds)
			got = append(got, fds)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSocketsAreMergedAndTheRestClosed(t *testing.T) {
	open := func() int {
		t.Helper()
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	isOpen := func(fd int) bool {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err == nil
	}
	kept, dropped, fresh, surplus := open(), open(), open(), open()
	s := &Server{sockets: map[socketKey]int{{"a", 0}: kept, {"b", 0}: dropped}}
	merged := s.mergeSockets(&Order{Sockets: []Socket{{Key: []byte("a")}, {Key: []byte("a"), Index: 1, New: true}}}, []int{fresh, surplus})
	if want := map[socketKey]int{{"a", 0}: kept, {"a", 1}: fresh}; !reflect.DeepEqual(merged, want) {
		t.Errorf("got %v, want %v", merged, want)
	}
	if isOpen(surplus) {
		t.Error("a descriptor that no socket stands for is still open")
	}
	closeUnless(s.sockets, merged)
	if !isOpen(kept) || isOpen(dropped) || !isOpen(fresh) {
		t.Error("closing what is not listened on any more closed the wrong ones")
	}
	closeAll([]int{kept, fresh})
}

package sock

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func listen(t testing.TB, o ListenOptions) (int, Addr) {
	t.Helper()
	fd, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(fd) })
	a, e := Getsockname(fd)
	if e != 0 {
		t.Fatal(e)
	}
	return fd, a
}

func wait(t testing.TB, fd int, events int16) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	if n, err := unix.Poll(p, 60_000); n != 1 {
		t.Fatalf("poll: %d, %v", n, err)
	}
}

// connect returns both ends of a connection to a listener.
func connect(t testing.TB, lfd int, to Addr) (client, server int, from Addr) {
	t.Helper()
	client, err := Stream(to.Family())
	if err != nil {
		t.Fatal(err)
	}
	var raw RawAddr
	raw.Set(to)
	if e := Connect(client, &raw); e != 0 && e != syscall.EINPROGRESS {
		t.Fatal(e)
	}
	wait(t, lfd, unix.POLLIN)
	server, e := Accept(lfd, &raw)
	if e != 0 {
		t.Fatal(e)
	}
	wait(t, client, unix.POLLOUT)
	if e := SocketError(client); e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() { Close(client); Close(server) })
	return client, server, raw.Addr()
}

func TestStreamsCarryBytesAndAddresses(t *testing.T) {
	unixPath := filepath.Join(t.TempDir(), "s")
	for _, c := range []struct{ name, addr string }{
		{"IPv4", "127.0.0.1:0"}, {"IPv6", "[::1]:0"}, {"unix", "unix:" + unixPath},
	} {
		t.Run(c.name, func(t *testing.T) {
			lfd, addr := listen(t, ListenOptions{Addr: mustParse(t, c.addr)})
			client, server, from := connect(t, lfd, addr)
			if addr.Family() != Unix {
				if name, _ := Getsockname(client); name != from {
					t.Errorf("accept said the peer is %v, it is %v", from, name)
				}
				if name, _ := Getpeername(client); name != addr {
					t.Errorf("the peer of the client is %v, want %v", name, addr)
				}
			} else if from != UnixAddr("") {
				t.Errorf("the peer of a unix socket is %v", from)
			}
			b := make([]byte, 16)
			if _, e := Recv(server, b); e != syscall.EAGAIN {
				t.Errorf("an empty socket says %v", e)
			}
			if n, e := Send(client, []byte("hello"), false); n != 5 || e != 0 {
				t.Fatal(n, e)
			}
			wait(t, server, unix.POLLIN)
			if n, e := Peek(server, b); n != 5 || e != 0 {
				t.Fatal(n, e)
			}
			if n, e := Recv(server, b); string(b[:n]) != "hello" || e != 0 {
				t.Fatal(n, e)
			}
			var v Iov
			v.Add([]byte("a"))
			v.Add([]byte("bc"))
			if n, e := Sendmsg(server, &v, false); n != 3 || e != 0 {
				t.Fatal(n, e)
			}
			wait(t, client, unix.POLLIN)
			if n, e := Recv(client, b); string(b[:n]) != "abc" || e != 0 {
				t.Fatal(n, e)
			}
			if e := ShutdownWrite(client); e != 0 {
				t.Fatal(e)
			}
			wait(t, server, unix.POLLIN)
			if n, e := Recv(server, b); n != 0 || e != 0 {
				t.Errorf("the end is %d, %v", n, e)
			}
			Close(client)
			var e syscall.Errno
			for end := time.Now().Add(time.Minute); e == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) { // the first one is refused behind our back
				_, e = Send(server, []byte("x"), false)
			}
			if e != syscall.EPIPE && e != syscall.ECONNRESET {
				t.Errorf("sending to nobody says %v", e)
			}
		})
	}
}

func TestListenErrorsAreNginxSentences(t *testing.T) {
	_, addr := listen(t, ListenOptions{Addr: mustParse(t, "127.0.0.1:0")})
	_, err := Listen(ListenOptions{Addr: addr})
	if want := "bind() to " + addr.String() + " failed (98: Address already in use)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("the errno is lost")
	}
	_, err = Listen(ListenOptions{Addr: mustParse(t, "192.0.2.1:80")})
	if want := "bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Listen(ListenOptions{Addr: UnixAddr("/nonexistent/dir/s")})
	if want := "bind() to unix:/nonexistent/dir/s failed (2: No such file or directory)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestListenSetsWhatIsAsked(t *testing.T) {
	o := ListenOptions{
		Addr: mustParse(t, "[::1]:0"), ReusePort: true, Deferred: true, FastOpen: 16, IPv6Only: true,
		KeepAlive: KeepAlive{On: true, Idle: 77, Intvl: 11, Count: 5}, RcvBuf: 65536, SndBuf: 65536,
	}
	fd, addr := listen(t, o)
	for _, c := range []struct {
		name       string
		level, opt int
		want       int
	}{
		{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 77},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 11},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
		{"IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		{"SO_RCVBUF doubled", unix.SOL_SOCKET, unix.SO_RCVBUF, 131072},
		{"SO_PROTOCOL plain TCP", unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
		{"SO_ACCEPTCONN", unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 1},
	} {
		if got, e := getInt(fd, c.level, c.opt); got != c.want || e != 0 {
			t.Errorf("%s: got %d, %v, want %d", c.name, got, e, c.want)
		}
	}
	if got, _ := getInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT); got == 0 {
		t.Error("TCP_DEFER_ACCEPT is off")
	}
	o.Addr = addr
	if fd, err := Listen(o); err != nil {
		t.Errorf("a second socket of the group: %v", err)
	} else {
		Close(fd)
	}
}

func TestUnixListenerIsOpenToAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listen(t, ListenOptions{Addr: UnixAddr(path)})
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o666 {
		t.Errorf("mode %o, want 666", st.Mode().Perm())
	}
}

func TestSocketOptions(t *testing.T) {
	lfd, addr := listen(t, ListenOptions{Addr: mustParse(t, "127.0.0.1:0")})
	client, server, _ := connect(t, lfd, addr)
	for _, c := range []struct {
		name string
		e    syscall.Errno
	}{
		{"nodelay", SetNoDelay(client, true)},
		{"cork", SetCork(client, true)},
		{"uncork", SetCork(client, false)},
		{"quickack", SetQuickAck(client, true)},
		{"lowat", SetNotSentLowat(client, 16384)},
		{"user timeout", SetUserTimeout(client, 1000)},
		{"keepalive", SetKeepAlive(client, KeepAlive{On: true})},
		{"incoming cpu", SetIncomingCPU(lfd, 0)},
	} {
		if c.e != 0 {
			t.Errorf("%s: %v", c.name, c.e)
		}
	}
	if _, e := IncomingCPU(server); e != 0 {
		t.Errorf("SO_INCOMING_CPU: %v", e)
	}
	var info Info
	if e := TCPInfo(client, &info); e != 0 || info.State != 1 || info.Rtt == 0 {
		t.Errorf("TCP_INFO: %v, state %d, rtt %d", e, info.State, info.Rtt)
	}
	Send(client, []byte("12345"), false)
	wait(t, server, unix.POLLIN)
	if n, e := Buffered(server); n != 5 || e != 0 {
		t.Errorf("buffered %d, %v", n, e)
	}
	if e := SetLinger0(server); e != 0 {
		t.Fatal(e)
	}
	Close(server)
	wait(t, client, unix.POLLERR)
	if e := SocketError(client); e != syscall.ECONNRESET {
		t.Errorf("after a reset the socket says %v", e)
	}
}

func TestSendfileAndSplice(t *testing.T) {
	lfd, addr := listen(t, ListenOptions{Addr: mustParse(t, "127.0.0.1:0")})
	client, server, _ := connect(t, lfd, addr)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("0123456789")
	off := int64(4)
	if n, e := Sendfile(server, int(f.Fd()), &off, 3); n != 3 || off != 7 || e != 0 {
		t.Fatal(n, off, e)
	}
	r, w, size, err := Pipe(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(r)
	defer Close(w)
	if size < 4096 {
		t.Errorf("pipe of %d bytes", size)
	}
	wait(t, client, unix.POLLIN)
	if n, e := Splice(client, w, 100, false); n != 3 || e != 0 {
		t.Fatal(n, e)
	}
	if _, e := Splice(client, w, 100, false); e != syscall.EAGAIN {
		t.Errorf("splicing an empty socket says %v", e)
	}
	if n, e := Splice(r, client, 3, false); n != 3 || e != 0 {
		t.Fatal(n, e)
	}
	wait(t, server, unix.POLLIN)
	b := make([]byte, 8)
	if n, _ := Recv(server, b); string(b[:n]) != "456" {
		t.Errorf("got %q", b[:n])
	}
}

func TestDescriptorsTravelWithAMessage(t *testing.T) {
	a, b, err := SeqPair()
	if err != nil {
		t.Fatal(err)
	}
	defer Close(b)
	lfd, addr := listen(t, ListenOptions{Addr: mustParse(t, "127.0.0.1:0")})
	fds := make([]int, MaxFDs)
	for i := range fds {
		fds[i] = lfd
	}
	for _, n := range []int{0, 1, MaxFDs} {
		msg := bytes.Repeat([]byte("m"), n+1)
		if err := SendFDs(a, msg, fds[:n]); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1024)
		m, got, err := RecvFDs(b, buf)
		if err != nil || !bytes.Equal(buf[:m], msg) || len(got) != n {
			t.Fatalf("%d descriptors: got %q, %d, %v", n, buf[:m], len(got), err)
		}
		for _, fd := range got {
			if name, _ := Getsockname(fd); name != addr {
				t.Errorf("descriptor %d is %v, want %v", fd, name, addr)
			}
			if f, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); f&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d would survive exec", fd)
			}
			Close(fd)
		}
	}
	if err := SendFDs(a, []byte("too long"), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := RecvFDs(b, make([]byte, 4)); err == nil {
		t.Error("a message that was cut off is no error")
	}
	Close(a)
	if n, _, err := RecvFDs(b, make([]byte, 4)); n != 0 || err != nil {
		t.Errorf("the end is %d, %v", n, err)
	}
}

func TestStrerrorIsTheLibrarysText(t *testing.T) {
	for e, want := range map[syscall.Errno]string{
		0:                    "Success",
		syscall.ECONNREFUSED: "Connection refused",
		syscall.EACCES:       "Permission denied",
		syscall.ETIMEDOUT:    "Connection timed out",
		syscall.EMFILE:       "Too many open files",
	} {
		if got := Strerror(e); got != want {
			t.Errorf("%d: got %q, want %q", e, got, want)
		}
	}
	if got := string(AppendErrno(nil, syscall.ECONNRESET)); got != "(104: Connection reset by peer)" {
		t.Errorf("got %q", got)
	}
}

func TestDataPathDoesNotAllocate(t *testing.T) {
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer Close(a)
	defer Close(b)
	in, out := make([]byte, 64), []byte("hello")
	v := new(Iov)
	if n := testing.AllocsPerRun(100, func() {
		Send(a, out, false)
		v.Reset()
		v.Add(out)
		Sendmsg(a, v, true)
		Recv(b, in)
		SetLinger0(a)
	}); n != 0 {
		t.Errorf("send and receive allocate %v times", n)
	}
}

package cosocket

import (
	"errors"
	"strconv"
	"syscall"

	"weir/lua/api"
	luatls "weir/lua/tls"
	"weir/lua/vm"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/sock"
)

// kind is what a socket is connected to.
type kind uint8

const (
	kindPeer kind = iota // a connection that Lua has made
	kindBody             // the request body
	kindRaw              // the client's connection
)

// socket is a stream socket of Lua.
type socket struct {
	st   *state
	ctx  *api.Ctx   // that it belongs to while it is connected or connecting
	conn *conn.Conn // nil when it is not
	kind kind

	timeouts [3]int64 // in milliseconds, by which; 0: those of the directives
	settings *api.Settings
	local    sock.Addr // of bind
	host     string    // as given to connect
	port     int
	key      string        // of the pool
	pool     *pool         // whose count the connection is in
	reused   int           // times the connection came out of a pool
	trust    trust         // by which the server's certificate was accepted
	own      *luatls.Chain // of setclientcert; nil: that of the directives
	ownKey   *luatls.Key
	store    *luatls.Chain // of settrustedstore, for the connection that stands; nil: that of the directives

	connecting bool
	connectErr error
	reader     *api.Thread // waits for receive
	writer     *api.Thread // waits for send or connect
	timedOut   [2]bool     // by conn.TimerID: the wait has taken too long

	readClosed, writeClosed bool
	eof                     bool

	in   []byte // buffer of the worker, nil while nothing is in it
	pos  int    // in[pos:] has not been read
	acc  []byte // what the read under way has so far
	op   readOp
	last *until // the receiveuntil that read last and may hold bytes back
	out  buf.Chain
	down downstream // of a request socket
}

// Timeouts of a socket.
const (
	timeConnect = iota
	timeSend
	timeRead
)

// timeout returns a timeout in milliseconds.
func (s *socket) timeout(which int) int64 {
	if ms := s.timeouts[which]; ms > 0 {
		return ms
	}
	switch which {
	case timeConnect:
		return s.settings.SocketConnectTimeout.V
	case timeSend:
		return s.settings.SocketSendTimeout.V
	}
	return s.settings.SocketReadTimeout.V
}

// newTCP is ngx.socket.tcp.
func newTCP(l *vm.State) int {
	if n := l.Top(); n != 0 {
		l.Errorf("expecting zero arguments, but got %d", n)
	}
	st := states.Of(l)
	return st.object(l, &socket{st: st}, metaTCP)
}

// dialTCP is ngx.socket.connect.
func dialTCP(l *vm.State) int {
	st := states.Of(l)
	s := &socket{st: st}
	st.object(l, s, metaTCP)
	object := l.Pop1()
	if n := s.connect(l, 1); n != 1 {
		return n
	}
	return l.Ret(object)
}

// self returns the socket of a method call, nil where the object has none.
func self(l *vm.State) *socket {
	s, _ := api.Held[*socket](l.CheckTable(1).GetInt(1))
	return s
}

// connected reports whether there is a connection at all.
func (s *socket) connected() bool { return s != nil && s.conn != nil && !s.connecting }

// owned raises the error of a socket that belongs to another request.
func (s *socket) owned(l *vm.State) *api.Ctx {
	c := api.Of(l)
	if s.ctx != c {
		l.Errorf("bad request")
	}
	return c
}

// busy is what a method has to wait for and may not.
type busy uint8

const (
	busyConnecting busy = 1 << iota
	busyReading
	busyWriting
)

// busyText is the error of a method for which what is under way matters.
func (s *socket) busyText(matters busy) string {
	switch {
	case matters&busyConnecting != 0 && s.connecting:
		return "socket busy connecting"
	case matters&busyReading != 0 && s.reader != nil:
		return "socket busy reading"
	case matters&busyWriting != 0 && s.writer != nil:
		return "socket busy writing"
	}
	return ""
}

// closeTCP is tcpsock:close.
func closeTCP(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 argument (including the object) but seen %d", n)
	}
	s := self(l)
	if s == nil || s.conn == nil && !s.connecting || s.readClosed && s.writeClosed {
		return closed(l)
	}
	s.owned(l)
	if text := s.busyText(busyConnecting | busyReading | busyWriting); text != "" {
		return api.Fail(l, text)
	}
	if s.kind != kindPeer {
		return api.Fail(l, "attempt to close a request socket")
	}
	s.finalize()
	return done(l)
}

// finalize ends the connection, and everything that waits for it is gone.
func (s *socket) finalize() {
	if s.ctx != nil {
		s.ctx.DropClose(s)
	}
	s.Clean()
}

// Clean implements api.Cleaner: the request or timer has ended.
func (s *socket) Clean() {
	s.ctx = nil
	s.dropInput()
	s.reader, s.writer, s.connecting = nil, nil, false
	s.readClosed, s.writeClosed = true, true
	pool := s.pool
	s.pool = nil
	if s.conn != nil {
		s.st.env.Worker.Buffers.DoneChain(&s.out)
		if s.kind == kindPeer {
			s.conn.Close()
		} else {
			s.down.release(s)
		}
		s.conn = nil
	}
	if pool != nil {
		pool.released()
	}
}

// dropInput forgets what was received.
func (s *socket) dropInput() {
	b := s.st.env.Worker.Buffers
	if s.in != nil {
		b.Put(s.in)
		s.in, s.pos = nil, 0
	}
	if s.acc != nil {
		b.Put(s.acc)
		s.acc = nil
	}
	s.last = nil
}

// Readable implements conn.Handler.
func (s *socket) Readable(*conn.Conn) {
	if s.reader != nil && s.progress() != again {
		s.wakeReader()
	}
}

// Writable implements conn.Handler.
func (s *socket) Writable(c *conn.Conn) {
	switch {
	case s.connecting:
		s.connectErr = c.ConnectError()
		s.wakeWriter()
	case s.writer != nil:
		if s.flush() != conn.ErrAgain {
			s.wakeWriter()
		}
	case s.kind != kindPeer:
		s.down.handler.Writable(c)
	}
}

// Expired implements conn.Handler.
func (s *socket) Expired(c *conn.Conn, t conn.TimerID) {
	switch {
	case t == conn.ReadTimer && s.reader != nil:
		s.timedOut[t] = true
		s.wakeReader()
	case t == conn.WriteTimer && s.writer != nil:
		s.timedOut[t] = true
		s.wakeWriter()
	case s.kind != kindPeer:
		s.down.handler.Expired(c, t)
	}
}

func (s *socket) wakeReader() {
	t := s.reader
	s.reader = nil
	s.conn.ClearTimer(conn.ReadTimer)
	t.Wake()
}

func (s *socket) wakeWriter() {
	t := s.writer
	s.writer = nil
	s.conn.ClearTimer(conn.WriteTimer)
	t.Wake()
}

// errorText is a failure as Lua sees it: the system's text in lower case, as LuaSocket has it.
func errorText(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		text := []byte(sock.Strerror(e))
		for i, c := range text {
			if c-'A' < 26 {
				text[i] = c | 0x20
			}
		}
		return string(text)
	}
	return "error"
}

// setTimeout is sock:settimeout.
func setTimeout(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("ngx.socket settimeout: expecting 2 arguments (including the object) but seen %d", n)
	}
	s := self(l)
	ms := timeoutArg(l, 2)
	if s != nil {
		s.timeouts = [3]int64{ms, ms, ms}
	}
	return 0
}

// setTimeouts is sock:settimeouts.
func setTimeouts(l *vm.State) int {
	if n := l.Top(); n != 4 {
		l.Errorf("ngx.socket settimeouts: expecting 4 arguments (including the object) but seen %d", n)
	}
	s := self(l)
	t := [3]int64{timeoutArg(l, 2), timeoutArg(l, 3), timeoutArg(l, 4)}
	if s != nil {
		s.timeouts = t
	}
	return 0
}

// timeoutArg reads a timeout in milliseconds; what is no number counts as 0.
func timeoutArg(l *vm.State, n int) int64 {
	f, _ := l.Arg(n).AsNumber()
	if text, ok := l.Arg(n).AsString(); ok {
		f, _ = vm.ParseNumber(text)
	}
	if f >= 1<<31 || f <= -1 {
		l.Errorf("bad timeout value")
	}
	return int64(f)
}

// getReusedTimes is tcpsock:getreusedtimes.
func getReusedTimes(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 argument (including the object), but got %d", n)
	}
	s := self(l)
	if s == nil || s.conn == nil || s.readClosed && s.writeClosed {
		return closed(l)
	}
	return l.Ret(vm.Int(s.reused))
}

// portText appends a port as pool keys and log lines have it.
func portText(host string, port int) string { return host + ":" + strconv.Itoa(port) }

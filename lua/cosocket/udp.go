package cosocket

import (
	"fmt"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/sock"
)

// udp is a datagram socket of Lua.
type udp struct {
	st       *state
	ctx      *api.Ctx
	d        *conn.Datagram // nil while there is none
	settings *api.Settings
	timeout  int64 // of receive in milliseconds; 0: that of the directive
	local    sock.Addr
	host     string
	port     int
	addr     sock.Addr // of the peer
	waiting  bool      // for the resolver
	reader   *api.Thread
	expired  bool
}

// maxDatagram is the largest datagram that is received.
const maxDatagram = 65536

// newUDP is ngx.socket.udp.
func newUDP(l *vm.State) int {
	if n := l.Top(); n != 0 {
		l.Errorf("expecting zero arguments, but got %d", n)
	}
	st := states.Of(l)
	return st.object(l, &udp{st: st}, metaUDP)
}

// selfUDP returns the socket of a method call.
func selfUDP(l *vm.State) *udp {
	u, ok := api.Held[*udp](l.CheckTable(1).GetInt(1))
	if !ok {
		l.ArgError(1, "udpsock expected")
	}
	return u
}

// bindUDP is udpsock:bind.
func bindUDP(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("expecting 2 arguments, but got %d", n)
	}
	u := selfUDP(l)
	a, err := sock.ParseAddr(l.CheckString(2))
	if err != nil || a.Family() == sock.Unix {
		return api.Fail(l, "bad address")
	}
	u.local = a
	return l.Ret(vm.True)
}

// setPeerName is udpsock:setpeername.
func setPeerName(l *vm.State) int {
	n := l.Top()
	if n != 2 && n != 3 {
		l.Errorf("ngx.socket.udp setpeername: expecting 2 or 3 arguments (including the object), but seen %d", n)
	}
	u := selfUDP(l)
	c := api.Of(l)
	host, port := l.CheckString(2), 0
	if n == 3 {
		if port = l.CheckInt(3); port < 0 || port > 65535 {
			return api.Fail(l, fmt.Sprintf("bad port number: %d", port))
		}
	}
	switch {
	case u.ctx != nil && u.ctx != c:
		l.Errorf("bad request")
	case u.reader != nil || u.waiting:
		return api.Fail(l, "socket busy")
	case u.d != nil:
		u.finalize()
	}
	u.settings, u.host, u.port, u.addr = c.Settings(), host, port, sock.Addr{}
	t, err := parseTarget(host, port)
	if err != nil {
		return api.Fail(l, fmt.Sprintf("failed to parse host name \"%s\": %s", host, err))
	}
	addr := t.addr
	if !addr.IsValid() {
		text := ""
		if addr, text = lookUp(l, c, t, func() { u.waiting = true }, func() { u.waiting = false }); text != "" {
			return api.Fail(l, text)
		}
	}
	u.addr = addr
	d, err := conn.DialDatagram(c.Worker().Driver, addr, u.local, u)
	if err != nil {
		u.logErr(c, "connect() failed ("+http.ErrnoText(err)+")")
		return api.Fail(l, errorText(err))
	}
	u.d, u.ctx = d, c
	c.OnClose(u)
	return done(l)
}

// logErr logs a failure where lua_socket_log_errors asks for it.
func (u *udp) logErr(c *api.Ctx, msg string) {
	if !u.settings.SocketLogErrors.V || !c.LogOn(http.LogErr) {
		return
	}
	up := u.host
	if u.port != 0 {
		up = portText(up, u.port)
	}
	if u.addr.IsValid() {
		up += "(" + string(u.addr.AppendIP(nil)) + ")"
	}
	c.Log(http.LogErr, msg+", upstream: "+up)
}

// logClosed logs the use of a socket without a peer.
func (u *udp) logClosed(l *vm.State, doing string) {
	if c := api.Of(l); c.Settings().SocketLogErrors.V && c.LogOn(http.LogErr) {
		c.Log(http.LogErr, fmt.Sprintf("attempt to %s data on a closed socket: u:%s, c:%016X", doing, pointer(u), 0))
	}
}

// owned raises the error of a socket that belongs to another request.
func (u *udp) owned(l *vm.State) *api.Ctx {
	c := api.Of(l)
	if u.ctx != c {
		l.Errorf("bad request")
	}
	return c
}

// sendUDP is udpsock:send.
func sendUDP(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	u := selfUDP(l)
	if u.d == nil {
		u.logClosed(l, "send")
		return closed(l)
	}
	c := u.owned(l)
	if u.reader != nil {
		return api.Fail(l, "socket busy")
	}
	pool := c.Worker().Buffers
	b := flatten(pool.Get(measure(l, l.Arg(2), 0))[:0], l.Arg(2))
	n, err := u.d.Send(b)
	size := len(b)
	pool.Put(b)
	switch {
	case err != nil:
		u.logErr(c, "send() failed ("+http.ErrnoText(err)+")")
		return api.Fail(l, errorText(err))
	case n != size:
		return api.Fail(l, "partial write")
	}
	return done(l)
}

// receiveUDP is udpsock:receive.
func receiveUDP(l *vm.State) int {
	n := l.Top()
	if n != 1 && n != 2 {
		l.Errorf("expecting 1 or 2 arguments (including the object), but got %d", n)
	}
	u := selfUDP(l)
	if u.d == nil {
		u.logClosed(l, "receive")
		return closed(l)
	}
	c := u.owned(l)
	if u.reader != nil {
		return api.Fail(l, "socket busy")
	}
	size := min(max(l.OptInt(2, maxDatagram), 0), maxDatagram)
	b := c.Worker().Buffers.Get(max(size, 1))
	b = b[:max(size, 1)]
	got, err := u.d.Recv(b)
	if err == conn.ErrAgain {
		c.Worker().Buffers.Put(b)
		ms := u.timeout
		if ms <= 0 {
			ms = u.settings.SocketReadTimeout.V
		}
		u.reader = c.Thread()
		u.d.SetTimer(ms)
		c.Park(l, u)
		if u.expired {
			u.expired = false
			u.logErr(c, "lua udp socket read timed out")
			return api.Fail(l, "timeout")
		}
		b = c.Worker().Buffers.Get(max(size, 1))
		b = b[:max(size, 1)]
		got, err = u.d.Recv(b)
	}
	defer c.Worker().Buffers.Put(b)
	if err != nil {
		u.logErr(c, "recv() failed ("+http.ErrnoText(err)+")")
		return api.Fail(l, errorText(err))
	}
	l.PushBytes(b[:got])
	return 1
}

// Readable implements conn.DatagramHandler.
func (u *udp) Readable() { u.wake() }

// Expired implements conn.DatagramHandler.
func (u *udp) Expired() {
	if u.reader != nil {
		u.expired = true
		u.wake()
	}
}

func (u *udp) wake() {
	if t := u.reader; t != nil {
		u.reader = nil
		u.d.ClearTimer()
		t.Wake()
	}
}

// Abandon implements api.Waiter.
func (u *udp) Abandon() {
	u.reader = nil
	u.finalize()
}

// Clean implements api.Cleaner.
func (u *udp) Clean() {
	u.ctx, u.reader, u.expired = nil, nil, false
	if u.d != nil {
		u.d.Close()
		u.d = nil
	}
}

func (u *udp) finalize() {
	if u.ctx != nil {
		u.ctx.DropClose(u)
	}
	u.Clean()
}

// closeUDP is udpsock:close.
func closeUDP(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 argument (including the object) but seen %d", n)
	}
	u := selfUDP(l)
	if u.d == nil {
		return closed(l)
	}
	u.owned(l)
	if u.reader != nil {
		return api.Fail(l, "socket busy")
	}
	u.finalize()
	return done(l)
}

// setTimeoutUDP is udpsock:settimeout.
func setTimeoutUDP(l *vm.State) int {
	if n := l.Top(); n < 2 {
		l.Errorf("ngx.socket settimeout: expecting at least 2 arguments (including the object) but seen %d", n)
	}
	selfUDP(l).timeout = timeoutArg(l, 2)
	return 0
}

package cosocket

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/sock"
)

// connect is tcpsock:connect.
func connect(l *vm.State) int {
	if n := l.Top(); n < 2 || n > 4 {
		l.Errorf("ngx.socket connect: expecting 2, 3, or 4 arguments (including the object), but seen %d", n)
	}
	s := self(l)
	if s == nil {
		s = &socket{st: states.Of(l)}
		l.CheckTable(1).SetInt(1, s.st.env.VM.NewUserdata(s, nil).Value())
	}
	return s.connect(l, 2)
}

// poolOptions are what the options of connect say.
type poolOptions struct {
	size    int // 0: no pool is made now
	backlog int // -1: no limit
	key     string
	named   bool
}

// connect connects to what stands in the arguments from first on.
func (s *socket) connect(l *vm.State, first int) int {
	c := api.Of(l)
	if l.Top() < first {
		l.Errorf("ngx.socket connect: expecting 2, 3, or 4 arguments (including the object), but seen %d", l.Top()+2-first)
	}
	host := l.CheckString(first)
	last := l.Top()
	o := poolOptions{backlog: -1}
	if t := l.Arg(last).AsTable(); t != nil && last > first {
		o.read(l, t, last, c.Settings())
		last--
	}
	port, key := 0, host
	switch number, isNumber := numberArg(l, first+1); {
	case last > first && isNumber:
		if port = int(number); port < 0 || port > 65535 {
			return api.Fail(l, fmt.Sprintf("bad port number: %d", port))
		}
		key = portText(host, port)
	case len(host) < 5 || !strings.EqualFold(host[:5], "unix:"):
		return api.Fail(l, "missing the port number")
	}
	if o.named {
		key = o.key
	}
	if s.ctx != nil && s.ctx != c {
		l.Errorf("bad request")
	}
	if text := s.busyText(busyConnecting | busyReading | busyWriting); text != "" {
		return api.Fail(l, text)
	}
	if s.kind != kindPeer {
		l.Errorf("attempt to re-connect a request socket")
	}
	if s.conn != nil {
		s.finalize()
	}
	s.renew(c, host, port, key)
	s.pool = s.st.pools[key]
	if s.pool == nil && o.size > 0 {
		s.pool = s.st.newPool(key, o.size, o.backlog)
	}
	return s.establish(l, c)
}

// numberArg reads an argument that is a number or looks like one.
func numberArg(l *vm.State, n int) (f float64, ok bool) {
	v := l.Arg(n)
	if text, isText := v.AsString(); isText {
		return vm.ParseNumber(text)
	}
	return v.AsNumber()
}

// read reads the table of options, which is argument n.
func (o *poolOptions) read(l *vm.State, t *vm.Table, n int, settings *api.Settings) {
	if v := t.GetString("pool_size"); !v.IsNil() {
		f, ok := v.AsNumber()
		if !ok {
			l.ArgError(n, fmt.Sprintf("bad \"pool_size\" option type: %s", v.TypeName()))
		}
		if o.size = int(f); o.size <= 0 {
			l.ArgError(n, fmt.Sprintf("bad \"pool_size\" option value: %d", o.size))
		}
	}
	if f, ok := t.GetString("backlog").AsNumber(); ok {
		if o.backlog = int(f); o.backlog < 0 {
			l.ArgError(n, fmt.Sprintf("bad \"backlog\" option value: %d", o.backlog))
		}
		if o.size == 0 {
			o.size = settings.SocketPoolSize.V
		}
	}
	v := t.GetString("pool")
	switch {
	case v.IsNil():
		return
	case !v.IsString() && !v.IsNumber():
		l.ArgError(n, fmt.Sprintf("bad \"pool\" option type: %s", v.TypeName()))
	}
	o.key, o.named = v.Text(), true
}

// renew makes the socket one that begins to connect.
func (s *socket) renew(c *api.Ctx, host string, port int, key string) {
	s.settings = c.Settings()
	s.host, s.port, s.key = host, port, key
	s.reused = 0
	s.trust, s.store = trust{}, nil
	s.readClosed, s.writeClosed, s.eof = false, false, false
	s.timedOut = [2]bool{}
	s.connectErr = nil
}

// establish gets a connection: an idle one of the pool, or a new one.
func (s *socket) establish(l *vm.State, c *api.Ctx) int {
	if p := s.pool; p != nil {
		if p.take(s, c) {
			return done(l)
		}
		if p.full() {
			if len(p.queue) >= p.backlog {
				s.pool = nil
				return api.Fail(l, "too many waiting connect operations")
			}
			if text := s.queueUp(l, c, p); text != "" {
				return api.Fail(l, text)
			}
			if s.conn != nil {
				return done(l)
			}
		} else {
			p.connections++
		}
	}
	if text := s.dial(l, c); text != "" {
		if p := s.pool; p != nil {
			s.pool = nil
			p.released()
		}
		s.ctx = nil
		return api.Fail(l, text)
	}
	return done(l)
}

// dial finds the address and connects to it. It returns the error for Lua.
func (s *socket) dial(l *vm.State, c *api.Ctx) (text string) {
	addr, text := s.address(l, c)
	if text != "" {
		return text
	}
	w := c.Worker()
	nc, err := conn.Dial(w.Driver, addr, conn.DialOptions{Local: s.local, NoDelay: true}, s)
	if err != nil {
		s.logAt(c, dialLevel(err), "connect() to "+addr.String()+" failed ("+http.ErrnoText(err)+")", addr)
		return errorText(err)
	}
	s.conn, s.ctx = nc, c
	if !nc.Connecting() {
		c.OnClose(s)
		return ""
	}
	s.connecting = true
	s.writer = c.Thread()
	nc.SetTimer(conn.WriteTimer, s.timeout(timeConnect))
	c.Park(l, (*connectWait)(s))
	s.connecting = false
	switch {
	case s.timedOut[conn.WriteTimer]:
		s.timedOut[conn.WriteTimer] = false
		s.logErr(c, "lua tcp socket connect timed out", addr)
		text = "timeout"
	case s.connectErr != nil:
		s.logErr(c, "connect() failed ("+http.ErrnoText(s.connectErr)+")", addr)
		text = errorText(s.connectErr)
	default:
		c.OnClose(s)
		return ""
	}
	nc.Close()
	s.conn = nil
	return text
}

// connectWait is a socket whose light thread waits for its connection.
type connectWait socket

// Abandon implements api.Waiter.
func (w *connectWait) Abandon() { (*socket)(w).Clean() }

// dialLevel is how bad it is that a connection could not even be begun: a peer that is away is nothing unusual.
func dialLevel(err error) errlog.Level {
	for _, e := range []syscall.Errno{syscall.ECONNREFUSED, syscall.EAGAIN, syscall.ECONNRESET, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.EHOSTDOWN, syscall.EHOSTUNREACH} {
		if errors.Is(err, e) {
			return http.LogErr
		}
	}
	return http.LogCrit
}

// logErr logs a failure, with what the socket was connected to, where lua_socket_log_errors asks for it.
func (s *socket) logErr(c *api.Ctx, msg string, addr sock.Addr) { s.logAt(c, http.LogErr, msg, addr) }

func (s *socket) logAt(c *api.Ctx, level errlog.Level, msg string, addr sock.Addr) {
	if !s.settings.SocketLogErrors.V || !c.LogOn(level) {
		return
	}
	up := s.host
	if s.port != 0 {
		up = portText(up, s.port)
	}
	if addr.IsValid() {
		up += "(" + string(addr.AppendIP(nil)) + ")"
	}
	c.Log(level, msg+", upstream: "+up)
}

// logClosed logs the use of a socket without a connection.
func logClosed(l *vm.State, s *socket, doing string) {
	c := api.Of(l)
	if !c.Settings().SocketLogErrors.V || !c.LogOn(http.LogErr) {
		return
	}
	eof := 0
	u, nc := "0000000000000000", "0000000000000000"
	if s != nil {
		u = pointer(s)
		if s.conn != nil {
			nc = pointer(s.conn)
		}
		if s.eof {
			eof = 1
		}
	}
	c.Log(http.LogErr, fmt.Sprintf("attempt to %s data on a closed socket: u:%s, c:%s, ft:0 eof:%d", doing, u, nc, eof))
}

// pointer is an address as nginx prints it.
func pointer(p any) string {
	text := strings.ToUpper(strings.TrimPrefix(fmt.Sprintf("%p", p), "0x"))
	return strings.Repeat("0", max(0, 16-len(text))) + text
}

package upstream

import (
	"errors"
	"syscall"

	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/sock"
)

// connect begins a try: it picks a peer and takes an idle connection to it,
// or dials.
func (x *Exchange) connect() {
	x.action = "connecting to upstream"
	x.beginState()
	rc := x.askBalancer()
	if rc == http.Again {
		x.step = stepChoose
		return
	}
	x.tryPeer(rc)
}

// tryPeer goes on with a try when the Balancer has answered, if there is one.
func (x *Exchange) tryPeer(rc http.Code) {
	if rc != http.OK {
		x.refusedByBalancer(rc)
		return
	}
	if x.sel.peer == nil && !x.choose() {
		s := x.state()
		s.peer = x.groupName()
		x.logErr("no live upstreams")
		x.tryNext(failNoLive)
		return
	}
	p := x.sel.peer
	x.state().peer = p.Name
	x.key = connKey{addr: p.Addr, local: x.bind, host: x.outside.host}
	if x.group != nil && x.group.keep.local && !x.outside.keep {
		x.key.tag = x.conf.Tag
	}
	if x.Secure {
		x.key.tls = x.identify()
	}
	x.cached = false
	if pool := x.pool(); pool != nil && !x.fresh {
		if l := pool.get(&x.key); l != nil {
			x.cached = true
			x.use(l)
			return
		}
	}
	x.dial(p)
}

// groupName is what $upstream_addr says when no peer was live.
func (x *Exchange) groupName() []byte {
	if x.group != nil {
		return x.R.CopyString(x.group.Name)
	}
	return x.R.CopyString(x.Target.Host)
}

func (x *Exchange) dial(p *Peer) {
	cf := x.conf
	o := conn.DialOptions{
		Local:     x.bind,
		KeepAlive: cf.SocketKeepalive.V,
		NoDelay:   x.manyWrites(),
		RcvBuf:    int(cf.RcvBuf.V),
		SndBuf:    int(cf.SndBuf.V),
	}
	if cf.Bind.V != nil {
		o.Transparent = cf.Bind.V.Transparent
	}
	if p.Addr.Family() == sock.Unix {
		o.Local = sock.Addr{}
	}
	c, err := conn.Dial(x.ws.w.Driver, p.Addr, o, x)
	if err != nil {
		x.dialFailed(err)
		return
	}
	l := x.ws.takeLink()
	l.c, l.key, l.started, l.noDelay = c, x.key, x.ws.w.Loop.NowMS(), o.NoDelay
	if !c.Connecting() && !x.Secure {
		x.use(l)
		return
	}
	if x.R.Debugging() {
		x.R.Debugf("connect to %s, fd:%d #%d", p.Addr.AppendTo(nil), c.FD(), c.Number)
	}
	x.c, x.link = c, l
	x.sentBefore = 0
	x.resetTry()
	x.step = stepConnect
	c.Requests++
	if !c.Connecting() {
		x.handshake()
		return
	}
	c.SetTimer(conn.WriteTimer, x.connectTimeout)
}

// manyWrites reports whether the request goes out in several writes, the last
// of which must not wait for an acknowledgement.
func (x *Exchange) manyWrites() bool { return x.Unbuffered || x.BodyLength > 0 }

// dialFailed reports a connection that could not even be begun.
func (x *Exchange) dialFailed(err error) {
	level := http.LogCrit
	var e *sock.Error
	if errors.As(err, &e) {
		switch e.Errno {
		case syscall.ECONNREFUSED, syscall.EAGAIN, syscall.ECONNRESET, syscall.ENETDOWN, syscall.ENETUNREACH,
			syscall.EHOSTDOWN, syscall.EHOSTUNREACH:
			level = http.LogErr
		}
	}
	x.R.Logf(level, "%s while %s", err, x.action)
	x.tryNext(FailError)
}

// use sends the request over a connection that stands.
func (x *Exchange) use(l *link) {
	c := l.c
	if x.R.Debugging() {
		x.R.Debugf("get keepalive peer: connected %s, fd:%d #%d, used before: %t", x.key.addr.AppendTo(nil), c.FD(), c.Number, x.cached)
	}
	x.c, x.link = c, l
	x.sentBefore = c.Sent
	x.resetTry()
	c.SetHandler(x)
	c.Requests++
	if !l.noDelay && x.manyWrites() {
		_ = c.SetNoDelay(true) // refused only for sockets without the option
		l.noDelay = true
	}
	x.step = stepHead
	x.send(true)
}

// resetTry makes the exchange ready for a response.
func (x *Exchange) resetTry() {
	if x.requestSent || x.gotBytes {
		x.in = x.in[:0]
		x.pos = 0
		x.Response.Clear()
		x.ContentLength = -1
		x.LineDone, x.Coded, x.Close, x.Upgrade = false, false, false, false
		x.keepalive = false
		x.ws.w.Buffers.DoneChain(&x.reqOut)
	}
	x.proto.Reset(x)
	x.requestSent, x.bodySent, x.blocked, x.gotBytes = false, false, false, false
}

// connected ends a dial, one way or the other.
func (x *Exchange) connected() {
	if err := x.c.ConnectError(); err != nil {
		x.connError("connect() failed", err)
		x.tryNext(FailError)
		return
	}
	if x.Secure {
		x.handshake()
		return
	}
	x.step = stepHead
	x.send(true)
}

// connError logs a failed call on the connection.
func (x *Exchange) connError(call string, err error) {
	level := http.LogErr
	if e, ok := err.(syscall.Errno); ok {
		x.R.Logf(level, "%s %s while %s", call, sock.AppendErrno(nil, e), x.action)
		return
	}
	x.R.Logf(level, "%s (%s) while %s", call, err, x.action)
}

// tryNext ends a try that failed and goes on with the next peer, where that
// is configured and can be done; else the client gets an error.
func (x *Exchange) tryNext(why Failure) {
	r := x.R
	stale := x.cached && why == FailError && !x.gotBytes
	if x.sel.peer != nil {
		x.outside.last = LastFailed
		if why == Fail403 || why == Fail404 {
			x.outside.last = LastNext
		}
		if x.c != nil {
			x.state().sent = x.c.Sent - x.sentBefore
		}
		x.freePeer(why != Fail403 && why != Fail404 && !stale, true)
	}
	if why == FailTimeout {
		x.logErr("upstream timed out (110: Connection timed out)")
	}
	if stale { // an idle connection the backend was closing: no failure of the peer
		if !x.outside.chosen { // a Balancer counts tries itself
			x.sel.tries++
		}
		x.fresh = true
	}
	if r.Client().Error() {
		x.finalize(http.StatusClientClosedRequest)
		return
	}
	status := statusOf(why)
	x.state().status = int(status)
	if !x.mayTry(why, x.sel.tries > 0) {
		x.finalize(status)
		return
	}
	x.closeConn()
	x.connect()
}

// mayTry reports whether another peer may be tried after a failure.
func (x *Exchange) mayTry(why Failure, left bool) bool {
	if x.requestSent && !idempotent(x.R) {
		why |= FailNonIdempotent
	}
	limit := x.conf.NextTimeout.V
	switch {
	case !left, x.conf.Next.V&why != why, x.requestSent && x.Unbuffered && !x.bodyless():
		return false
	case limit > 0 && x.ws.w.Loop.NowMS()-x.started >= limit:
		return false
	}
	return true
}

// bodyless reports whether an unbuffered request had no body at all, so that
// nothing of it is lost.
func (x *Exchange) bodyless() bool { return !x.R.HasBody() }

// freePeer ends the use of the chosen peer. Its connection becomes idle when
// it can be used again.
func (x *Exchange) freePeer(failed, closing bool) {
	if !closing && x.c != nil && x.reusable() {
		l := x.link
		x.c, x.link = nil, nil
		x.pool().put(l, x.idleTimeout())
	}
	x.freeChoice(failed)
}

// reusable reports whether the connection can serve another request.
func (x *Exchange) reusable() bool {
	c := x.c
	pool := x.pool()
	if !x.keepalive || !x.bodySent || pool == nil || pool.max == 0 || x.bound() || x.ws.w.Exiting() {
		return false
	}
	if c.Hangup() || c.Broken() || int(c.Requests) >= x.maxRequests() ||
		x.ws.w.Loop.NowMS()-x.link.started > x.maxAge() {
		return false
	}
	return !c.ReadReady() || c.Silent() // the last read filled its buffer: is there more?
}

// bound reports whether the connection is for this request alone: by a script
// it may have the certificate of one client among several, and nobody has asked
// for connections to be kept in spite of that.
func (x *Exchange) bound() bool {
	return x.Secure && x.key.tls.secure.scripted() && !x.outside.keep && x.group.keep.implicit
}

func (x *Exchange) closeConn() {
	if x.c == nil {
		return
	}
	x.endShaking()
	x.c.Close()
	x.ws.putLink(x.link)
	x.c, x.link = nil, nil
}

func statusOf(why Failure) http.Code {
	switch why {
	case FailTimeout, Fail504:
		return http.StatusGatewayTimeout
	case Fail500:
		return http.StatusInternalServerError
	case Fail503:
		return http.StatusServiceUnavailable
	case Fail403:
		return http.StatusForbidden
	case Fail404:
		return http.StatusNotFound
	case Fail429:
		return http.StatusTooManyRequests
	}
	return http.StatusBadGateway
}

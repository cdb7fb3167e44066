package upstream

import (
	"math"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/sock"
)

// Balancer chooses peers in place of a group's own method. It is part of the
// configuration and shared by all requests.
type Balancer interface {
	// Choose is asked before every try. It may call the exchange's SetPeer,
	// MoreTries, SetTimeouts, KeepIdle, SetSecure, Bind and Recreate. When it
	// returns OK without a peer the group's method chooses one; Busy means that
	// no peer is live, Declined counts as a failed try, and anything else ends
	// the request: with the status, or 500 for what is none. Again waits: Chosen
	// must be called with one of the others, from an event, unless the request
	// ends before.
	Choose(x *Exchange) http.Code
}

// SetBalancer gives a balancer to the upstream block that is being read. It is
// for setters of directives in such blocks.
func SetBalancer(cx *conf.Cx, b Balancer) error {
	g, err := blockOf(cx)
	switch {
	case err != nil:
		return err
	case g.balancer != nil:
		return conf.Tail("is duplicate")
	case g.method != roundRobin:
		cx.Warn("load balancing method redefined")
	}
	g.balancer = b
	return nil
}

// SetBalancerKeepalive sets how many idle connections of KeepIdle a worker
// keeps for the upstream block that is being read; defaultBalanced if it is
// not called. It is for setters of directives in such blocks.
func SetBalancerKeepalive(cx *conf.Cx, n int) error {
	g, err := blockOf(cx)
	switch {
	case err != nil:
		return err
	case g.balanced.Set:
		return conf.Tail("is duplicate")
	}
	g.balanced.Put(n)
	return nil
}

// defaultBalanced is how many connections are kept for a Balancer.
const defaultBalanced = 32

// blockOf is the upstream block that is being read.
func blockOf(cx *conf.Cx) (*Group, error) {
	for _, o := range http.ScopeOf(cx).Extra {
		if g, ok := o.(*Group); ok {
			return g, nil
		}
	}
	return nil, conf.Errorf("\"%s\" is not within an upstream block", cx.Item.Name)
}

// HasBalancer reports whether peers are chosen from outside of this package.
func (g *Group) HasBalancer() bool { return g != nil && g.balancer != nil }

// Last is what became of the try before this one.
type Last uint8

// Outcomes of tries.
const (
	LastNone   Last = iota // there was none
	LastNext               // the response called for another peer: 403 or 404
	LastFailed             // everything else
)

// outside is what a Balancer has said about a request.
type outside struct {
	chosen      bool   // the peer of this try is the Balancer's
	keep        bool   // the connection is one of the Balancer's pool: idleTimeout and maxRequests apply
	host        string // of the peer: asked for by TLS, and what connections have in common
	last        Last
	tries       int   // how often the Balancer was asked
	more        int   // tries to add when it has chosen
	idleTimeout int64 // milliseconds
	maxRequests int
}

// askBalancer has the group's Balancer choose, if there is one.
func (x *Exchange) askBalancer() http.Code {
	if x.group == nil || x.group.balancer == nil {
		return http.OK
	}
	o := &x.outside
	o.chosen, o.keep, o.host, o.more = false, false, "", 0
	o.tries++
	return x.heed(x.group.balancer.Choose(x))
}

// heed acts on what the Balancer has answered: it returns OK for a try that
// may go on, with a peer of its own or without.
func (x *Exchange) heed(rc http.Code) http.Code {
	o := &x.outside
	switch rc {
	case http.OK:
	case http.Again:
		return rc
	default:
		x.sel.peer, o.chosen = nil, false
		return rc
	}
	if o.chosen {
		x.sel.peer.state.conns.Add(1)
		x.sel.tries += o.more
	}
	return http.OK
}

// Chosen goes on with a try whose Balancer has waited. It does nothing when
// the exchange has ended meanwhile.
func (x *Exchange) Chosen(rc http.Code) {
	if x.finished || x.step != stepChoose {
		return
	}
	x.step = stepStart
	x.tryPeer(x.heed(rc))
}

// refusedByBalancer ends a try for which the Balancer wants no peer.
func (x *Exchange) refusedByBalancer(rc http.Code) {
	switch {
	case rc == http.Busy:
		x.state().peer = x.groupName()
		x.logErr("no live upstreams")
		x.tryNext(failNoLive)
	case rc == http.Declined:
		if x.sel.tries > 0 {
			x.sel.tries--
		}
		x.tryNext(FailError)
	case rc >= http.StatusSpecialResponse:
		x.finalize(rc)
	default:
		x.finalize(http.StatusInternalServerError)
	}
}

// SetPeer makes addr the peer of this try. The peer belongs to this request
// alone: no failures are counted against it. A host that is not empty is the
// name that TLS asks for and checks, unless ssl_name says another; connections
// are only used again for the same one.
func (x *Exchange) SetPeer(addr sock.Addr, host string) {
	name := addr.AppendTo(x.R.Alloc(maxAddrText)[:0])
	x.own = Peer{Addr: addr, Name: name, Weight: 1, state: &x.ownState}
	x.sel.peer = &x.own
	x.outside.chosen, x.outside.host = true, host
}

// maxAddrText is enough for an IPv6 address with scope and port; paths of
// sockets may be longer, and move.
const maxAddrText = 64

// SetSecure has TLS used towards the peers from this try on, or not. It
// returns false where the location has no settings for it.
func (x *Exchange) SetSecure(on bool) bool {
	if on && x.conf.TLS.ready == nil {
		return false
	}
	x.Secure = on
	x.Schema = "http://"
	if on {
		x.Schema = "https://"
	}
	return true
}

// Bind has connections come from a local address from this try on. Its port
// may be 0.
func (x *Exchange) Bind(local sock.Addr) { x.bind = local }

// HasPeer reports whether SetPeer was called for this try.
func (x *Exchange) HasPeer() bool { return x.outside.chosen }

// HasServers reports whether the group's method has peers to choose from.
func (x *Exchange) HasServers() bool { return len(x.sel.set.peers) > 0 || x.sel.set.backup != nil }

// MoreTries has up to n more peers be tried when this one fails, within the
// limit of next_upstream_tries. It returns false when that made them fewer.
func (x *Exchange) MoreTries(n int) bool {
	o := &x.outside
	o.more = n
	limit := x.conf.NextTries.V
	total := o.tries + x.sel.tries - 1
	if limit > 0 && n > limit-total {
		o.more = max(0, limit-total)
		return false
	}
	return true
}

// LastTry returns what became of the try before and its status, 0 for none.
func (x *Exchange) LastTry() (Last, int) {
	if n := len(x.states); n > 1 {
		return x.outside.last, x.states[n-2].status
	}
	return x.outside.last, 0
}

// SetTimeouts replaces the timeouts of this request, in milliseconds; those
// that are 0 stay.
func (x *Exchange) SetTimeouts(connect, send, read int64) {
	if connect > 0 {
		x.connectTimeout = connect
	}
	if send > 0 {
		x.sendTimeout = send
	}
	if read > 0 {
		x.readTimeout = read
	}
}

// KeepIdle has the connection of this try come from the Balancer's pool and go
// there. It sets for how many milliseconds it may be idle, and how many requests
// may be sent over it, 0 for no limit.
func (x *Exchange) KeepIdle(timeout int64, requests int) {
	o := &x.outside
	o.keep, o.idleTimeout, o.maxRequests = true, timeout, requests
}

// pool is where the connection of this try comes from and goes to; nil where
// connections are not kept.
func (x *Exchange) pool() *idlePool {
	switch {
	case x.group == nil:
		return nil
	case x.outside.keep:
		return &x.local.balanced
	}
	return &x.local.idle
}

// idleTimeout is how long the connection may be idle, in milliseconds;
// forEver for no limit.
func (x *Exchange) idleTimeout() int64 {
	switch o := &x.outside; {
	case !o.keep:
		return x.group.keep.timeout.V
	case o.idleTimeout == 0:
		return forEver
	default:
		return o.idleTimeout
	}
}

// maxAge is for how many milliseconds the connection may be used.
func (x *Exchange) maxAge() int64 {
	if x.outside.keep {
		return math.MaxInt64
	}
	return x.group.keep.time.V
}

// maxRequests is how many requests the connection may serve.
func (x *Exchange) maxRequests() int {
	switch o := &x.outside; {
	case !o.keep:
		return x.group.keep.requests.V
	case o.maxRequests == 0:
		return math.MaxInt
	default:
		return o.maxRequests
	}
}

// Recreate writes the request to the backend again, from what the client's
// request and the variables are now. It is for Choose.
func (x *Exchange) Recreate() http.Code {
	pool := x.ws.w.Buffers
	pool.DoneChain(&x.reqOut)
	pool.Put(x.reqHead)
	x.reqHead, x.uri = nil, nil
	x.BodyLength, x.NoBody, x.ChunkedOut = -1, false, false
	return x.proto.Request(x)
}

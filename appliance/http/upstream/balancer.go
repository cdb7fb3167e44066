package upstream

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/sock"
)

// Balancer chooses peers in place of a group's own method. It is part of the
// configuration and shared by all requests.
type Balancer interface {
	// Choose is asked before every try. It may call the exchange's SetPeer,
	// MoreTries, SetTimeouts, KeepIdle and Recreate, and must not wait. When it
	// returns OK without a peer the group's method chooses one; Busy means that
	// no peer is live, Declined counts as a failed try, and anything else ends
	// the request: with the status, or 500 for what is none.
	Choose(x *Exchange) http.Code
}

// SetBalancer gives a balancer to the upstream block that is being read. It is
// for setters of directives in such blocks.
func SetBalancer(cx *conf.Cx, b Balancer) error {
	for _, o := range http.ScopeOf(cx).Extra {
		g, ok := o.(*Group)
		if !ok {
			continue
		}
		if g.balancer != nil {
			return conf.Tail("is duplicate")
		}
		if g.method != roundRobin {
			cx.Warn("load balancing method redefined")
		}
		g.balancer = b
		return nil
	}
	return conf.Errorf("\"%s\" is not within an upstream block", cx.Item.Name)
}

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
	chosen      bool // the peer of this try is the Balancer's
	keep        bool // idleTimeout and maxRequests apply
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
	o.chosen, o.keep, o.more = false, false, 0
	o.tries++
	rc := x.group.balancer.Choose(x)
	if rc != http.OK {
		x.sel.peer, o.chosen = nil, false
		return rc
	}
	if o.chosen {
		x.sel.peer.state.conns.Add(1)
		x.sel.tries += o.more
	}
	return http.OK
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

// SetPeer makes addr the peer of this try; text is how it was given. The peer
// belongs to this request alone: no failures are counted against it.
func (x *Exchange) SetPeer(addr sock.Addr, text string) {
	x.sel.peer = &Peer{Addr: addr, Name: addr.AppendTo(nil), Server: text, Weight: 1, state: new(peerState)}
	x.outside.chosen = true
}

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

// KeepIdle sets for how many milliseconds the connection of this try may be
// idle afterwards and how many requests may be sent over it, 0 for no limit.
func (x *Exchange) KeepIdle(timeout int64, requests int) {
	o := &x.outside
	o.keep, o.idleTimeout, o.maxRequests = true, timeout, requests
}

// idleTimeout is how long the connection may be idle, in milliseconds.
func (x *Exchange) idleTimeout() int64 {
	if x.outside.keep && x.outside.idleTimeout > 0 {
		return x.outside.idleTimeout
	}
	return x.group.keep.timeout.V
}

// maxRequests is how many requests the connection may serve.
func (x *Exchange) maxRequests() int {
	switch o := &x.outside; {
	case !o.keep:
		return x.group.keep.requests.V
	case o.maxRequests == 0:
		return conf.NoMax
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

// Package upstream passes requests to backends: upstream blocks and their
// balancers, pools of idle connections, and the exchange of one request with
// one backend after another until one has answered.
//
//	location handler (proxy) ─► Start ─► request body ─► Protocol.Request
//	  pick a peer ─► idle connection or dial ─► send ─► response head
//	     ▲                                                │
//	     └── next: failures, statuses that call for it ◄──┤
//	  body: head's own buffer | buffers, temp file | pipes ─► Request.Output
//
// # What it owns
//
// A Group is one upstream block, or the addresses of one proxy_pass. Peers
// belong to a group; what decides across workers (connections, failures) is
// atomic and outlives reloads by the peer's identity. Weights of round robin
// and idle connections belong to one worker. An Exchange belongs to one request
// of one worker; it is pooled, holds its buffers until the request has been
// logged, and is the handler of its connection.
//
// A Balancer of another package may choose the peers of an upstream block
// instead: SetBalancer gives it to the block, and it is asked before every try.
//
// # What it must not know
//
// The wire format of a backend is a Protocol's: package proxy has HTTP/1. The
// directives that such modules have in common are made here, under the name of
// the module, by Options and BodyOptions.
//
// # Bodies
//
// A response whose body came along with its head goes to the client in one
// write. Longer ones pass through buffers: proxy_buffers bounds their memory;
// when the client is slower than the backend, what it has not taken goes to a
// temporary file up to its limit, and then reading stops. Bodies of 64 KB and
// more whose bytes no filter wants to see are spliced through a pipe while
// the client keeps up.
package upstream

// Package conn is the connections of one worker: accepting, dialling,
// receiving, sending, splicing and every way to close.
//
//	Driver ── Listener ── Accepted(*Conn) ─► Acceptor
//	   │                      │
//	   └───── Dial ───────────┴─► Handler.Readable / Writable / Expired
//
// What is above sees completions in spirit: Recv brings bytes or ErrAgain,
// Send takes bytes or says ErrAgain and calls Writable later. Descriptors,
// epoll and readiness stay below this package's edge, so that an io_uring
// backend can stand beside the epoll one.
//
// # Readiness
//
// A connection is registered once, edge-triggered. Two flags remember what
// the edges said: readable until a Recv found the socket empty, writable
// until a Send found it full. A Recv that brought less than it had room for
// has emptied the socket, unless the peer is known to have closed: the next
// Recv answers ErrAgain without a system call. That is what makes a keepalive
// request cost two calls, one recv and one send.
//
// # Transports
//
// A Transport between a connection and its socket (TLS) is invisible to the
// handler: Recv and Send go through it, readiness and closing stay here. Plain
// connections pay one comparison for it.
//
// # Ownership
//
// A Driver and all its connections belong to one worker; no method is safe
// from elsewhere. Conns are pooled: after Close the pointer may be reused
// from the next turn of the loop on, so the owner forgets it (Number tells
// two lives apart). Links passed to Send are consumed as package buf says.
//
// The package knows no HTTP and no TLS.
package conn

// Package cosocket is ngx.socket and ngx.req.socket: sockets of Lua that look as if they blocked and never do.
//
// A call that cannot be done at once parks the light thread it was made in; the connection's events wake it:
//
//	sock:receive()  -> consume what is buffered -> Recv -> ErrAgain -> Park
//	conn.Readable   -> Recv, consume until the pattern is complete -> Thread.Wake -> receive returns
//
// A TCP socket has at most one light thread that reads and one that writes (or connects); others are told that the
// socket is busy. Its object in Lua is a table, as in OpenResty, with the Go socket as userdata at index 1.
//
// It owns the connections of Lua while they belong to a request or timer, and the pools of idle ones, one per VM and
// key. A connection that is not in a pool ends with its context. Buffers come from the worker and go back as soon as
// they are empty: an idle socket holds none.
//
// It must not know HTTP beyond the request whose body or connection ngx.req.socket reads, nor how TLS works: a
// handshake is asked of lua/secure. Everything runs on the worker's loop. Only results of name lookups come
// from other goroutines, by the loop's mailbox.
package cosocket

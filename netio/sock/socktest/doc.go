// Package socktest keeps TCP ports for servers that tests start. It owns the
// sockets that keep them and knows nothing of the servers; only tests import
// it. Every function may be called from any goroutine.
//
// A test that asks the kernel for a port, closes the socket and hands the
// number to a server races with the whole machine: until the server listens,
// the port may become another listener's or the local end of any connection.
package socktest

// Package ssl is module http_ssl: the TLS directives of servers, the choice of
// a server and its certificate by the name a client sends, client
// certificates, sessions, and the $ssl_ variables.
//
//	listen ... ssl ──► Core ──► security.Handshake ──► tlsio.Accept
//	   default server's configuration ── Select: name ──► server's configuration
//	   ◄── Client.Secured ◄── Connection: what the variables show
//	request ──► security.Check: client certificate ──► phases | 400
//
// # What it owns
//
// A context is the TLS of one server: a tlsio.Config made when the
// configuration was read, immutable, shared by all workers. What outlives a
// reload (ticket keys, session caches, stapled responses) is carried over by
// the cycle's zones. A Connection belongs to one worker.
//
// # What it must not know
//
// Records and handshakes are netio/tlsio's; formats and checks of certificates
// are appliance/certs'. Files are read through package certfile.
package ssl

// Package secure is TLS of cosockets towards servers: what the lua_ssl_* directives say, and a Client made of it.
//
// A Conf belongs to a location while the configuration is read. Its Finish reads the files and makes the Client, which
// is immutable and shared by the workers and by all locations that say the same:
//
//	lua_ssl_* -> Conf -> Finish -> Client -> Connect -> tlsio.Handshake -> Peer.Handshaken -> Client.Verify
//
// The chain of certificates is checked behind the handshake, by OpenSSL's rules and with its codes, since whether it
// is checked at all is said by each call of sslhandshake.
//
// It must not know the Lua API: lua/cosocket has the arguments and results.
package secure

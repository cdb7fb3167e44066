// Package tlsio is TLS on the connections of netio/conn: handshakes, and a
// record layer of its own.
//
//	            Accept / Connect                       takeover
//	conn.Conn ──────► Handshake (conn.Transport) ──────► Conn (conn.Transport)
//	                     │ crypto/tls on a coroutine        │ seal, open in place
//	                     │ parks on an empty socket,        │ no goroutine, no
//	                     │ a signature, a hook              │ crypto/tls, no buffer
//	                     └── Peer.Handshaken ◄──────────────┘   while idle
//
// # Handshakes
//
// crypto/tls runs the handshake over a shim of a connection, on a coroutine
// that the worker pools: where the socket is empty or full it parks, and the
// socket's next event continues it. The shim hands over one record at a time,
// so that what follows the handshake is still unread when it ends. Hooks of
// the configuration may park as well (Handshake.Park), and signatures that
// take long are made on a few goroutines (Signers) meanwhile.
//
// # Takeover
//
// The traffic secrets come out of crypto/tls through Config.KeyLogWriter. TLS
// 1.3 keys follow by HKDF-Expand-Label, TLS 1.2 keys by the PRF from the
// master secret and the randoms, one of which is seen on the wire. A TLS 1.3
// server has sent its session tickets under the new keys already: their
// records are counted in Config.WrapSession and are where the sequence starts.
// Then the tls.Conn is dropped. A client keeps it until the first application
// data, since session tickets come right behind the handshake and only
// crypto/tls can keep them for resumption.
//
// # Records
//
// Conn opens records where they were received or straight into the caller's
// buffer, and seals them where they leave from. Records start small and grow
// with a burst of output, so that the first bytes of a response can be used
// before a whole window has come. Everything a Send takes leaves in batches of
// 64 KB, one system call each.
//
// # Rules
//
// An Engine and all of its connections belong to one worker. A Config is
// immutable and may be shared. The package knows no HTTP and no directive.
// Secrets are written nowhere except where Config.KeyLog says.
package tlsio

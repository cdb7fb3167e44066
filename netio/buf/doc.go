// Package buf holds the memory that bytes travel in: pooled buffers, the
// chain of links between a producer and the wire, files and pipes that a
// chain may refer to, and the arena that one request allocates from.
//
//	Pool ── Get/Put ──► []byte of a size class (LIFO free lists)
//	     ── Link ─────► Link ─► Link ─► Link          (Chain)
//	                     │       │       └ Pipe: bytes spliced from a socket
//	                     │       └ File, Off, End: a range for sendfile
//	                     └ Mem: bytes in memory
//
// # Who frees what
//
// A link is consumed when its last byte has been taken: by conn.Send, or by
// a filter that copied it. The consumer unlinks it and calls Pool.Done, and
// never touches it again. With an Owner, Done calls Owner.LinkDone, and the
// link with everything it points at is the owner's business: reuse it, or
// give it back with Pool.Free. Without an Owner the link owns what it
// carries, and Done is Free: Data goes back to the pool, one reference of
// File is released, Pipe is returned, then the link itself. Bytes that
// nobody frees (text of the configuration) stand in Mem with Data nil.
//
// The package knows no sockets, no HTTP, and no loop. A Pool and everything
// taken from it belong to one worker; nothing here is safe for two
// goroutines, except a File whose count is never shared.
package buf

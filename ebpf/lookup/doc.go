// Package lookup lets one group of listening sockets serve ranges of ports and
// addresses, by a program of the type sk_lookup: the kernel asks it which
// socket a new connection belongs to before it looks for one that is bound to
// the connection's address. The connection's own address is what the client
// dialled (getsockname tells), and steering among the sockets of the group goes
// on as for any other address.
//
//	SYN to 127.0.0.1:8123 ─► rules, first match ─► socket of 127.0.0.1:8000
//	                                            └► none: the kernel's own search
//
// A Lookup belongs to the process that owns the sockets and works in the network
// namespace of the goroutine that made it; when the process ends, the program is
// gone. It knows ranges and descriptors, not what is served there.
//
// A socket that a program is to find is kept in a map that does not go together
// with the one steering keeps its sockets in. So it should be one more socket of
// the group, which steering does not know.
//
// Threads: a Lookup is for one goroutine.
package lookup

//go:generate sh ../generate.sh lookup lookup.bpf.c

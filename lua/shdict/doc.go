// Package shdict is a dictionary that all workers share: keys of bytes, values that are strings, numbers, booleans or
// lists, in a fixed amount of memory from which the least recently used entries go when it is full. It is what
// lua_shared_dict and ngx.shared give to Lua.
//
// It owns the memory, the order of use and the expiry of entries. It must not know Lua, requests or configuration, and
// it reads no clock: every operation is handed the time.
//
// # Memory
//
// The size given to New is all that a dictionary uses. The memory is a file in memory mapped once; it holds no
// pointers, so the collector never looks at it, and pages that were never written cost nothing.
//
//	page 0      tables                            data pages
//	┌────────┬──────────────────────────────────┬───────────────────────────────┐
//	│ header │ buckets │ page runs │ page slabs │ slab │ run of pages │ free ... │
//	└────────┴──────────────────────────────────┴───────────────────────────────┘
//
// A place in it is a ref: its offset in units of 16 bytes, 0 for none. Blocks of up to 2048 bytes are cut from pages
// of one class of sizes (slab.go); larger ones are runs of pages (pages.go). A page whose last block is freed goes back
// to the free runs, which grow together again.
//
// There is one bucket for every 64 bytes, about the smallest entry, so that chains stay short.
//
// # Entries
//
//	 0  hash     4   low half of the key's hash
//	 4  next     4   ref, chain of the bucket
//	 8  newer    4   ref, order of use
//	12  older    4   ref
//	16  expires  8   milliseconds since 1970, 0: never
//	24  flags    4   the user's
//	28  length   4   bytes of the value; elements of a list
//	32  key      2   bytes of the key
//	34  kind     1
//	36  key, value   a list's value is the refs of its first and last node
//
// # Locks
//
// A dictionary of up to 1 MB is one shard; a larger one has a shard for each 512 KB, 32 at most. A shard has its lock,
// its entries and their order of use, and its slabs; which entry is the oldest is known within a shard. Only the free
// pages are common to all, under a lock that is taken to get or give back a page. A shard's lock may be held while the
// pages' is taken, never the other way round; another shard's is only ever tried. All methods may be called from any
// goroutine. Nothing waits while a lock is held.
package shdict

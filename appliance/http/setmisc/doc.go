// Package setmisc is OpenResty's set-misc module: set_* directives that assign
// a value worked out from others: escaped, quoted, hashed, coded, random, or a
// time.
//
// The directives are instructions of the rewrite program they stand in, beside
// `set` (rewrite.Append). What they do are pure functions of a table; Lua's
// ndk.set_var calls the same ones by name (Lookup).
//
// upstream_list, which names the backends set_hashed_upstream chooses from,
// belongs to OpenResty's NDK.
//
// Nothing here keeps state but the counter of set_rotate, one per location and
// shared by all workers.
package setmisc

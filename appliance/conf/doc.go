// Package conf reads the configuration language of nginx and applies it by tables.
//
// It has two halves that know nothing of each other's work:
//
//	text --Parse--> Tree of Items --Cx.Walk--> setters of a Table --> configuration objects
//
// The first half is the language: tokens, quoting, blocks, include with globs, raw
// Lua blocks, line numbers. It knows no directive but include. The second half is the
// machinery of directives: a Table of rows {Name, In, Args, Set, Default, Doc}, a walk
// that finds the row for each item, checks context and number of arguments and calls its
// setter, and the typed setters (Flag, Size, Msec, Enum, ...) that most rows use.
//
// What is wrong becomes an Error whose text is the sentence nginx prints, with the file and
// the line that nginx names. Errors that do not depend on each other are all reported: a
// syntax error stays in the tree as an Item with Err set, so that one Walk reports syntax
// and meaning in the order in which nginx would have met them.
//
// The package owns no state and starts no goroutine; a Table is built once and read only
// afterwards, everything else belongs to the caller. It must not know HTTP, Lua, sockets or
// processes: contexts are bits, modules are opaque owners, raw blocks are opaque text.
package conf

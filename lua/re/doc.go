// Package re is ngx.re, regular expressions for Lua: match, find, gmatch, sub and gsub, and the module ngx.re with
// split and opt. Expressions, matches and errors are PCRE2's, by appliance/regex.
//
// It owns the compiled patterns and the matcher of each VM. It knows the request only to log. Everything belongs to the VM's worker; nothing is locked.
//
// # Patterns
//
// A pattern is compiled once and found again by its text and options: with option o among lua_regex_cache_max_entries
// others, without it among a few. What was not used lately makes room for what is new. OpenResty compiles anew
// without o and fills its cache once; the difference can be seen in the time taken only.
//
// Option j does nothing, since nothing is compiled to machine code; d finds the longest match and no captures.
package re

// Package regex is a regular expression engine for bytes that behaves as PCRE2
// does: its syntax, its matches and captures, its error texts and offsets. The
// directives (location ~, rewrite, map ~, server_name ~) and ngx.re of weir
// need exactly that, and the standard library's regexp has neither look-around
// nor back-references.
//
// # Pipeline
//
//	pattern ── parse*.go ──▶ tree (node.go)       syntax, errors with offsets
//	        ── check.go ──▶ resolved tree         names, look-behind lengths
//	        ── simplify.go ──▶ smaller tree       strings, sets, prefixes
//	        ── first.go ──▶ first sets            what can begin where
//	        ── compile*.go ──▶ program (prog.go)  for the backtracking machine
//	        ── search.go ──▶ search               how to find where to begin
//	        ── nfa.go ──▶ automaton               what cannot match at all
//
// A Regex holds the result. Matcher.Match (match.go) asks the search for
// candidates and runs the program at each: vm.go has the loop with the common
// instructions, vm_rare.go the others, backtrack.go the way back, verbs.go
// what (*COMMIT) and its like do to it.
//
// # What keeps it fast
//
// The compiler knows for every place which bytes can come next. A loop whose
// continuation cannot begin with a byte of the loop gives nothing back; a
// choice looks at the next byte before it is stored; alternatives are selected
// through a table. Most patterns of a gateway then run without a single stack
// frame. Literal prefixes and first bytes are found by the vector code of
// package bytes.
//
// # What keeps it bounded
//
// A match that goes back more often than its subject is long is looked at
// again (effort.go). First a lazily built DFA (dfa.go) reads the subject once:
// it accepts at least what the pattern accepts, so its no is final. After a
// maybe the machine goes on and remembers failures, so that no choice is tried
// twice at one place; this is sound outside of atomic groups and look-around,
// in patterns without back-references. What is left is bounded by the step
// budget: ErrMatchLimit. The machine keeps its own stack, bounded too; nothing
// recurses on the Go stack.
//
// # Departures from PCRE2
//
// There are no callouts, no partial matching and no locale tables. Unicode
// properties are the standard library's: scripts are not extended, and
// properties it has no table for are unknown. A script run is one script. In
// DFA mode (Longest) an atomic group is matched as outside of it.
//
// # Rules
//
// A Regex is immutable: all workers share it. A Matcher belongs to one worker.
// A Cache is safe for all. Offsets are byte offsets. The package must not know
// of requests, Lua or configuration; it imports the standard library only.
package regex

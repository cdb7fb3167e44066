// Package filter is the module weir.filter: the packet filter (xdp_filter) as
// Lua sees it. A script blocks a client by what it knows of it, and the next
// packets of that client cost nothing any more:
//
//	local filter = require "weir.filter"
//	filter.block(ngx.var.remote_addr, 600)
//
// The filter is the master's: what a script wants goes there by the
// cycle.FilterLink, which bounds how much may be on its way, and whose answer
// arrives on a goroutine of its own. It must not know how networks are filtered.
//
// Where Lua may wait, a function returns what became of it. Elsewhere changes
// are sent and not waited for; what goes wrong then is logged by the master.
package filter

// Package shared is ngx.shared: the directive lua_shared_dict and the methods that Lua has of a shared dictionary.
//
// It owns the dictionaries of a configuration and OpenResty's conventions for arguments and results; what a
// dictionary is and does is lua/shdict's. A dictionary of the same name and size is carried over by a reload. It knows
// the request not at all: the methods may be called everywhere, init_by_lua included. Methods are called on the
// worker's loop, dictionaries are shared by all workers.
//
// In Lua a dictionary is a table with a userdata at 1, whose metatable holds the methods and is its own __index, as
// libraries that look inside expect.
package shared

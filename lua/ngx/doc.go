// Package ngx is the ngx API for Lua: output, variables, headers, arguments, bodies, time, text functions,
// subrequests, light threads, timers, semaphores. One file holds one family.
//
// It owns the families' tables and what they keep per VM and per request. It must not know how phases are run or
// configured (lua/phase does), nor sockets, shared dictionaries and expressions, which are other packages' families.
// Messages and conventions of results are OpenResty's. Everything runs on the worker's loop, most of it on the
// coroutine of a light thread: see package api for who may wait and how.
package ngx

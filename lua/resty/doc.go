// Package resty is the Lua modules that OpenResty brings and whose originals need ffi, under the same names:
// resty.core and its parts, ngx.base64, resty.lrucache, resty.lock, resty.string and the digests, resty.aes,
// resty.random, resty.limit.*, resty.websocket.protocol, resty.signal, tablepool. They are written in Go with the same functions, results and messages, so
// that libraries built on them run unmodified.
//
// It owns the modules and their objects. Objects are tables, as those of the originals: with their fields where
// scripts are used to read them (resty.limit.*), else with a userdata at 1. It knows the request only to wait
// (resty.lock). All functions run on the worker's loop.
//
// # Departures
//
// What only makes sense with ffi is not there: get_string_buf, get_errmsg_ptr and their like of resty.core.base. A
// lock that was dropped while held is released when the garbage collector finds it, as in the original, or at its
// exptime.
package resty

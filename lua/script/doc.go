// Package script caches compiled Lua: one prototype per chunk name and content, shared by the workers of a process
// and, in a stored form, by its successors.
//
// It owns the cache's memory and its directory. It must not know VMs: prototypes are immutable, every VM makes its
// own closures of them. All methods may be called by any goroutine; compiling happens once however many ask.
package script

// Package run is `weir lua`: the plain interpreter without a server, for scripts, one-liners and an interactive
// session, and for comparing the engine with gopher-lua.
//
// It owns the command's flags and its terminal session. It knows the engines and nothing of the server. Main runs
// everything on the calling goroutine.
package run

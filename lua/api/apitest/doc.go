// Package apitest runs Lua for tests of families of package api: without a
// server, a request or a loop.
package apitest

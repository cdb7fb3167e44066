// Package cjson is the Lua modules cjson and cjson.safe: JSON text from and to Lua values, with the options, defaults
// and messages of the lua-cjson that OpenResty ships.
//
// It owns the configuration of each module instance (cjson.new makes independent ones). It knows the engine's host
// API and nothing else. All functions run on the goroutine of the VM they are called in.
package cjson

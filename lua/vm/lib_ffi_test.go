package vm

import "testing"

func TestFFIIsRefusedToWhoAsksAndUselessToWhoInsists(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"asked", `return tostring(pcall(require, "ffi"))`, "false"},
		{"asked by xpcall", `return tostring(xpcall(require, print, "ffi"))`, "false"},
		{"asked, the message", `return (select(2, pcall(require, "ffi")):match("^[^\n]*"))`, "module 'ffi' not found:"},
		{"insisted", `local ffi = require "ffi" return type(ffi.cast) .. ffi.os`, "functionLinux"},
		{"asked by a tail call", `return tostring(pcall(function() return require "ffi" end))`, "false"},
		{"insisted inside pcall", `return tostring(pcall(function() local ffi = require "ffi" return ffi end))`, "true"},
		{"insisted twice", `return tostring(require "ffi" == require "ffi")`, "true"},
		{"asked after it was insisted", `require "ffi" return tostring(pcall(require, "ffi")) .. tostring(package.loaded.ffi)`, "falsenil"},
		{"called", `return (select(2, pcall(require "ffi".cdef, "int x;")))`, "ffi.cdef is not available: there is no ffi"},
		{"a symbol", `local ffi = require "ffi" return (select(2, pcall(function() return ffi.C.getpid() end)):match(": (.*)"))`, "ffi.C is not available: there is no ffi"},
		{"one's own", `package.preload.ffi = function() return {abi = 1} end return tostring(require "ffi".abi) .. tostring(pcall(require, "ffi"))`, "1true"},
	} {
		vm, _ := newTestVM(t)
		res, err := runChunk(t, vm, c.src, "=t")
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.name, err.Traceback)
		case len(res) == 0 || res[0].Text() != c.want:
			t.Errorf("%s: got %v, want %q", c.name, res[0].Text(), c.want)
		}
	}
}

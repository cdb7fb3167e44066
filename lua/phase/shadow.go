package phase

import (
	"slices"
	"strconv"
	"strings"

	"weir/appliance/errlog"
	"weir/lua/vm"
)

// Modules that are built in are found before files of their name: the originals of most need ffi, and would not load.
// Who has such a file should know that it is not what runs, if only when looking for it: a notice says so, once for a
// configuration with a lua_package_path. A script that wants the file sets package.loaded of the name to nil before it
// requires it.

// findShadows returns the names of built-in modules that package.path has files of, sorted. It is for a VM in which
// no script has run.
func (m *mainConf) findShadows(v *vm.VM) (names []string) {
	if m.lua.PackagePath == "" {
		return nil
	}
	loaded := v.Loaded()
	for k, _, ok, _ := loaded.Next(vm.Nil); ok; k, _, ok, _ = loaded.Next(k) {
		if name, _ := k.AsString(); v.FindModule(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// noteShadows logs them.
func (m *mainConf) noteShadows() {
	if n := len(m.shadows); n > 0 {
		m.gen.Cycle.Log.Write(errlog.Notice, 0, []byte("built-in Lua modules are used, not the files of lua_package_path, for "+
			strconv.Itoa(n)+" names: "+strings.Join(m.shadows, " ")))
	}
}

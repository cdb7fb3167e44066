package vm

import (
	"os"
	"strings"
)

const defaultPath = "./?.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua"

func (vm *VM) openPackage() {
	g := vm.globals
	t := vm.library("package", []fn{{"searchpath", pkgSearchpath}, {"seeall", pkgSeeall}, {"loadlib", pkgLoadlib}})
	vm.register(g, "", []fn{{"require", pkgRequire}, {"module", pkgModule}})
	t.SetString("loaded", vm.loaded.Value())
	t.SetString("preload", NewTable(0, 8).Value())
	t.SetString("config", String("/\n;\n?\n!\n-\n"))
	path := os.Getenv("LUA_PATH")
	switch {
	case path == "":
		path = defaultPath
	default:
		path = strings.ReplaceAll(path, ";;", ";\x01;")
		path = strings.ReplaceAll(path, "\x01", defaultPath)
	}
	t.SetString("path", String(path))
	t.SetString("cpath", String(""))
	loaders := NewTable(4, 0)
	for i, f := range [...]Func{pkgPreload, pkgLua, pkgC, pkgC} {
		loaders.SetInt(i+1, vm.NewFunction("loader", f).Value())
	}
	t.SetString("loaders", loaders.Value())
	vm.pkg = t
}

// SetPath sets package.path; ";;" in it stands for the default.
func (vm *VM) SetPath(p string) {
	p = strings.ReplaceAll(p, ";;", ";"+defaultPath+";")
	vm.pkg.SetString("path", String(strings.Trim(p, ";")))
}

// FindModule returns the file that package.path has for a module, "" for none.
func (vm *VM) FindModule(name string) string {
	path, _ := vm.pkg.GetString("path").AsString()
	file, _ := searchPath(name, path, ".", "/")
	return file
}

// searchPath looks for a module along a path: its file, or the list of what was tried.
func searchPath(name, path, sep, rep string) (file, tried string) {
	if sep != "" {
		name = strings.ReplaceAll(name, sep, rep)
	}
	var b strings.Builder
	for t := range strings.SplitSeq(path, ";") {
		if t == "" {
			continue
		}
		f := strings.ReplaceAll(t, "?", name)
		if st, err := os.Stat(f); err == nil && !st.IsDir() {
			return f, ""
		}
		b.WriteString("\n\tno file '" + f + "'")
	}
	return "", b.String()
}

func pkgSearchpath(l *State) int {
	f, tried := searchPath(l.CheckString(1), l.CheckString(2), l.OptString(3, "."), l.OptString(4, "/"))
	if f != "" {
		return l.ret(String(f))
	}
	l.Push(Nil)
	l.PushString(tried)
	return 2
}

func pkgLoadlib(l *State) int {
	l.Push(Nil)
	l.PushString("dynamic libraries are not supported")
	l.PushString("absent")
	return 3
}

func (l *State) pkgField(name string) Value { return l.vm.pkg.GetString(name) }

func pkgPreload(l *State) int {
	name := l.CheckString(1)
	p := l.pkgField("preload")
	if p.n != tagTable {
		l.Errorf("'package.preload' must be a table")
	}
	if f := l.GetField(p, name); f.n != tagNil {
		return l.ret(f)
	}
	return l.ret(String("\n\tno field package.preload['" + name + "']"))
}

func pkgLua(l *State) int {
	name := l.CheckString(1)
	path, ok := l.pkgField("path").AsString()
	if !ok {
		l.Errorf("'package.path' must be a string")
	}
	file, tried := searchPath(name, path, ".", "/")
	if file == "" {
		return l.ret(String(tried))
	}
	b, err := os.ReadFile(file)
	if err != nil {
		l.Errorf("error loading module '%s' from file '%s':\n\t%s", name, file, errnoText(err))
	}
	if l.pushChunk(string(b), "@"+file, Nil) == 2 {
		l.Errorf("error loading module '%s' from file '%s':\n\t%s", name, file, l.stack[l.top-1].str())
	}
	return 1
}

// pkgC stands for the loaders of C modules, which this engine cannot load: cpath is ignored, and says so.
func pkgC(l *State) int {
	path, _ := l.pkgField("cpath").AsString()
	if path == "" {
		return l.ret(Nil)
	}
	if file, _ := searchPath(l.CheckString(1), path, ".", "/"); file != "" {
		return l.ret(String("\n\tC module '" + file + "' ignored: shared libraries cannot be loaded"))
	}
	return l.ret(Nil)
}

// loading marks a module whose loader runs, to notice cycles.
var loadingSentinel = new(byte)

func pkgRequire(l *State) int {
	vm := l.vm
	name := l.CheckString(1)
	mark := LightUserdata(sentinelPointer())
	if v := l.GetTable(vm.loaded.Value(), String(name)); v.Truthy() {
		if rawEqual(v, mark) {
			l.Errorf("loop or previous error loading module '%s'", name)
		}
		return l.ret(v)
	}
	loaders := l.pkgField("loaders")
	if loaders.n != tagTable {
		l.Errorf("'package.loaders' must be a table")
	}
	tried := ""
	var f Value
	for i := 1; ; i++ {
		ld := loaders.table().GetInt(i)
		if ld.n == tagNil {
			if name == "ffi" && l.insists() {
				return l.ret(vm.noFFI())
			}
			l.Errorf("module '%s' not found:%s", name, tried)
		}
		l.Push(ld)
		l.PushString(name)
		l.Call(1, 1)
		f = l.stack[l.top-1]
		l.Pop(1)
		if f.n == tagFunc {
			break
		}
		if s, ok := f.AsString(); ok {
			tried += s
		}
	}
	vm.loaded.SetString(name, mark)
	l.Push(f)
	l.PushString(name)
	l.Call(1, 1)
	v := l.stack[l.top-1]
	l.Pop(1)
	if v.n != tagNil {
		l.SetTable(vm.loaded.Value(), String(name), v)
	} else if v = vm.loaded.GetString(name); rawEqual(v, mark) {
		v = True
		vm.loaded.SetString(name, v)
	}
	return l.ret(v)
}

// findTable walks a dotted name down from t, creating tables; nil if something else is in the way.
func findTable(t *Table, name string) *Table {
	for part := range strings.SplitSeq(name, ".") {
		v := t.GetString(part)
		if v.n == tagNil {
			v = NewTable(0, 4).Value()
			t.SetString(part, v)
		}
		if v.n != tagTable {
			return nil
		}
		t = v.table()
	}
	return t
}

func pkgModule(l *State) int {
	vm := l.vm
	name := l.CheckString(1)
	n := l.Top()
	t := vm.loaded.GetString(name).AsTable()
	if t == nil {
		if t = findTable(vm.globals, name); t == nil {
			l.Errorf("name conflict for module '%s'", name)
		}
		vm.loaded.SetString(name, t.Value())
	}
	if t.GetString("_NAME").n == tagNil {
		t.SetString("_M", t.Value())
		t.SetString("_NAME", String(name))
		t.SetString("_PACKAGE", String(name[:strings.LastIndexByte(name, '.')+1]))
	}
	if i := l.fi - 1; i >= 1 && l.frames[i].kind == kLua {
		l.frameFunc(i).env = t
	} else {
		l.Errorf("'module' not called from a Lua function")
	}
	for i := 2; i <= n; i++ {
		if f := l.Arg(i); f.n == tagFunc {
			l.Push(f)
			l.Push(t.Value())
			l.Call(1, 0)
		}
	}
	return l.ret(t.Value())
}

func pkgSeeall(l *State) int {
	t := l.CheckTable(1)
	mt := t.meta
	if mt == nil {
		mt = NewTable(0, 1)
		t.SetMetatable(l.vm, mt)
	}
	mt.SetString("__index", l.vm.globals.Value())
	return 0
}

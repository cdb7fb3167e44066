package phase

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/script"
	"weir/lua/vm"
)

// code is the Lua of one *_by_lua directive. It is immutable; each VM has its own closures.
type code struct {
	index int // of the closure in vmState.fns
	phase api.Phase
	name  string        // chunk name of inline code: "=content_by_lua(nginx.conf:12)"
	text  string        // inline code
	file  *http.Complex // path of the *_file form, nil for inline code
}

// cache is the compiled code of the process, shared by all workers and configurations.
var cache = script.New("")

// vmState is what lua/phase keeps with each VM.
type vmState struct {
	fns   []loaded          // by code.index
	files map[string]loaded // of paths with variables
	conf  *mainConf
	fresh bool // the VM serves one request: lua_code_cache off
	// failed says that init_by_lua has, which was logged.
	failed bool
}

// loaded is a script in a VM and what counts its runs there.
type loaded struct {
	fn    *vm.Function
	meter *api.Meter
}

func stateOf(e *api.Env) *vmState { return e.Config.(*vmState) }

// load returns the script's function in the VM of c, whose runs are counted from now on. When it cannot be had that is
// logged and the status to answer with returned.
func (s *code) load(c *api.Ctx) (*vm.Function, http.Code) {
	st := stateOf(c.Env())
	if l := &st.fns[s.index]; l.fn != nil {
		c.Meter = l.meter
		return l.fn, http.OK
	}
	if st.failed {
		return nil, http.StatusInternalServerError
	}
	if s.file != nil {
		return s.loadFile(c, st)
	}
	p, err := cache.Compile(s.text, s.name)
	if err != nil {
		c.Log(http.LogErr, "failed to load inlined Lua code: "+err.Error())
		return nil, http.StatusInternalServerError
	}
	st.fns[s.index] = s.counted(c, p, s.name[1:])
	return st.fns[s.index].fn, http.OK
}

// counted makes a script's function in the VM of c, and what counts its runs.
func (s *code) counted(c *api.Ctx, p *vm.Proto, name string) loaded {
	c.Meter = c.Env().Meter(s.phase, name)
	return loaded{c.Env().VM.Load(p), c.Meter}
}

func (s *code) loadFile(c *api.Ctx, st *vmState) (*vm.Function, http.Code) {
	path, constant := s.file.Constant()
	if !constant {
		path = s.file.Eval(c.R)
	}
	full := st.conf.path(string(path))
	if l, ok := st.files[full]; ok {
		c.Meter = l.meter
		return l.fn, http.OK
	}
	p, err := cache.File(full, st.fresh)
	if err != nil {
		rc := http.StatusInternalServerError
		msg := err.Error()
		var pe *fs.PathError
		if errors.As(err, &pe) {
			rc = http.StatusNotFound
			msg = "cannot open " + full + ": " + errlog.ErrnoText(pe)
		}
		c.Log(http.LogErr, "failed to load external Lua file \""+full+"\": "+msg)
		return nil, rc
	}
	l := s.counted(c, p, full)
	if constant {
		st.fns[s.index] = l
		return l.fn, http.OK
	}
	if st.files == nil {
		st.files = map[string]loaded{}
	}
	if len(st.files) >= maxFiles {
		clear(st.files)
	}
	st.files[full] = l
	return l.fn, http.OK
}

// maxFiles bounds the files that paths with variables may name in one VM before they are loaded anew.
const maxFiles = 1024

// newScript compiles the source of a directive: text is inline code, or the path of a file.
func newScript(cx *conf.Cx, it *conf.Item, p api.Phase, tag string, text string, line int, file bool) (*code, error) {
	b := http.BuilderOf(cx)
	m := main.In(b)
	s := &code{index: len(m.scripts), phase: p}
	if file {
		c, err := b.CompileComplex(text)
		if err != nil {
			return nil, err
		}
		s.file = c
	} else {
		s.text, s.name = text, chunkName(tag, it.File, cx.ConfPrefix, line)
	}
	m.scripts = append(m.scripts, s)
	return s, nil
}

// chunkRoom is how much of a chunk name messages show.
const chunkRoom = 56

// chunkName names inline code by the directive and where it stands. A file below the configuration's directory
// goes by its relative path, any nginx.conf by that name, and what is too long loses its beginning.
func chunkName(tag, file, prefix string, line int) string {
	n := strconv.Itoa(line)
	switch rest, inside := strings.CutPrefix(file, prefix); {
	case strings.HasSuffix(file, "/nginx.conf"):
		file = "nginx.conf"
	case inside && prefix != "":
		file = rest
	}
	if over := len(file) + len(tag) + len(n) - chunkRoom; over > 0 {
		file = "..." + file[min(over+3, len(file)):]
	}
	return "=" + tag + "(" + file + ":" + n + ")"
}

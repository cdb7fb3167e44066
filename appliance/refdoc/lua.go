package refdoc

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"weir/lua/api"
)

// luaAPI is the reference of the functions that Lua may call.
func luaAPI(families api.Families) []byte {
	var b bytes.Buffer
	b.WriteString(generated + "# Lua API\n\n" +
		"What Lua finds in the phases of a request, by where it finds it. A function that may not be called everywhere\n" +
		"names the phases it may be called in as `ngx.get_phase` does. \"Requests\" are all phases of a request,\n" +
		"\"handlers\" are " + strings.Join(api.Handlers.Names(), ", ") + ", \"waits\" are the handlers, timers and the\n" +
		"handshake phases that may wait; with `lua_phase_io relaxed` what waits may be called in every phase of a request and\n" +
		"in init_worker, and ngx.location in set.\n" +
		"Beside these there are the constants of OpenResty and `ngx.var`, `ngx.header`, `ngx.arg`, `ngx.ctx`, `ngx.status`.\n")
	for _, f := range families {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", f.Name, f.Doc)
		for i := range f.Tables {
			if i == 0 || f.Tables[i].Path != f.Tables[i-1].Path || f.Tables[i].Module != f.Tables[i-1].Module {
				luaHeading(&b, &f.Tables[i])
			}
			luaRows(&b, &f.Tables[i])
		}
	}
	return b.Bytes()
}

// luaHeading says where the functions of a table are found.
func luaHeading(b *bytes.Buffer, t *api.Table) {
	switch {
	case len(t.Funcs) == 0:
		return
	case t.Module:
		fmt.Fprintf(b, "\n### require \"%s\"\n\n", t.Path)
	case t.Meta != "":
		fmt.Fprintf(b, "\n### %s (methods)\n\n", t.Path)
	default:
		fmt.Fprintf(b, "\n### %s\n\n", t.Path)
	}
	b.WriteString("| Function | Where | What it does |\n|---|---|---|\n")
}

func luaRows(b *bytes.Buffer, t *api.Table) {
	rows := slices.Clone(t.Funcs)
	slices.SortFunc(rows, func(a, b api.Func) int { return strings.Compare(a.Name, b.Name) })
	dot := "."
	if t.Meta != "" {
		dot = ":"
	}
	prefix := t.Path[strings.LastIndexByte(t.Path, '.')+1:] + dot
	if !t.Module && t.Meta == "" {
		prefix = t.Path + dot
	}
	for _, r := range rows {
		fmt.Fprintf(b, "| `%s%s%s` | %s | %s |\n", prefix, r.Name, r.Args, luaPhases(r.In), strings.ReplaceAll(r.Doc, "|", `\|`))
	}
}

// luaPhases names a set of phases.
func luaPhases(in api.Phase) string {
	switch {
	case in&api.Any == api.Any:
		return "anywhere"
	case in&api.Request == api.Request:
		return "requests"
	case in == api.Yieldable:
		return "waits"
	}
	var words []string
	for _, g := range []struct {
		name string
		set  api.Phase
	}{{"waits", api.Yieldable}, {"handlers", api.Handlers}} {
		if in&g.set == g.set {
			words = append(words, g.name)
			in &^= g.set
		}
	}
	return strings.Join(append(words, in.Names()...), ", ")
}

package refdoc

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"weir/appliance/conf"
	"weir/lua/api"
)

// openrestyNames is the other side of the comparison: names of nginx's and
// OpenResty's directives and functions. Its first lines say how it is written.
//
//go:embed openresty.txt
var openrestyNames string

// group is the names of one module, or of one table of functions.
type group struct {
	title   string
	names   []string
	remarks map[string]string
}

// groups reads the sections of a kind, "directives" or "functions".
func groups(text, kind string) []group {
	var list []group
	var g *group
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			g = nil
			if title, ok := strings.CutPrefix(strings.Trim(line, "[]"), kind+" "); ok {
				list = append(list, group{title: title, remarks: make(map[string]string)})
				g = &list[len(list)-1]
			}
		case g == nil:
		case strings.HasPrefix(line, "- "):
			name, remark, _ := strings.Cut(line[2:], ": ")
			g.remarks[name] = remark
		default:
			g.names = append(g.names, strings.Fields(line)...)
		}
	}
	return list
}

// openresty compares what weir has with nginx and OpenResty.
func openresty(table *conf.Table, families api.Families) []byte {
	var b bytes.Buffer
	b.WriteString(generated + "# Beside nginx and OpenResty\n\n" +
		"Directives of nginx 1.31 and of OpenResty's modules for HTTP, functions of its Lua modules, and what of them is\n" +
		"built in. A directive that is not is a configuration error that names it; \"accepted\" ones change nothing\n" +
		"here, and a configuration that has them gets one warning each. Streams, mail and Perl are not built in.\n\n" +
		"## Directives\n\n| Module | Built in | Accepted | Not built in |\n|---|---|---|---|\n")
	gs := groups(openrestyNames, "directives")
	for _, g := range gs {
		row(&b, g, directiveState(table))
	}
	remarks(&b, gs)
	b.WriteString("\n## Lua functions\n\nBeside `ngx.var`, `ngx.ctx`, `ngx.arg`, `ngx.header`, `ngx.status`, the constants and `coroutine`, which are all there.\n\n" +
		"| In | Built in | Accepted | Not built in |\n|---|---|---|---|\n")
	gs = groups(openrestyNames, "functions")
	for _, g := range gs {
		row(&b, g, functionState(families, g.title))
	}
	remarks(&b, gs)
	return b.Bytes()
}

// The columns of a comparison.
const (
	builtIn = iota
	accepted
	missing
)

// row writes one module. The names of its longest column are counted only, the
// others are spelt out.
func row(b *bytes.Buffer, g group, state func(name string) int) {
	var columns [missing + 1][]string
	for _, name := range g.names {
		s := state(name)
		columns[s] = append(columns[s], "`"+name+"`")
	}
	fmt.Fprintf(b, "| %s |", g.title)
	for _, names := range columns {
		switch {
		case len(names) == len(g.names) && len(names) > 1:
			fmt.Fprintf(b, " all %d |", len(names))
		case len(names) > len(g.names)/2 && len(names) > 4:
			fmt.Fprintf(b, " the other %d |", len(names))
		default:
			fmt.Fprintf(b, " %s |", strings.Join(names, " "))
		}
	}
	b.WriteByte('\n')
}

// remarks writes where something that is built in behaves otherwise.
func remarks(b *bytes.Buffer, gs []group) {
	sep := "\n"
	for _, g := range gs {
		for _, name := range g.names {
			if r := g.remarks[name]; r != "" {
				fmt.Fprintf(b, "%s- `%s` (%s): %s\n", sep, name, g.title, r)
				sep = ""
			}
		}
	}
}

// directiveState tells how the table knows a directive, by how its Doc begins:
// a row may be there only to say clearly that it is not built in.
func directiveState(table *conf.Table) func(string) int {
	states := make(map[string]int)
	for _, e := range table.All() {
		switch {
		case strings.Contains(e.Doc, "not built in yet"):
			states[e.Name] = missing
		case strings.HasPrefix(e.Doc, "Accepted"):
			states[e.Name] = accepted
		default:
			states[e.Name] = builtIn
		}
	}
	return func(name string) int {
		if s, ok := states[name]; ok {
			return s
		}
		return missing
	}
}

// functionState tells whether a function is in a table of that path, or a
// method of an object that comes from it.
func functionState(families api.Families, path string) func(string) int {
	var names []string
	for _, f := range families {
		var methods, own []string
		for i := range f.Tables {
			t := &f.Tables[i]
			for _, fn := range t.Funcs {
				if strings.HasPrefix(fn.Doc, "Is not supported") || strings.HasPrefix(fn.Doc, "Is refused") {
					continue
				}
				if t.Path == path || t.Path == strings.TrimPrefix(path, "ngx.") {
					own = append(own, fn.Name)
				} else if t.Meta != "" {
					methods = append(methods, fn.Name)
				}
			}
		}
		if len(own) > 0 {
			names = append(append(names, own...), methods...)
		}
	}
	return func(name string) int {
		if slices.Contains(names, name) {
			return builtIn
		}
		return missing
	}
}

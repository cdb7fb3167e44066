package main

import (
	"reflect"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/stdmodules"
)

func TestOptionsAreReadAsNginxReadsThem(t *testing.T) {
	base := options{prefix: defaultPrefix, confFile: defaultConfFile, errorLog: defaultErrorLog}
	with := func(change func(*options)) options {
		o := base
		change(&o)
		return o
	}
	for _, c := range []struct {
		line string
		want options
		err  string
	}{
		{line: "", want: base},
		{line: "-t -q", want: with(func(o *options) { o.test, o.quiet = true, true })},
		{line: "-tq", want: with(func(o *options) { o.test, o.quiet = true, true })},
		{line: "-T", want: with(func(o *options) { o.test, o.dump = true, true })},
		{line: "-V", want: with(func(o *options) { o.version, o.configure = true, true })},
		{line: "-?", want: with(func(o *options) { o.version, o.help = true, true })},
		{line: "-p /x -c f -e stderr", want: with(func(o *options) { o.prefix, o.confFile, o.errorLog = "/x", "f", "" })},
		{line: "-p/x -tcf", want: with(func(o *options) { o.prefix, o.confFile, o.test = "/x", "f", true })},
		{line: "-s reload", want: with(func(o *options) { o.signal = "reload" })},
		{line: "-sstop", want: with(func(o *options) { o.signal = "stop" })},
		{line: "-s nosuch", err: `invalid option: "-s nosuch"`},
		{line: "-x", err: `invalid option: "x"`},
		{line: "-tx", err: `invalid option: "x"`},
		{line: "word", err: `invalid option: "word"`},
		{line: "-p", err: `option "-p" requires directory name`},
		{line: "-c", err: `option "-c" requires file name`},
		{line: "-e", err: `option "-e" requires file name`},
		{line: "-g", err: `option "-g" requires parameter`},
		{line: "-s", err: `option "-s" requires parameter`},
	} {
		o, err := parseOptions(append([]string{"weir"}, strings.Fields(c.line)...))
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%q: got error %v, want %q", c.line, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(*o, c.want) {
			t.Errorf("%q: got %+v, %v; want %+v", c.line, o, err, c.want)
		}
	}
}

func TestConfigureArgumentsFollowTheTable(t *testing.T) {
	table := new(conf.Table)
	table.Add(nil, []conf.Directive{
		{Name: "map", In: conf.HTTP},
		{Name: "proxy_cache_path", In: conf.HTTP, Doc: "Belongs to the cache, which is not built in yet."},
	})
	args := strings.Join(configureArguments(http.Modules{{Name: "x", ConfigureArg: "--with-http_realip_module"}}, table), " ")
	for _, want := range []string{"--with-http_realip_module", "--without-http_proxy_module", "--without-http-cache"} {
		if !strings.Contains(args, want) {
			t.Errorf("%q has no %s", args, want)
		}
	}
	if strings.Contains(args, "--without-http_map_module") {
		t.Errorf("%q leaves out the module of a directive that is there", args)
	}
	if strings.Contains(args, "=dynamic") {
		t.Errorf("%q names dynamic modules: suites then load them", args)
	}
}

// TestBuiltInModulesAreNotLeftOut finds misspelt directives in the list: once weir has a
// module, its name there must be one that the table knows.
func TestBuiltInModulesAreNotLeftOut(t *testing.T) {
	args := strings.Join(configureArguments(stdmodules.Modules(), stdmodules.Table()), " ")
	for _, m := range stdmodules.Modules() {
		if m.Name != "" && strings.Contains(args, "--without-"+m.Name+"_module") {
			t.Errorf("module %s is in the list, and -V says it is left out", m.Name)
		}
	}
}

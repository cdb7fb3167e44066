package phase

import (
	"strings"
	"sync"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/rewrite"
	"weir/lua/api"
)

var (
	main http.MainSlot[mainConf]
	srv  http.SrvSlot[srvConf]
	loc  http.LocSlot[locConf]
)

// mainConf is what the http block says, and every script of the configuration.
type mainConf struct {
	scripts    []*code
	init       *code
	initWorker *code
	exitWorker *code
	prefix     string // for relative paths of files

	// noPostpone has the handlers of a step run before those of the modules, not behind them.
	noPostpone [numSteps]conf.Opt[bool]

	// nextHeader and nextBody are the filters behind this module's, for those of its filters that have waited.
	nextHeader http.HeaderFilter
	nextBody   http.BodyFilter

	gen  *http.Generation
	mu   sync.Mutex
	made *api.Env // the VM init_by_lua ran in, until a worker takes it; guarded by mu

	shadows []string // built-in modules that lua_package_path has files of
	root    *api.Settings
	lua     *api.MainSettings
}

// path makes the path of a file full.
func (m *mainConf) path(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return m.prefix + name
}

// Steps of a request that a location has scripts for.
const (
	atServerRewrite = iota
	atRewrite
	atAccess
	atPrecontent
	atContent
	atHeaderFilter
	atBodyFilter
	atLog
	atProxySSLCert
	atProxySSLVerify
	numSteps
)

// locConf is the scripts of a location.
type locConf struct {
	scripts [numSteps]*code
	own     uint // steps whose script is not inherited, as bits
	// skipVerify is lua_upstream_skip_openssl_default_verify.
	skipVerify conf.Opt[bool]
}

func mergeLoc(_ *http.Builder, up, c *locConf) error {
	for i, s := range up.scripts {
		if c.scripts[i] == nil {
			c.scripts[i] = s
		}
	}
	c.skipVerify.Merge(up.skipVerify, false)
	return nil
}

const (
	inLevels   = conf.HTTP | conf.Server | conf.Location | conf.LocationIf
	inContent  = conf.Location | conf.LocationIf
	inServers  = conf.HTTP | conf.Server
	inRewrites = conf.Server | conf.ServerIf | conf.Location | conf.LocationIf
)

// byLua are the directives of one step: NAME_by_lua, NAME_by_lua_block and NAME_by_lua_file.
type byLua struct {
	name  string
	in    conf.Context
	step  int
	phase api.Phase
	plain bool // there is a form with the code as an argument
	doc   string
}

var steps = []byLua{
	{"server_rewrite", inServers, atServerRewrite, api.ServerRewrite, false, "Runs Lua when the server is known and the location is not."},
	{"rewrite", inLevels, atRewrite, api.Rewrite, true, "Runs Lua behind the rewrite module's directives."},
	{"access", inLevels, atAccess, api.Access, true, "Runs Lua that decides whether the request may go on."},
	{"precontent", inLevels, atPrecontent, api.Precontent, false, "Runs Lua before the response is made."},
	{"content", inContent, atContent, api.Content, true, "Answers requests with Lua."},
	{"header_filter", inLevels, atHeaderFilter, api.HeaderFilter, true, "Runs Lua that changes the response header."},
	{"body_filter", inLevels, atBodyFilter, api.BodyFilter, true, "Runs Lua on each part of the response body."},
	{"log", inLevels, atLog, api.Log, true, "Runs Lua when the request is logged."},
	{"proxy_ssl_certificate", conf.Location, atProxySSLCert, api.ProxySSLCert, false,
		"Runs Lua when a backend asks for a certificate; it may set one by the module ngx.ssl.proxysslcert, instead of that of proxy_ssl_certificate. Such connections resume no sessions."},
	{"proxy_ssl_verify", conf.Location, atProxySSLVerify, api.ProxySSLVerify, false,
		"Runs Lua when a backend's certificate has been checked and found good; it may judge it by the module ngx.ssl.proxysslverify. An error, or ngx.exit(ngx.ERROR), ends the handshake. Such connections resume no sessions."},
}

// mainSteps are the directives of the http block's scripts.
var mainSteps = []struct {
	name  string
	phase api.Phase
	field func(m *mainConf) **code
	doc   string
}{
	{"init", api.Init, func(m *mainConf) **code { return &m.init }, "Runs Lua once, when the configuration is loaded; its failure is an error of the configuration."},
	{"init_worker", api.InitWorker, func(m *mainConf) **code { return &m.initWorker }, "Runs Lua when a worker starts to use the configuration."},
	{"exit_worker", api.ExitWorker, func(m *mainConf) **code { return &m.exitWorker }, "Runs Lua when a worker ends."},
}

// directives is the table of Module.
func directives() []conf.Directive {
	var rows []conf.Directive
	for _, s := range steps {
		rows = append(rows, conf.Directive{Name: s.name + "_by_lua_block", In: s.in, Args: conf.NoArgs, RawBlock: true,
			Set: s.set(false), Doc: s.doc})
		rows = append(rows, conf.Directive{Name: s.name + "_by_lua_file", In: s.in, Args: conf.Take1, Syntax: "path",
			Set: s.set(true), Doc: s.doc + " The code stands in a file; the path may contain variables."})
		if s.plain {
			rows = append(rows, conf.Directive{Name: s.name + "_by_lua", In: s.in, Args: conf.Take1, Syntax: "lua",
				Set: s.set(false), Doc: s.doc + " The code is the argument; the block form is easier to write."})
		}
	}
	for _, s := range mainSteps {
		set := func(file bool) conf.Setter { return setMain(s.field, s.phase, s.name+"_by_lua", file) }
		rows = append(rows,
			conf.Directive{Name: s.name + "_by_lua_block", In: conf.HTTP, Args: conf.NoArgs, RawBlock: true, Set: set(false), Doc: s.doc},
			conf.Directive{Name: s.name + "_by_lua_file", In: conf.HTTP, Args: conf.Take1, Syntax: "path", Set: set(true), Doc: s.doc + " The code stands in a file."},
			conf.Directive{Name: s.name + "_by_lua", In: conf.HTTP, Args: conf.Take1, Syntax: "lua", Set: set(false), Doc: s.doc + " The code is the argument."})
	}
	for _, s := range steps {
		if s.step != atRewrite && s.step != atAccess && s.step != atPrecontent {
			continue
		}
		rows = append(rows, conf.Directive{Name: s.name + "_by_lua_no_postpone", In: conf.HTTP, Args: conf.FlagArg, Default: "off",
			Set: conf.Flag(func(c *mainConf) *conf.Opt[bool] { return &c.noPostpone[s.step] }),
			Doc: "Runs " + s.name + " Lua before the other modules' handlers of the phase instead of behind them."})
	}
	rows = append(rows, handshakeRows()...)
	const balancerDoc = "Chooses with Lua the peer of every try, by set_current_peer of the module ngx.balancer."
	rows = append(rows,
		conf.Directive{Name: "balancer_by_lua_block", In: conf.Upstream, Args: conf.NoArgs, RawBlock: true, Set: setBalancer(false), Doc: balancerDoc},
		conf.Directive{Name: "balancer_by_lua_file", In: conf.Upstream, Args: conf.Take1, Syntax: "path", Set: setBalancer(true),
			Doc: balancerDoc + " The code stands in a file; the path may contain variables."})
	rows = append(rows, conf.Directive{Name: "lua_upstream_skip_openssl_default_verify", In: inContent, Args: conf.FlagArg, Default: "off",
		Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.skipVerify }),
		Doc: "Leaves the check of a backend's certificate to proxy_ssl_verify_by_lua alone."})
	rows = append(rows, conf.Directive{Name: "balancer_keepalive", In: conf.Upstream, Args: conf.Take1, Syntax: "connections", Default: "32",
		Set: setBalancerKeepalive,
		Doc: "Keeps so many idle connections per worker for balancers that call enable_keepalive of the module ngx.balancer."})
	const setDoc = "Sets a variable to what Lua returns, in its place among the rewrite module's directives."
	return append(rows,
		conf.Directive{Name: "set_by_lua_block", In: inRewrites, Args: conf.Take1, RawBlock: true, Syntax: "$variable", Set: setBy(false), Doc: setDoc},
		conf.Directive{Name: "set_by_lua", In: inRewrites, Args: conf.TwoMore, Syntax: "$variable lua [argument ...]", Set: setBy(false),
			Doc: setDoc + " Arguments are found in ngx.arg."},
		conf.Directive{Name: "set_by_lua_file", In: inRewrites, Args: conf.TwoMore, Syntax: "$variable path [argument ...]", Set: setBy(true),
			Doc: setDoc + " The code stands in a file; arguments are found in ngx.arg."})
}

// source is the code or path of a directive and the line it begins at.
func source(it *conf.Item, arg int) (text string, line int, err error) {
	if it.RawLine != 0 {
		return it.Raw, it.RawLine, nil
	}
	if text = it.Arg(arg); text == "" {
		return "", 0, conf.Errorf("invalid location config: no runnable Lua code")
	}
	return text, it.End, nil
}

func (s byLua) set(file bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		at := &conf.Target[locConf](cx).scripts[s.step]
		if *at != nil {
			return conf.Tail("is duplicate")
		}
		text, line, err := source(it, 0)
		if err != nil {
			return err
		}
		*at, err = newScript(cx, it, s.phase, s.name+"_by_lua", text, line, file)
		conf.Target[locConf](cx).own |= 1 << s.step
		if err == nil && s.step == atContent {
			http.ScopeOf(cx).Location().Handler = content
		}
		return err
	}
}

func setMain(field func(m *mainConf) **code, p api.Phase, tag string, file bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		at := field(conf.Target[mainConf](cx))
		if *at != nil {
			return conf.Tail("is duplicate")
		}
		text, line, err := source(it, 0)
		if err != nil {
			return err
		}
		*at, err = newScript(cx, it, p, tag, text, line, file)
		return err
	}
}

// setter is a set_by_lua directive: its script, arguments and variable.
type setter struct {
	script *code
	args   []*http.Complex
	index  int
}

func setBy(file bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		index, err := rewrite.TargetVariable(cx, it.Args[0])
		if err != nil {
			return err
		}
		text, line, err := source(it, 1)
		if err != nil {
			return err
		}
		s := &setter{index: index}
		if s.script, err = newScript(cx, it, api.Set, "set_by_lua", text, line, file); err != nil {
			return err
		}
		for _, a := range it.Args[min(2, len(it.Args)):] {
			c, err := http.BuilderOf(cx).CompileComplex(a)
			if err != nil {
				return err
			}
			s.args = append(s.args, c)
		}
		rewrite.Append(cx, s.run)
		return nil
	}
}

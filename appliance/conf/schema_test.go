package conf_test

import (
	. "weir/appliance/conf"
)

// testModule owns the rows of the tests. They are directives of nginx with nginx's setters
// and contexts, so that goldens can be held against a real nginx.
type testModule struct{}

// settings is the only object of testModule; each block that has settings gets its own.
type settings struct {
	daemon, sendfile, tcpNopush            Opt[bool]
	headerBuffer, maxBody                  Opt[int64]
	sendTimeout, resolverTimeout, shutdown Opt[int64]
	fileValid                              Opt[int64]
	requests, compLevel, hashSize          Opt[int]
	defaultType                            Opt[string]
	satisfy                                Opt[string]
	disable                                Opt[uint8]
	buffers                                Opt[BufCount]
	temp                                   Opt[TempDir]
	access                                 Opt[uint32]
	hide                                   []string
	params                                 []KeyVal
	types                                  []KeyVal
	lua                                    Opt[string]
	inner                                  []*settings
}

func (s *settings) Objects(owner any) []any {
	if owner != any(testModule{}) {
		return nil
	}
	return []any{s}
}

// block walks the directive's block with settings of its own.
func block(in Context) Setter {
	return Block(func(cx *Cx, it *Item) error {
		s := &settings{}
		outer := Target[settings](cx)
		outer.inner = append(outer.inner, s)
		return cx.Walk(it.Block, in, s)
	})
}

var anyHTTP = HTTP | Server | Location

func testTable() *Table {
	t := &Table{}
	t.Add(testModule{}, []Directive{
		{Name: "events", In: Main, Args: Take0 | HasBlock, Set: block(Events), Doc: "Opens the block of connection processing."},
		{Name: "http", In: Main, Args: Take0 | HasBlock, Set: block(HTTP), Doc: "Opens the block of the web server."},
		{Name: "server", In: HTTP, Args: Take0 | HasBlock, Set: block(Server), Doc: "Opens a virtual server."},
		{Name: "location", In: Server | Location, Args: Take12 | HasBlock, Set: block(Location), Syntax: "[= | ~ | ~* | ^~] uri", Doc: "Opens a location."},
		{Name: "types", In: anyHTTP, Args: Take0 | HasBlock, Set: Block(setTypes), Doc: "Maps file name extensions to media types."},
		{Name: "daemon", In: Main, Args: FlagArg, Set: Flag(func(s *settings) *Opt[bool] { return &s.daemon }), Default: "on", Doc: "Makes the process leave its terminal."},
		{Name: "worker_shutdown_timeout", In: Main, Args: Take1, Set: Msec(func(s *settings) *Opt[int64] { return &s.shutdown }), Doc: "Bounds a graceful shutdown."},
		{Name: "sendfile", In: anyHTTP | LocationIf, Args: FlagArg, Set: Flag(func(s *settings) *Opt[bool] { return &s.sendfile }), Default: "off", Doc: "Sends files by sendfile."},
		{Name: "tcp_nopush", In: anyHTTP, Args: FlagArg, Set: Flag(func(s *settings) *Opt[bool] { return &s.tcpNopush }), Default: "off", Doc: "Fills packets."},
		{Name: "client_header_buffer_size", In: HTTP | Server, Args: Take1, Set: Size(func(s *settings) *Opt[int64] { return &s.headerBuffer }), Default: "1k", Doc: "Sets the first buffer of a request header."},
		{Name: "client_max_body_size", In: anyHTTP, Args: Take1, Set: Off(func(s *settings) *Opt[int64] { return &s.maxBody }), Default: "1m", Doc: "Bounds request bodies."},
		{Name: "send_timeout", In: anyHTTP, Args: Take1, Set: Msec(func(s *settings) *Opt[int64] { return &s.sendTimeout }), Default: "60s", Doc: "Bounds the time between two writes."},
		{Name: "resolver_timeout", In: anyHTTP, Args: Take1, Set: Msec(func(s *settings) *Opt[int64] { return &s.resolverTimeout }), Default: "30s", Doc: "Bounds a name lookup."},
		{Name: "open_file_cache_valid", In: anyHTTP, Args: Take1, Set: Sec(func(s *settings) *Opt[int64] { return &s.fileValid }), Default: "60s", Doc: "Says how long an open file is trusted."},
		{Name: "keepalive_requests", In: anyHTTP, Args: Take1, Set: Num(func(s *settings) *Opt[int] { return &s.requests }, 0, NoMax), Default: "1000", Doc: "Bounds requests of one connection."},
		{Name: "gzip_comp_level", In: anyHTTP, Args: Take1, Set: Num(func(s *settings) *Opt[int] { return &s.compLevel }, 1, 9), Default: "1", Doc: "Sets the level of compression."},
		{Name: "types_hash_max_size", In: anyHTTP, Args: Take1, Set: Num(func(s *settings) *Opt[int] { return &s.hashSize }, 0, NoMax), Default: "1024", Doc: "Has no use here."},
		{Name: "default_type", In: anyHTTP, Args: Take1, Set: Str(func(s *settings) *Opt[string] { return &s.defaultType }), Default: "text/plain", Doc: "Sets the media type of unknown extensions."},
		{Name: "satisfy", In: anyHTTP, Args: Take1, Set: Enum(func(s *settings) *Opt[string] { return &s.satisfy }, []EnumValue[string]{{"all", "ALL"}, {"any", "ANY"}}), Default: "all", Doc: "Says whether all access checks must pass."},
		{Name: "keepalive_disable", In: anyHTTP, Args: Take12, Set: Bitmask(func(s *settings) *Opt[uint8] { return &s.disable }, []EnumValue[uint8]{{"none", 1}, {"msie6", 2}, {"safari", 4}}), Default: "msie6", Doc: "Turns keepalive off for some browsers."},
		{Name: "proxy_buffers", In: anyHTTP, Args: Take2, Set: Bufs(func(s *settings) *Opt[BufCount] { return &s.buffers }), Default: "8 4k", Doc: "Sets number and size of buffers."},
		{Name: "client_body_temp_path", In: anyHTTP, Args: Take1234, Set: TempPath(func(s *settings) *Opt[TempDir] { return &s.temp }), Default: "client_body_temp", Doc: "Sets the directory of stored bodies."},
		{Name: "proxy_store_access", In: anyHTTP, Args: Take123, Set: Access(func(s *settings) *Opt[uint32] { return &s.access }), Default: "user:rw", Doc: "Sets the mode of stored files."},
		{Name: "proxy_hide_header", In: anyHTTP, Args: Take1, Set: StrList(func(s *settings) *[]string { return &s.hide }), Doc: "Hides a header field of the upstream."},
		{Name: "fastcgi_param", In: anyHTTP, Args: Take23, Set: KeyVals(func(s *settings) *[]KeyVal { return &s.params }), Doc: "Passes a parameter."},
		{Name: "content_by_lua_block", In: Location | LocationIf, Args: Take0 | HasBlock, RawBlock: true, Set: Block(setLua), Doc: "Answers with Lua."},
	})
	return t
}

func setTypes(cx *Cx, it *Item) error {
	s := Target[settings](cx)
	return cx.Entries(it.Block, func(e *Item) error {
		for _, ext := range e.Args {
			s.types = append(s.types, KeyVal{ext, e.Name})
		}
		return nil
	})
}

func setLua(cx *Cx, it *Item) error {
	s := Target[settings](cx)
	if s.lua.Set {
		return Tail("is duplicate")
	}
	s.lua.Put(it.Raw)
	return nil
}

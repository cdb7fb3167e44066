package http

import (
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/netio/sock"
)

// Generation is one HTTP configuration, immutable once built and shared by
// all workers. A request keeps the generation it started under; a connection
// takes the newest one with each request.
type Generation struct {
	Number  uint64
	Cycle   *cycle.Cycle
	Servers []*Server

	modules Modules
	main    []any // module objects of the http block
	core    *coreMain

	ports    map[portKey]*Port
	security Security // nil without the module that has the TLS directives
	certs    []Certificate

	engine      []phaseEntry
	phaseAt     [numPhases]int // first engine entry of each phase
	logHandlers []Handler

	headerFilter HeaderFilter
	bodyFilter   BodyFilter

	vars        []*Variable // by index
	varByName   map[string]*Variable
	varPrefixes []*Variable
}

// Modules are the modules of the program, in order; to be read only.
func (g *Generation) Modules() Modules { return g.modules }

// Server is one server block.
type Server struct {
	File string // where the block stands
	Line int

	confs []any
	root  *Location // what applies outside of location blocks
	core  *coreSrv

	names []*serverName
	named map[string]*Location // @locations

	listens     map[sock.Addr]*listenDirective
	listenOrder []*listenDirective // the same as written
}

// Name is the server's first name, "" when it has none: $server_name.
func (v *Server) Name() string { return v.core.name }

// Root is the configuration that applies outside of location blocks.
func (v *Server) Root() *Location { return v.root }

// Named finds location @name; name includes the @ sign.
func (v *Server) Named(name string) *Location { return v.named[name] }

// Location is one location block, or an `if`, `limit_except` or server block
// in its role as one.
type Location struct {
	Name string // as matched: "/img/", "@fallback", the text of the expression
	Item *conf.Item

	srv   *Server
	confs []any
	core  *coreLoc

	exact    bool        // =
	noRegex  bool        // ^~
	isNamed  bool        // @
	noName   bool        // if, limit_except
	re       *Regex      // ~ and ~*
	children []*Location // location blocks inside
	nested   []*Location // if and limit_except blocks inside
	find     locationIndex

	// Handler, set by directives as proxy_pass, serves the content phase.
	Handler Handler
	// AutoRedirect answers /dir with a redirect to /dir/ when the location
	// is /dir/ and has a handler that passes requests on.
	AutoRedirect bool
	defaultType  []byte // default_type
	escaped      []byte // Name, escaped for the Location field of that redirect
}

// Server is the server the location belongs to.
func (l *Location) Server() *Server { return l.srv }

// Root is the document root as written: nil when it has variables only known
// per request.
func (l *Location) Core() *coreLoc { return l.core }

// Exact reports whether the location was written with "=".
func (l *Location) Exact() bool { return l.exact }

// Regex is the location's expression, nil for a prefix.
func (l *Location) Regex() *Regex { return l.re }

// Named reports whether the location is a @name.
func (l *Location) Named() bool { return l.isNamed }

// NoName reports whether the block is an `if` or limit_except.
func (l *Location) NoName() bool { return l.noName }

// Children are the locations nested in l, those of `if` and limit_except
// blocks not included.
func (l *Location) Children() []*Location { return l.children }

// SetNoRegex makes a matched l final, as ^~ does.
func (l *Location) SetNoRegex() { l.noRegex = true }

// inner are all blocks that inherit from l.
func (l *Location) inner() []*Location {
	return append(append([]*Location(nil), l.children...), l.nested...)
}

// SendTimeout is send_timeout in milliseconds.
func (l *Location) SendTimeout() int64 { return l.core.sendTimeout.V }

// NoDelay is tcp_nodelay.
func (l *Location) NoDelay() bool { return l.core.nodelay.V }

// HasErrorPage reports whether error_page names the status.
func (l *Location) HasErrorPage(status int) bool {
	for _, p := range l.core.errorPages {
		if p.status == status {
			return true
		}
	}
	return false
}

package http

import (
	"strings"

	"weir/appliance/conf"
)

// serverName is one name of a server_name directive.
type serverName struct {
	text string // as written
	re   *Regex
	srv  *Server
}

// nameIndex finds the server for a host: by name, then by expressions in
// order, as nginx chooses.
type nameIndex struct {
	hosts   HostIndex[*Server]
	regexes []*serverName
}

func (x *nameIndex) empty() bool { return x.hosts.Empty() && x.regexes == nil }

// find returns the server for a lower-case host without a port, nil if no
// name fits. Named groups of expressions are set on r.
func (x *nameIndex) find(r *Request, host []byte) *Server {
	if v, ok := x.hosts.Find(host); ok {
		return v
	}
	if len(host) == 0 { // as in nginx, expressions are not asked
		return nil
	}
	for _, n := range x.regexes {
		if r.MatchRegex(n.re, host) {
			return n.srv
		}
	}
	return nil
}

// add puts a name into the index; conflict says that another server had it.
func (x *nameIndex) add(n *serverName) (conflict bool) {
	if n.re != nil {
		x.regexes = append(x.regexes, n)
		return false
	}
	return !x.hosts.Add(n.text, n.srv)
}

// setServer reads a server block.
func setServer(cx *conf.Cx, it *conf.Item) error {
	s := ScopeOf(cx)
	b := s.b
	v := &Server{File: it.File, Line: it.End, confs: b.objects(srvLevel)}
	v.core = coreSrvSlot.In(v)
	v.root = b.newLocation(v)
	v.root.Item = it
	b.gen.Servers = append(b.gen.Servers, v)
	t := *s
	t.srv, t.loc, t.at, t.up, t.host = v.confs, v.root.confs, v.root, s.at, v
	if err := cx.Walk(it.Block, conf.Server, &t); err != nil {
		return err
	}
	if len(v.listens) == 0 {
		return v.listen(cx, &listenDirective{addr: defaultListen(b.gen.Cycle)}, nil)
	}
	return nil
}

// setServerName reads server_name.
func setServerName(cx *conf.Cx, it *conf.Item) error {
	s := ScopeOf(cx)
	v := s.host
	for _, name := range it.Args {
		if strings.Contains(name, "/") {
			cx.Warn("server name \"%s\" has suspicious symbols", name)
		}
		n := &serverName{text: name, srv: v}
		switch {
		case strings.HasPrefix(name, "~"):
			if len(name) == 1 {
				return conf.Errorf("empty regex in server name \"%s\"", name)
			}
			re, err := s.b.CompileRegex(name[1:], strings.ToLower(name[1:]) != name[1:])
			if err != nil {
				return err
			}
			n.re = re
		case name == "$hostname":
			n.text = strings.ToLower(hostname())
		case !ValidHostPattern(name):
			return conf.Errorf("server name \"%s\" is invalid", name)
		default:
			n.text = strings.ToLower(name)
		}
		v.names = append(v.names, n)
	}
	first := v.names[0]
	v.core.name = first.text
	if first.re == nil && strings.HasPrefix(first.text, ".") {
		v.core.name = first.text[1:]
	}
	return nil
}

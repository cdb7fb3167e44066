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

// nameIndex finds the server for a host: exact names, then the longest
// wildcard at the start, then the longest at the end, then expressions in
// order, as nginx chooses.
type nameIndex struct {
	exact   map[string]*Server
	head    map[string]*Server // "*.example.com" and ".example.com": by "example.com"
	headDot map[string]*Server // those written with a leading dot match the bare name, too
	tail    map[string]*Server // "www.example.*": by "www.example"
	regexes []*serverName
}

func (x *nameIndex) empty() bool {
	return x.exact == nil && x.head == nil && x.tail == nil && x.regexes == nil
}

// find returns the server for a lower-case host without a port, nil if no
// name fits. Named groups of expressions are set on r.
func (x *nameIndex) find(r *Request, host []byte) *Server {
	if v := x.exact[string(host)]; v != nil {
		return v
	}
	if x.headDot != nil {
		if v := x.headDot[string(host)]; v != nil {
			return v
		}
	}
	if x.head != nil {
		for i := 0; i < len(host); i++ {
			if host[i] != '.' || i == 0 {
				continue
			}
			if v := x.head[string(host[i+1:])]; v != nil {
				return v
			}
		}
	}
	if x.tail != nil {
		for i := len(host) - 1; i > 0; i-- {
			if host[i] != '.' {
				continue
			}
			if v := x.tail[string(host[:i])]; v != nil {
				return v
			}
		}
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
	put := func(m *map[string]*Server, key string) {
		if *m == nil {
			*m = make(map[string]*Server)
		}
		if (*m)[key] != nil {
			conflict = true
			return
		}
		(*m)[key] = n.srv
	}
	switch {
	case n.re != nil:
		x.regexes = append(x.regexes, n)
	case strings.HasPrefix(n.text, "*."):
		put(&x.head, n.text[2:])
	case strings.HasPrefix(n.text, "."):
		put(&x.head, n.text[1:])
		if !conflict {
			put(&x.headDot, n.text[1:])
		}
	case strings.HasSuffix(n.text, ".*"):
		put(&x.tail, n.text[:len(n.text)-2])
	default:
		put(&x.exact, n.text)
	}
	return conflict
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
		d, err := parseListen(cx, v, []string{defaultListen()})
		if err != nil {
			return err
		}
		v.listens = append(v.listens, d)
	}
	return nil
}

// setServerName reads server_name.
func setServerName(cx *conf.Cx, it *conf.Item) error {
	s := ScopeOf(cx)
	v := s.host
	for _, name := range it.Args {
		switch {
		case name == "*" || strings.HasPrefix(name, "*") && !strings.HasPrefix(name, "*."):
			if !strings.HasPrefix(name, "~") {
				return conf.Errorf("server name \"%s\" is invalid", name)
			}
		case strings.Contains(name, "/"):
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
		case !validName(name):
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

// validName rejects wildcards in the middle of a name.
func validName(name string) bool {
	body := strings.TrimSuffix(strings.TrimPrefix(name, "*."), ".*")
	if name == "*" || strings.HasPrefix(name, "*.") && strings.HasSuffix(name, ".*") {
		return false
	}
	return !strings.Contains(body, "*") && !strings.Contains(name, "..")
}

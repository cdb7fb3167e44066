package upstream

import (
	"net/netip"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/netio/sock"
)

// URL is the address part of a proxy_pass or a server directive, without
// scheme.
type URL struct {
	Text     string    // all of it
	Host     string    // name or address as written; the path of a unix socket
	PortText string    // "" when none is given
	URI      string    // with its slash or question mark; "" for none
	Addr     sock.Addr // what Host says without looking it up; invalid for names
	Port     uint16    // the default when none is given; 0 for unix sockets
	NoPort   bool
	Unix     bool
}

// maxUnixPath is the longest path a unix socket can have.
const maxUnixPath = 107

// ParseURL takes "host", "host:port", "[v6]:port" or "unix:path" apart. With
// uriPart a path may follow; behind "unix:path" it begins with a colon.
func ParseURL(s string, defaultPort uint16, uriPart bool) (URL, error) {
	u := URL{Text: s}
	if len(s) >= 5 && strings.EqualFold(s[:5], "unix:") {
		return u, u.parseUnix(s[5:], uriPart)
	}
	return u, u.parseInet(s, defaultPort, uriPart)
}

func (u *URL) parseUnix(s string, uriPart bool) error {
	u.Unix, u.NoPort = true, true
	if uriPart {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s, u.URI = s[:i], s[i+1:]
		}
	}
	switch {
	case s == "":
		return conf.Errorf("no path in the unix domain socket")
	case len(s) > maxUnixPath:
		return conf.Errorf("too long path in the unix domain socket")
	}
	u.Host = s
	u.Addr = sock.UnixAddr(s)
	return nil
}

func (u *URL) parseInet(s string, defaultPort uint16, uriPart bool) error {
	host := s
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		if !uriPart {
			return conf.Errorf("invalid host")
		}
		host, u.URI = s[:i], s[i:]
	}
	port := ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return conf.Errorf("invalid host")
		}
		if rest := host[end+1:]; rest != "" {
			if rest[0] != ':' {
				return conf.Errorf("invalid host")
			}
			port = rest
		}
		host = host[:end+1]
	} else if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host, port = host[:i], host[i:]
	}
	u.Port = defaultPort
	u.NoPort = port == ""
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 {
			return conf.Errorf("invalid port")
		}
		u.Port, u.PortText = uint16(n), port[1:]
	}
	if host == "" {
		return conf.Errorf("no host")
	}
	u.Host = host
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && (ip.Is4() || host[0] == '[') {
		u.Addr = sock.AddrFrom(ip, u.Port)
	} else if host[0] == '[' {
		return conf.Errorf("invalid IPv6 address")
	}
	return nil
}

// HostHeader is what requests to the address carry as Host: $proxy_host. port
// is the default port of the scheme.
func (u *URL) HostHeader(port uint16) string {
	switch {
	case u.Unix:
		return "localhost"
	case u.NoPort || u.Port == port:
		return u.Host
	}
	return u.Host + ":" + u.PortText
}

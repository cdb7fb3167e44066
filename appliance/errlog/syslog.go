package errlog

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxSyslog is the longest datagram sent: a full line and its header.
const maxSyslog = MaxLine + 64 + 256

var facilities = [...]string{
	"kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp",
	"ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

var severities = [...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// Syslog sends lines as RFC 3164 datagrams over UDP or a Unix socket. Error logs
// and access logs share it. Sending never waits: what the socket does not take
// is lost, as with any syslog by datagram.
type Syslog struct {
	// Server is the address as configured.
	Server string
	// Severity is what Send uses for a negative severity: access logs' level.
	Severity int

	facility int
	tag      string
	hostname string // with a trailing space; "" under nohostname
	addr     unix.Sockaddr
	family   int

	mu   sync.Mutex
	sock *datagrams
	buf  []byte
	sec  int64
	when string
}

// datagrams is apart from Syslog so that the clean-up of an unreachable Syslog,
// of a configuration that was replaced, can still close it.
type datagrams struct {
	fd int // -1 while not connected
}

func (d *datagrams) close() {
	if d.fd >= 0 {
		_ = unix.Close(d.fd)
		d.fd = -1
	}
}

// ParseSyslog reads the parameters after "syslog:". An error is nginx's
// sentence. A host name is looked up here, once.
func ParseSyslog(params string) (*Syslog, error) {
	s := &Syslog{sock: &datagrams{fd: -1}, facility: -1, Severity: -1}
	runtime.AddCleanup(s, (*datagrams).close, s.sock)
	nohostname := false
	for p := range strings.SplitSeq(params, ",") {
		name, value, _ := strings.Cut(p, "=")
		var err error
		switch {
		case name == "server":
			if s.addr != nil {
				return nil, fmt.Errorf("duplicate syslog \"server\"")
			}
			err = s.parseServer(value)
		case name == "facility":
			s.facility, err = keyword("facility", facilities[:], s.facility, value)
		case name == "severity":
			s.Severity, err = keyword("severity", severities[:], s.Severity, value)
		case name == "tag":
			err = s.parseTag(value)
		case p == "nohostname":
			nohostname = true
		default:
			err = fmt.Errorf("unknown syslog parameter %q", p)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.addr == nil {
		return nil, fmt.Errorf("no syslog server specified")
	}
	if s.facility < 0 {
		s.facility = 23 // local7
	}
	if s.Severity < 0 {
		s.Severity = 6 // info
	}
	if s.tag == "" {
		s.tag = "nginx" // part of the log format that collectors match on
	}
	if !nohostname {
		host, _ := os.Hostname()
		s.hostname = strings.ToLower(host) + " "
	}
	return s, nil
}

func keyword(what string, words []string, before int, value string) (int, error) {
	if before >= 0 {
		return 0, fmt.Errorf("duplicate syslog %q", what)
	}
	for i, w := range words {
		if w == value {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown syslog %s %q", what, value)
}

func (s *Syslog) parseTag(value string) error {
	if s.tag != "" {
		return fmt.Errorf("duplicate syslog \"tag\"")
	}
	if len(value) > 32 {
		return fmt.Errorf("syslog tag length exceeds 32")
	}
	for _, c := range []byte(value) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' {
			return fmt.Errorf("syslog \"tag\" only allows alphanumeric characters and underscore")
		}
	}
	s.tag = value
	return nil
}

func (s *Syslog) parseServer(value string) error {
	s.Server = value
	if path, ok := strings.CutPrefix(value, "unix:"); ok {
		if path == "" || len(path) > 107 {
			return fmt.Errorf("invalid path in syslog server %q", value)
		}
		s.addr, s.family = &unix.SockaddrUnix{Name: path}, unix.AF_UNIX
		return nil
	}
	host, port := value, "514"
	if h, p, err := net.SplitHostPort(value); err == nil {
		host, port = h, p
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("invalid port in syslog server %q", value)
	}
	if host == "" {
		return fmt.Errorf("no host in syslog server %q", value)
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		found, err := net.LookupHost(host)
		if err != nil || len(found) == 0 {
			return fmt.Errorf("host not found in syslog server %q", value)
		}
		if ip, err = netip.ParseAddr(found[0]); err != nil {
			return fmt.Errorf("host not found in syslog server %q", value)
		}
	}
	if ip = ip.Unmap(); ip.Is4() {
		s.addr, s.family = &unix.SockaddrInet4{Port: int(n), Addr: ip.As4()}, unix.AF_INET
		return nil
	}
	s.addr, s.family = &unix.SockaddrInet6{Port: int(n), Addr: ip.As16()}, unix.AF_INET6
	return nil
}

// Send sends one message without a line feed. A negative severity stands for
// s.Severity. An error closes the socket; the next message tries a new one.
func (s *Syslog) Send(severity int, msg []byte) {
	if severity < 0 {
		severity = s.Severity
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sock.fd < 0 && !s.connect() {
		return
	}
	s.buf = s.appendHeader(s.buf[:0], severity)
	if n := maxSyslog - len(s.buf); len(msg) > n {
		msg = msg[:n]
	}
	s.buf = append(s.buf, msg...)
	if err := unix.Sendto(s.sock.fd, s.buf, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil); err != nil && err != unix.EAGAIN {
		s.sock.close()
	}
}

// Close releases the socket; a later Send opens a new one.
func (s *Syslog) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sock.close()
}

// connect opens the socket. It is a datagram socket of the process itself, the
// one socket outside netio: it neither waits nor belongs to a loop.
func (s *Syslog) connect() bool {
	fd, err := unix.Socket(s.family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := unix.Connect(fd, s.addr); err != nil {
		_ = unix.Close(fd)
		return false
	}
	s.sock.fd = fd
	return true
}

// appendHeader appends "<PRI>Nov  2 15:04:05 host tag: ".
func (s *Syslog) appendHeader(dst []byte, severity int) []byte {
	if t := now(); s.sec != t.Unix() || s.when == "" {
		s.sec, s.when = t.Unix(), t.Format("Jan _2 15:04:05")
	}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(s.facility*8+severity), 10)
	dst = append(dst, '>')
	dst = append(dst, s.when...)
	dst = append(dst, ' ')
	dst = append(dst, s.hostname...)
	dst = append(dst, s.tag...)
	return append(dst, ": "...)
}

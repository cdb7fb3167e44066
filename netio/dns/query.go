package dns

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Type says what a Query asks for.
type Type uint8

// The types of queries.
const (
	Host Type = iota // addresses of every family that Config asks for
	A                // IPv4 addresses
	AAAA             // IPv6 addresses
	SRV              // the targets of a service, with their addresses
	PTR              // the name of an address
)

// Query is one question. It is comparable and serves as the cache's key once
// its name is in lower case.
type Query struct {
	Name    string     // all types but PTR; a final dot and case do not count
	Service string     // SRV: "http" asks _http._tcp.Name, "_http._udp" what it says; empty asks Name
	Addr    netip.Addr // PTR
	Type    Type
}

// normal returns q with the name as it is cached. It allocates only when the
// name holds capital letters.
func (q Query) normal() Query {
	q.Name = strings.ToLower(strings.TrimSuffix(q.Name, "."))
	q.Addr = q.Addr.Unmap().WithZone("")
	return q
}

// Result is what a lookup brings. Its slices are shared with the cache and
// with other callers: they must not be changed.
type Result struct {
	Addrs   []netip.Addr // Host, A, AAAA: as the server ordered them, IPv4 first
	Targets []Target     // SRV: by rising priority
	Name    string       // PTR: without the final dot
	Expires time.Time    // when to ask again
	Err     *Error       // nil when something was found
	Stale   bool         // an expired answer, served because the servers fail
	Turn    uint32       // grows with each delivery: begin at Addrs[Turn % len] to spread load
}

// Target is one server of a service.
type Target struct {
	Name                   string
	Port, Priority, Weight uint16
	Addrs                  []netip.Addr
	Err                    *Error // the target's name could not be resolved
}

// Error is why a lookup failed, in the numbers and words of nginx's logs:
// "NAME could not be resolved (CODE: TEXT)".
type Error struct {
	Code int
	Text string
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Codes of Error. They are DNS response codes, except the last one.
const (
	CodeFormat        = 1
	CodeServer        = 2
	CodeNotFound      = 3
	CodeUnimplemented = 4
	CodeRefused       = 5
	CodeTimeout       = 110
)

// codeText holds the text of each code.
var codeText = map[int]string{
	CodeFormat:        "Format error",
	CodeServer:        "Server failure",
	CodeNotFound:      "Host not found",
	CodeUnimplemented: "Unimplemented",
	CodeRefused:       "Operation refused",
	CodeTimeout:       "Operation timed out",
}

func newError(code int) *Error {
	text, ok := codeText[code]
	if !ok {
		text = "Unknown error"
	}
	return &Error{Code: code, Text: text}
}

// final reports whether e is an answer (the name is not there) rather than a
// failure to get one, after which an old answer may serve.
func (e *Error) final() bool { return e.Code == CodeNotFound }

// valid reports whether name can be asked for: labels of 1 to 63 bytes, 253 in
// all (RFC 1035 section 2.3.4). What the bytes are is the servers' business.
func valid(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// serviceName returns the name whose SRV records hold the service.
func (q Query) serviceName() string {
	switch {
	case q.Service == "":
		return q.Name
	case strings.Contains(q.Service, "."):
		return q.Service + "." + q.Name
	}
	return "_" + q.Service + "._tcp." + q.Name
}

// reverseName returns the name whose PTR record names addr (RFC 1035 section
// 3.5, RFC 3596 section 2.5).
func reverseName(addr netip.Addr) string {
	const digits = "0123456789abcdef"
	raw := addr.AsSlice()
	var b strings.Builder
	for i := len(raw) - 1; i >= 0; i-- {
		if addr.Is4() {
			b.WriteString(strconv.Itoa(int(raw[i])))
			b.WriteByte('.')
			continue
		}
		b.WriteByte(digits[raw[i]&15])
		b.WriteByte('.')
		b.WriteByte(digits[raw[i]>>4])
		b.WriteByte('.')
	}
	if addr.Is4() {
		b.WriteString("in-addr.arpa")
	} else {
		b.WriteString("ip6.arpa")
	}
	return b.String()
}

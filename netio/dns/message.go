package dns

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxAliases bounds a chain of CNAME records, within one answer and across
// answers, as nginx bounds its recursion.
const maxAliases = 50

// question is one query message's question.
type question struct {
	name string // normal form
	typ  dnsmessage.Type
}

// answer is what one response message says.
type answer struct {
	code      int // the server's response code
	truncated bool
	addrs     []netip.Addr
	services  []service
	name      string // PTR
	alias     string // where the chain of aliases leaves the message, when nothing was found
	ttl       uint32 // seconds, the least of the records used; of absence where keep is set
	keep      bool   // the absence may be kept for ttl
}

// service is one SRV record.
type service struct {
	target                 string
	port, priority, weight uint16
}

// empty reports whether the answer holds no record of the wanted type.
func (a *answer) empty() bool {
	return len(a.addrs) == 0 && len(a.services) == 0 && a.name == ""
}

var (
	// errForeign says that a message answers some other question: it is no
	// reason to stop waiting for the right one.
	errForeign = errors.New("answer to another question")
	// errMalformed says that the message could not be read.
	errMalformed = errors.New("malformed answer")
)

// appendQuery appends the query message for q to dst.
func appendQuery(dst []byte, id uint16, q question) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name + ".")
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(dst, dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: name, Type: q.typ, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// parse reads the response msg to the query with id for q.
func parse(msg []byte, id uint16, q question) (answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return answer{}, errMalformed
	}
	if h.ID != id || !h.Response || h.OpCode != 0 {
		return answer{}, errForeign
	}
	a := answer{code: int(h.RCode), truncated: h.Truncated}
	questions, err := p.AllQuestions()
	if err != nil {
		return answer{}, errMalformed
	}
	// A server that could not read the query may send its question back or not.
	if len(questions) == 0 && a.code == CodeFormat {
		return a, nil
	}
	if len(questions) != 1 || questions[0].Type != q.typ || questions[0].Class != dnsmessage.ClassINET ||
		!strings.EqualFold(trim(questions[0].Name), q.name) {
		return answer{}, errForeign
	}
	if a.truncated || a.code != 0 && a.code != CodeNotFound {
		return a, nil
	}
	rs, err := readAnswers(&p, q.typ)
	if err != nil {
		return answer{}, err
	}
	rs.follow(q.name, &a)
	if a.empty() && (a.alias == "" || a.code == CodeNotFound) {
		ttl, keep := negativeTTL(&p)
		a.ttl, a.keep = min(a.ttl, ttl), keep
	}
	return a, nil
}

// records are the useful ones of an answer section, in its order.
type records []record

// record is one resource record. alias is set for CNAME; the others hold what
// their type says.
type record struct {
	owner string
	ttl   uint32
	alias string
	addr  netip.Addr
	name  string
	srv   service
}

// readAnswers reads the answer section, skipping records of types that were
// not asked for (DNAME and signatures among them).
func readAnswers(p *dnsmessage.Parser, want dnsmessage.Type) (records, error) {
	var rs records
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return rs, nil
		}
		if err != nil {
			return nil, errMalformed
		}
		if h.Class != dnsmessage.ClassINET || h.Type != want && h.Type != dnsmessage.TypeCNAME {
			if p.SkipAnswer() != nil {
				return nil, errMalformed
			}
			continue
		}
		r := record{owner: lower(h.Name), ttl: lifetime(h.TTL)}
		if err := r.read(p, h); err != nil {
			return nil, errMalformed
		}
		rs = append(rs, r)
	}
}

// read reads the record's data. dnsmessage reads addresses without looking at
// the data's length, so it is looked at here.
func (r *record) read(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) error {
	switch h.Type {
	case dnsmessage.TypeCNAME:
		v, err := p.CNAMEResource()
		r.alias = lower(v.CNAME)
		if err == nil && r.alias == "" {
			return errMalformed
		}
		return err
	case dnsmessage.TypeA:
		if h.Length != 4 {
			return errMalformed
		}
		v, err := p.AResource()
		r.addr = netip.AddrFrom4(v.A)
		return err
	case dnsmessage.TypeAAAA:
		if h.Length != 16 {
			return errMalformed
		}
		v, err := p.AAAAResource()
		r.addr = netip.AddrFrom16(v.AAAA)
		return err
	case dnsmessage.TypePTR:
		v, err := p.PTRResource()
		r.name = trim(v.PTR)
		return err
	case dnsmessage.TypeSRV:
		v, err := p.SRVResource()
		r.srv = service{target: lower(v.Target), port: v.Port, priority: v.Priority, weight: v.Weight}
		return err
	}
	return errMalformed
}

// follow walks the aliases from name through the records, in whatever order
// they stand, and collects in a what the last name owns. Records of names off
// that path are left alone.
func (rs records) follow(name string, a *answer) {
	a.ttl = ^uint32(0)
	for range maxAliases {
		next := ""
		for i := range rs {
			r := &rs[i]
			if r.owner != name {
				continue
			}
			a.ttl = min(a.ttl, r.ttl)
			switch {
			case r.alias != "":
				next = r.alias
			case r.addr.IsValid():
				a.addrs = append(a.addrs, r.addr)
			case r.name != "":
				a.name = r.name
			case r.srv.target != "":
				a.services = append(a.services, r.srv)
			}
		}
		if !a.empty() {
			a.alias = ""
			return
		}
		if next == "" {
			return
		}
		name, a.alias = next, next
	}
}

// negativeTTL returns for how long the absence just learned may be kept: what
// the authority section's SOA says (RFC 2308 section 5); without one, not.
func negativeTTL(p *dnsmessage.Parser) (ttl uint32, ok bool) {
	if p.SkipAllAnswers() != nil {
		return 0, false
	}
	for {
		h, err := p.AuthorityHeader()
		if err != nil {
			return 0, false
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 0, false
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return 0, false
		}
		return min(lifetime(h.TTL), lifetime(soa.MinTTL)), true
	}
}

// lifetime returns a TTL with the values that RFC 2181 section 8 gives no
// meaning taken as zero.
func lifetime(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

func trim(n dnsmessage.Name) string { return strings.TrimSuffix(n.String(), ".") }

func lower(n dnsmessage.Name) string { return strings.ToLower(trim(n)) }

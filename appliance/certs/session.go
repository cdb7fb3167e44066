package certs

import (
	"bytes"
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"sync"
	"time"
)

// TicketKeys encrypts the session tickets of servers that share them. A ticket
// begins with the name of its key. Keys of its own are random and change;
// those out of files stay. All workers use it: a handshake takes its lock once.
type TicketKeys struct {
	every time.Duration // how long one key encrypts; 0: for ever

	mu   sync.Mutex
	keys []*ticketKey // the first encrypts
}

type ticketKey struct {
	name   [nameSize]byte
	config tls.Config
	made   time.Time
}

const nameSize = 16

// NewTicketKeys makes keys out of the contents of key files, 48 or 80 bytes,
// of which the first 16 are the name; hosts with the same files take each
// other's tickets. Without files it makes keys of its own, which encrypt for
// the time of every and decrypt for as long again.
func NewTicketKeys(files [][]byte, every time.Duration) *TicketKeys {
	k := new(TicketKeys)
	if len(files) == 0 {
		k.every = max(every, time.Second)
	}
	for _, f := range files {
		t := new(ticketKey)
		copy(t.name[:], f)
		t.config.SetSessionTicketKeys([][32]byte{sha256.Sum256(f)})
		k.keys = append(k.keys, t)
	}
	return k
}

// current is the key that encrypts now.
func (k *TicketKeys) current(now time.Time) *ticketKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.every > 0 && (len(k.keys) == 0 || now.Sub(k.keys[0].made) > k.every) {
		var secret [32]byte
		t := &ticketKey{made: now}
		_, _ = rand.Read(t.name[:]) // never fails
		_, _ = rand.Read(secret[:])
		t.config.SetSessionTicketKeys([][32]byte{secret})
		kept := []*ticketKey{t}
		for _, o := range k.keys {
			if now.Sub(o.made) <= 2*k.every {
				kept = append(kept, o)
			}
		}
		k.keys = kept
	}
	return k.keys[0]
}

func (k *TicketKeys) encrypt(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
	t := k.current(time.Now())
	body, err := t.config.EncryptTicket(cs, ss)
	if err != nil {
		return nil, err
	}
	return append(t.name[:len(t.name):len(t.name)], body...), nil
}

// decrypt returns nil for a ticket of another key.
func (k *TicketKeys) decrypt(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	if len(ticket) < nameSize {
		return nil, nil
	}
	k.mu.Lock()
	keys := k.keys
	k.mu.Unlock()
	for _, t := range keys {
		if string(t.name[:]) == string(ticket[:nameSize]) {
			return t.config.DecryptTicket(ticket[nameSize:], cs)
		}
	}
	return nil, nil
}

// IDSize is the length of a session's identifier: $ssl_session_id.
const IDSize = 32

// extraSize is what every session carries in SessionState.Extra:
//
//	tag "weir" 4 | context 16 | created, Unix seconds 8 | ID 32
const extraSize = 4 + 16 + 8 + IDSize

const extraTag = "weir"

// Sessions resumes the sessions of one server. A session is good for servers
// with the same Context: nginx's session id context, made of the server's
// certificates and the client CAs it names.
type Sessions struct {
	Context [16]byte
	Timeout time.Duration
	Keys    *TicketKeys
	// Cache, if not nil, keeps sessions here and gives clients a name for
	// them; else they travel in tickets.
	Cache *Cache
}

// Stamp marks a new session as one of this server's, made now, with a random
// identifier, which it returns.
func (s *Sessions) Stamp(ss *tls.SessionState) (id [IDSize]byte) {
	_, _ = rand.Read(id[:]) // never fails
	extra := make([]byte, 0, extraSize)
	extra = append(extra, extraTag...)
	extra = append(extra, s.Context[:]...)
	extra = binary.BigEndian.AppendUint64(extra, uint64(time.Now().Unix()))
	extra = append(extra, id[:]...)
	ss.Extra = append(ss.Extra, extra)
	return id
}

// Wrap is for tls.Config.WrapSession: it makes the ticket of a new session,
// whose identifier it returns.
func (s *Sessions) Wrap(cs tls.ConnectionState, ss *tls.SessionState) (ticket []byte, id [IDSize]byte, err error) {
	id = s.Stamp(ss)
	if s.Cache == nil {
		ticket, err = s.Keys.encrypt(cs, ss)
		return ticket, id, err
	}
	state, err := ss.Bytes()
	if err != nil {
		return nil, id, err
	}
	s.Cache.put(id, state)
	return id[:], id, nil
}

// Unwrap is for tls.Config.UnwrapSession: nil asks for a full handshake.
func (s *Sessions) Unwrap(ticket []byte, cs tls.ConnectionState) (ss *tls.SessionState, id [IDSize]byte) {
	var err error
	if s.Cache != nil {
		if len(ticket) != IDSize {
			return nil, id
		}
		state := s.Cache.get([IDSize]byte(ticket))
		if state == nil {
			return nil, id
		}
		ss, err = tls.ParseSessionState(state)
	} else {
		ss, err = s.Keys.decrypt(ticket, cs)
	}
	if err != nil || ss == nil {
		return nil, id
	}
	id, ok := s.Accept(ss)
	if !ok {
		return nil, id
	}
	return ss, id
}

// Accept reports whether a session that Stamp marked may be resumed here and
// now. It takes the mark off and returns the identifier.
func (s *Sessions) Accept(ss *tls.SessionState) (id [IDSize]byte, ok bool) {
	for i, e := range ss.Extra {
		if len(e) != extraSize || string(e[:4]) != extraTag {
			continue
		}
		ss.Extra = append(ss.Extra[:i:i], ss.Extra[i+1:]...) // a new ticket of it gets one of its own
		created := time.Unix(int64(binary.BigEndian.Uint64(e[20:28])), 0)
		age := time.Since(created)
		if !bytes.Equal(e[4:20], s.Context[:]) || age < -time.Minute || age > s.Timeout {
			return id, false
		}
		return [IDSize]byte(e[28:]), true
	}
	return id, false
}

// Cache holds sessions, in memory bounded by bytes. When it is full the one
// unused for longest goes. It may be used from every worker: a handshake
// takes its lock once or twice.
type Cache struct {
	mu    sync.Mutex
	limit int64
	used  int64
	byID  map[[IDSize]byte]*list.Element
	order *list.List // of *session, the one used last in front
}

type session struct {
	id    [IDSize]byte
	state []byte
}

// sessionCost is what a session takes besides its state: map entry, list
// element, identifier.
const sessionCost = 192

// NewCache makes a cache of that many bytes.
func NewCache(limit int64) *Cache {
	return &Cache{limit: limit, byID: make(map[[IDSize]byte]*list.Element), order: list.New()}
}

// Len is the number of sessions.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byID)
}

func (c *Cache) put(id [IDSize]byte, state []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[id] = c.order.PushFront(&session{id, state})
	c.used += sessionCost + int64(len(state))
	for c.used > c.limit && c.order.Len() > 1 {
		e := c.order.Back()
		s := c.order.Remove(e).(*session)
		delete(c.byID, s.id)
		c.used -= sessionCost + int64(len(s.state))
	}
}

func (c *Cache) get(id [IDSize]byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*session).state
}

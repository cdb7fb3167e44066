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

// TicketKeys encrypts the session tickets of servers that share them. Keys of
// its own are made and changed by crypto/tls: a new one every day, each good
// for seven.
type TicketKeys struct{ config tls.Config }

// NewTicketKeys makes keys out of the contents of key files, the first of
// which encrypts; without any, random ones. Files have 48 or 80 bytes, all of
// which count: hosts with the same files take each other's tickets.
func NewTicketKeys(files [][]byte) *TicketKeys {
	k := new(TicketKeys)
	if len(files) > 0 {
		keys := make([][32]byte, len(files))
		for i, f := range files {
			keys[i] = sha256.Sum256(f)
		}
		k.config.SetSessionTicketKeys(keys)
	}
	return k
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

// Wrap is for tls.Config.WrapSession: it makes the ticket of a new session,
// whose identifier it returns.
func (s *Sessions) Wrap(cs tls.ConnectionState, ss *tls.SessionState) (ticket []byte, id [IDSize]byte, err error) {
	_, _ = rand.Read(id[:]) // never fails
	extra := make([]byte, 0, extraSize)
	extra = append(extra, extraTag...)
	extra = append(extra, s.Context[:]...)
	extra = binary.BigEndian.AppendUint64(extra, uint64(time.Now().Unix()))
	extra = append(extra, id[:]...)
	ss.Extra = append(ss.Extra, extra)
	if s.Cache == nil {
		ticket, err = s.Keys.config.EncryptTicket(cs, ss)
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
		ss, err = s.Keys.config.DecryptTicket(ticket, cs)
	}
	if err != nil || ss == nil {
		return nil, id
	}
	for i, e := range ss.Extra {
		if len(e) != extraSize || string(e[:4]) != extraTag {
			continue
		}
		ss.Extra = append(ss.Extra[:i:i], ss.Extra[i+1:]...) // a new ticket of it gets one of its own
		created := time.Unix(int64(binary.BigEndian.Uint64(e[20:28])), 0)
		age := time.Since(created)
		if !bytes.Equal(e[4:20], s.Context[:]) || age < -time.Minute || age > s.Timeout {
			return nil, id
		}
		return ss, [IDSize]byte(e[28:])
	}
	return nil, id
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

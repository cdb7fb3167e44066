package ocsp

import (
	"container/list"
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

// entryCost is what an entry of a Cache is reckoned at, in bytes: its key and
// status, the element of the list and the place in the map.
const entryCost = 256

// usualAge is how long a status is kept whose responder does not say when there
// will be a newer one, as in nginx.
const usualAge = time.Hour

// Cache keeps what responders have said, in memory bounded by bytes; when it is
// full, what was stored first goes. It may be used from every worker.
type Cache struct {
	most int

	mu    sync.Mutex
	byID  map[[sha256.Size]byte]*list.Element
	order *list.List // of *entry, the newest in front
}

type entry struct {
	id     [sha256.Size]byte
	status Status
	until  time.Time
}

// NewCache makes a cache of so many bytes.
func NewCache(size int64) *Cache {
	return &Cache{most: int(max(1, size/entryCost)), byID: make(map[[sha256.Size]byte]*list.Element), order: list.New()}
}

// identity is of a certificate: its issuer's name and key, and its number.
func identity(cert, issuer *x509.Certificate) (id [sha256.Size]byte) {
	h := sha256.New()
	h.Write(cert.RawIssuer)
	h.Write(issuer.RawSubjectPublicKeyInfo)
	h.Write(cert.SerialNumber.Bytes())
	h.Sum(id[:0])
	return id
}

// Get returns the status of a certificate, if it is known.
func (c *Cache) Get(cert, issuer *x509.Certificate, now time.Time) (s Status, ok bool) {
	id := identity(cert, issuer)
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byID[id]
	if el == nil {
		return 0, false
	}
	e := el.Value.(*entry)
	if !now.Before(e.until) {
		c.drop(el)
		return 0, false
	}
	return e.status, true
}

// Put stores an answer until there is a newer one.
func (c *Cache) Put(cert, issuer *x509.Certificate, a *Answer, now time.Time) {
	until := a.Next
	if until.IsZero() {
		until = now.Add(usualAge)
	}
	if !now.Before(until) {
		return
	}
	id := identity(cert, issuer)
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.byID[id]; el != nil {
		c.drop(el)
	}
	for c.order.Len() >= c.most {
		c.drop(c.order.Back())
	}
	c.byID[id] = c.order.PushFront(&entry{id, a.Status, until})
}

func (c *Cache) drop(el *list.Element) {
	delete(c.byID, el.Value.(*entry).id)
	c.order.Remove(el)
}

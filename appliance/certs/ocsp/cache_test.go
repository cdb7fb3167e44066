package ocsp

import (
	"testing"
	"time"

	"weir/appliance/certs/certstest"
)

func TestTheCacheKeepsStatusesWhileTheyHold(t *testing.T) {
	authority := certstest.Issue(t, nil, "x", certstest.CA)
	root, a, b := authority.Cert, certstest.Issue(t, authority, "x").Cert, certstest.Issue(t, authority, "x").Cert
	now := time.Now()
	c := NewCache(1) // room for one
	if _, ok := c.Get(a, root, now); ok {
		t.Error("an empty cache knows a status")
	}
	c.Put(a, root, &Answer{Status: Revoked, Next: now.Add(time.Minute)}, now)
	if s, ok := c.Get(a, root, now); !ok || s != Revoked {
		t.Errorf("got %v, %v, want revoked", s, ok)
	}
	if _, ok := c.Get(a, a, now); ok {
		t.Error("the status is known for another issuer too")
	}
	if _, ok := c.Get(a, root, now.Add(time.Minute)); ok {
		t.Error("the status is known when there is a newer one")
	}
	c.Put(a, root, &Answer{Next: now}, now)
	if _, ok := c.Get(a, root, now); ok {
		t.Error("an answer of the past was stored")
	}
	c.Put(a, root, &Answer{}, now)
	c.Put(b, root, &Answer{}, now)
	if _, ok := c.Get(a, root, now); ok {
		t.Error("the cache has more than there is room for")
	}
	if s, ok := c.Get(b, root, now.Add(usualAge-time.Second)); !ok || s != Good {
		t.Errorf("got %v, %v, want good for an hour", s, ok)
	}
	if len(c.byID) != 1 || c.order.Len() != 1 {
		t.Errorf("%d and %d entries, want 1", len(c.byID), c.order.Len())
	}
}

package tlsio

import "testing"

// TestRandomsAreThoseOfHellos has the real hello of a server come behind a
// HelloRetryRequest.
func TestRandomsAreThoseOfHellos(t *testing.T) {
	hello := func(random [32]byte) []byte {
		b := []byte{typeHandshake, 3, 3, 0, 4 + 2 + 32, serverHello, 0, 0, 2 + 32, 3, 3}
		return append(b, random[:]...)
	}
	var s secrets
	for _, rec := range [][]byte{hello(retry), {20, 3, 3, 0, 1, 1}, hello([32]byte{1, 2}), hello([32]byte{3})} {
		if !s.hello(serverHello, rec) {
			t.Fatalf("%x: more is wanted", rec)
		}
	}
	if got := s.randoms[serverHello-1].b; got != [32]byte{1, 2} {
		t.Errorf("got %x", got)
	}
}

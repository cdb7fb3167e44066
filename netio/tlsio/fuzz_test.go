package tlsio

import (
	"crypto/tls"
	"io"
	"testing"

	"weir/netio/conn"
)

// FuzzRecords feeds a record layer what a peer with the right keys might send
// (kind 1: as a record's content, of the type that follows) and what anybody
// might (kind 0: as it is). It must neither panic nor keep a buffer, and no
// more content than was sent may come out.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{1, typeData, 5, 'h', 'e', 'l', 'l', 'o'})
	f.Add([]byte{1, typeHandshake, 5, msgKeyUpdate, 0, 0, 1, 1, 1, typeData, 1, 'x'})
	f.Add([]byte{1, typeHandshake, 3, 4, 0, 0, 1, typeHandshake, 4, 9, 1, 2, 3})
	f.Add([]byte{1, typeAlert, 2, 1, 0})
	f.Add([]byte{1, typeAlert, 2, 1, 90, 1, typeData, 0})
	f.Add([]byte{0, 8, typeData, 3, 3, 0, 3, 1, 2, 3})
	f.Add([]byte{0, 4, typeData, 3, 3, 0xff})
	rigs := []*rig{
		newRig(f, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false),
		newRig(f, tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256, true),
		newRig(f, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false),
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, r := range rigs {
			r.feed(t, b)
		}
	})
}

// feed gives a fresh record layer the stream that b describes, without a
// socket, in two pieces.
func (r *rig) feed(t *testing.T, b []byte) {
	near, far := *r.t, *r.far
	near.rdErr, near.shut = nil, true // answers nothing
	r2 := *r
	r2.far = &far
	var stream []byte
	sent := 0
	for len(b) > 2 {
		n := min(int(b[2]), len(b)-3)
		if b[0]&1 == 1 {
			stream = append(stream, r2.record(b[1], b[3:3+n])...)
			sent += n
			if b[1] == typeHandshake && n == 5 && b[3] == msgKeyUpdate && far.version == tls.VersionTLS13 {
				far.wr.update(far.e, far.suite)
			}
			b = b[3+n:]
			continue
		}
		n = min(int(b[1]), len(b)-2)
		stream = append(stream, b[2:2+n]...)
		b = b[2+n:]
	}
	got := 0
	var p [100]byte
	for _, piece := range [][]byte{stream[:len(stream)/2], stream[len(stream)/2:]} {
		near.in = append(append(r.d.Pool.Get(len(near.in)-near.pos+len(piece)), near.in[near.pos:]...), piece...)
		near.pos, near.plain, near.plainEnd = 0, 0, 0
		for near.Pending() {
			n, err := near.recv(r.s.c, p[:])
			got += n
			if err == conn.ErrAgain || err == io.EOF {
				break
			}
			if err != nil {
				break
			}
		}
	}
	if got > sent {
		t.Errorf("%d bytes came out of %d", got, sent)
	}
}

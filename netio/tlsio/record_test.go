package tlsio

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"weir/netio/conn"
)

func unhex(s string) []byte { return must(hex.DecodeString(strings.Join(strings.Fields(s), ""))) }

// TestRFC8448Records checks keys and records against the trace of a simple
// 1-RTT handshake (RFC 8448 section 3).
func TestRFC8448Records(t *testing.T) {
	e := &Engine{}
	client := &Conn{e: e, version: tls.VersionTLS13, suite: suiteOf(tls.TLS_AES_128_GCM_SHA256), client: true}
	secretC := unhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
	secretS := unhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
	if err := errors.Join(client.wr.useTraffic(client.e, client.suite, secretC), client.rd.useTraffic(client.e, client.suite, secretS)); err != nil {
		t.Fatal(err)
	}
	if key := expandLabel(crypto.SHA256, secretC, "key", 16); !bytes.Equal(key, unhex("17422dda596ed5d9acd890e3c63f5051")) {
		t.Errorf("client key %x", key)
	}
	if iv := client.rd.iv[:]; !bytes.Equal(iv, unhex("cf782b88dd83549aadf1e984")) {
		t.Errorf("server iv %x", iv)
	}
	payload := make([]byte, 50)
	for i := range payload {
		payload[i] = byte(i)
	}
	want := unhex(`17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b
		39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4`)
	b := make([]byte, 128)
	copy(b[headerLen:], payload)
	if n := client.seal(b, typeData, 50); !bytes.Equal(b[:n], want) {
		t.Errorf("sealed\n%x, want\n%x", b[:n], want)
	}
	// The server's first record under these keys is read by the client as
	// number one, after its session ticket.
	fromServer := unhex(`17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa 1b 36 e3 0e fa f9 7d 90
		e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d`)
	client.rd.seq = 1
	if typ, got, _, err := client.open(fromServer, nil); err != nil || typ != typeData || !bytes.Equal(got, payload) {
		t.Errorf("opened %d %x: %v", typ, got, err)
	}
	// The client's close_notify, its second record.
	alert := unhex("17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3")
	b[headerLen], b[headerLen+1] = 1, 0
	if n := client.seal(b, typeAlert, 2); !bytes.Equal(b[:n], alert) {
		t.Errorf("close_notify %x, want %x", b[:n], alert)
	}
}

// TestPRF checks the pseudorandom function against the known test vector for
// SHA-256 that implementers of TLS 1.2 share.
func TestPRF(t *testing.T) {
	out := make([]byte, 100)
	prf12(crypto.SHA256, out, unhex("9bbe436ba940f017b17652849a71db35"), "test label", unhex("a0ba9f936cda311827a6f796ffd5198c"), nil)
	want := unhex(`e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0
		22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66`)
	if !bytes.Equal(out, want) {
		t.Errorf("got %x", out)
	}
}

// rig is a record layer on a real connection whose other end is the test's:
// far holds the same keys, for making and reading records.
type rig struct {
	*world
	s   *side
	t   *Conn
	far *Conn
	raw net.Conn
}

// newRig makes the connection without a handshake, with the keys of a fixed
// secret.
func newRig(t testing.TB, version, id uint16, client bool) *rig {
	return newRigWith(t, Options{}, version, id, client)
}

func newRigWith(t testing.TB, o Options, version, id uint16, client bool) *rig {
	w := newWorld(t, o)
	s := &side{}
	a := w.listenAcceptor(s, plain{s})
	raw, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	w.until("the connection", func() bool { return s.c != nil })
	make := func(client bool) *Conn {
		c := &Conn{e: w.e, version: version, suite: suiteOf(id), client: client, maxRecord: maxPlain}
		h := &Handshake{e: w.e, client: client}
		for _, r := range h.sec.randoms[:] {
			r.done = true
		}
		h.sec.client.set(pattern(48))
		h.sec.server.set(pattern(47))
		h.sec.master.set(pattern(46))
		h.sec.randoms[0].b[0], h.sec.randoms[1].b[0] = 1, 2
		if err := c.takeKeys(h); err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := &rig{world: w, s: s, t: make(client), far: make(!client), raw: raw}
	s.t = r.t
	w.e.list(r.t)
	w.e.stats.Active++
	s.c.SetTransport(r.t)
	t.Cleanup(s.c.Close)
	return r
}

// plain accepts connections without a handshake.
type plain struct{ *side }

func (p plain) Accepted(c *conn.Conn) { p.c = c; c.SetHandler(p.side) }

// record is a record of the far side.
func (r *rig) record(typ byte, content []byte) []byte {
	b := make([]byte, len(content)+64)
	copy(b[r.far.front():], content)
	return b[:r.far.seal(b, typ, len(content))]
}

// put sends bytes to the connection as they are, and waits until they were
// received.
func (r *rig) put(b []byte) {
	r.world.t.Helper()
	want := r.s.c.Received + int64(len(b))
	if _, err := r.raw.Write(b); err != nil {
		r.world.t.Fatal(err)
	}
	r.until("the bytes", func() bool { return r.s.c.Received >= want || r.s.end != nil })
}

// next reads and opens one record that the connection sent.
func (r *rig) next() (typ byte, content []byte) {
	r.world.t.Helper()
	b := make([]byte, headerLen)
	if _, err := io.ReadFull(r.raw, b); err != nil {
		r.world.t.Fatal(err)
	}
	b = append(b, make([]byte, recordLen(b)-headerLen)...)
	if _, err := io.ReadFull(r.raw, b[headerLen:]); err != nil {
		r.world.t.Fatal(err)
	}
	typ, content, _, err := r.far.open(b, nil)
	if err != nil {
		r.world.t.Fatal(err)
	}
	return typ, content
}

// kinds are one of each nonce scheme.
var kinds = []struct {
	name        string
	version, id uint16
}{
	{"TLS 1.3 AES-GCM", tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256},
	{"TLS 1.3 AES-256-GCM", tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384},
	{"TLS 1.3 ChaCha20", tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256},
	{"TLS 1.2 AES-GCM", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	{"TLS 1.2 ChaCha20", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
}

func TestRecordsSplitAtEveryByte(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t, k.version, k.id, false)
			var stream []byte
			var want strings.Builder
			for _, s := range []string{"a", "", "some more", strings.Repeat("long ", 20)} {
				stream = append(stream, r.record(typeData, []byte(s))...)
				want.WriteString(s)
			}
			if k.version == tls.VersionTLS13 {
				stream = append(stream, r.record(typeHandshake, []byte{msgKeyUpdate, 0, 0, 1, 0})...)
				r.far.wr.update(r.far.e, r.far.suite)
				stream = append(stream, r.record(typeData, []byte("under new keys"))...)
				want.WriteString("under new keys")
			}
			stream = append(stream, r.record(typeAlert, []byte{1, 0})...)
			for i := range stream {
				r.put(stream[i : i+1])
			}
			r.until("the end", func() bool { return r.s.end != nil })
			if r.s.end != io.EOF || string(r.s.got) != want.String() || r.t.Truncated() {
				t.Errorf("end %v, truncated %v, got %q, want %q", r.s.end, r.t.Truncated(), r.s.got, want.String())
			}
			if st := r.d.Pool.Stats(); st.InUse != 0 {
				t.Errorf("%d bytes of buffers are still out", st.InUse)
			}
		})
	}
}

// TestFaultsAreAnswered has the record layer refuse what it must, with the
// alert the protocol names.
func TestFaultsAreAnswered(t *testing.T) {
	const v13, v12 = tls.VersionTLS13, tls.VersionTLS12
	for _, c := range []struct {
		name    string
		version uint16
		client  bool
		send    func(r *rig) []byte
		err     error
		alert   Alert
	}{
		{"a record that does not authenticate", v13, false, func(r *rig) []byte {
			b := r.record(typeData, []byte("x"))
			b[len(b)-1] ^= 1
			return b
		}, errBadMAC, alertBadRecordMAC},
		{"a TLS 1.2 record that does not authenticate", v12, false, func(r *rig) []byte {
			b := r.record(typeData, []byte("x"))
			b[3+5] ^= 1
			return b
		}, errBadMAC, alertBadRecordMAC},
		{"a record out of order", v13, false, func(r *rig) []byte {
			r.record(typeData, []byte("x"))
			return r.record(typeData, []byte("y"))
		}, errBadMAC, alertBadRecordMAC},
		{"a record shorter than a tag", v13, false, func(*rig) []byte { return []byte{typeData, 3, 3, 0, 3, 1, 2, 3} },
			errBadMAC, alertBadRecordMAC},
		{"a record longer than allowed", v13, false, func(*rig) []byte { return []byte{typeData, 3, 3, 0x41, 1} },
			errOverflow, alertRecordOverflow},
		{"content longer than allowed", v13, false, func(r *rig) []byte {
			return r.record(typeData, make([]byte, maxPlain+1))
		}, errOverflow, alertRecordOverflow},
		{"another version", v13, false, func(*rig) []byte { return []byte{typeData, 3, 1, 0, 1, 1} },
			errDecode, alertDecodeError},
		{"a record in the clear", v13, false, func(*rig) []byte { return []byte{typeAlert, 3, 3, 0, 2, 1, 0} },
			errUnexpected, alertUnexpectedMessage},
		{"nothing but padding", v13, false, func(r *rig) []byte { return r.record(0, make([]byte, 20)) },
			errUnexpected, alertUnexpectedMessage},
		{"an unknown content type", v13, false, func(r *rig) []byte { return r.record(99, []byte("x")) },
			errUnexpected, alertUnexpectedMessage},
		{"a change of cipher", v13, false, func(r *rig) []byte { return r.record(typeCCS, []byte{1}) },
			errUnexpected, alertUnexpectedMessage},
		{"renegotiation by a client", v12, false, func(r *rig) []byte { return r.record(typeHandshake, []byte{1, 0, 0, 0}) },
			errRenegotiat, alertNoRenegotiation},
		{"a ticket from a client", v13, false, func(r *rig) []byte { return r.record(typeHandshake, []byte{4, 0, 0, 0}) },
			errUnexpected, alertUnexpectedMessage},
		{"a key update of the wrong size", v13, false, func(r *rig) []byte {
			return r.record(typeHandshake, []byte{msgKeyUpdate, 0, 0, 2, 0, 0})
		}, errDecode, alertDecodeError},
		{"a message behind a key update", v13, true, func(r *rig) []byte {
			return r.record(typeHandshake, []byte{msgKeyUpdate, 0, 0, 1, 0, 4, 0, 0, 0})
		}, errUnexpected, alertUnexpectedMessage},
		{"data within a message", v13, true, func(r *rig) []byte {
			return append(r.record(typeHandshake, []byte{4, 0, 0, 9, 1}), r.record(typeData, []byte("x"))...)
		}, errUnexpected, alertUnexpectedMessage},
		{"records without data, without end", v13, false, func(r *rig) (b []byte) {
			for range maxIdle + 1 {
				b = append(b, r.record(typeData, nil)...)
			}
			return b
		}, errFlood, alertUnexpectedMessage},
		{"an alert of the wrong size", v13, false, func(r *rig) []byte { return r.record(typeAlert, []byte{1}) },
			errDecode, alertDecodeError},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := uint16(tls.TLS_AES_128_GCM_SHA256)
			if c.version == v12 {
				id = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
			}
			r := newRig(t, c.version, id, c.client)
			r.put(c.send(r))
			r.until("the end", func() bool { return r.s.end != nil })
			if r.s.end != c.err {
				t.Errorf("ended by %v, want %v", r.s.end, c.err)
			}
			if typ, b := r.next(); typ != typeAlert || len(b) != 2 || b[0] != 2 || Alert(b[1]) != c.alert {
				t.Errorf("answered %d %v, want alert %d", typ, b, c.alert)
			}
			r.s.end = nil
			r.s.send("too late")
			if r.s.end != ErrShut {
				t.Errorf("output after the alert: %v", r.s.end)
			}
		})
	}
}

func TestAlertsEndTheConnection(t *testing.T) {
	for _, c := range []struct {
		name    string
		version uint16
		content []byte
		end     error // nil: goes on
	}{
		{"close_notify", tls.VersionTLS13, []byte{1, 0}, io.EOF},
		{"a fatal alert", tls.VersionTLS13, []byte{2, 40}, Alert(40)},
		{"a fatal alert that says warning", tls.VersionTLS13, []byte{1, 40}, Alert(40)},
		{"user_canceled", tls.VersionTLS13, []byte{1, 90}, nil},
		{"a warning of TLS 1.2", tls.VersionTLS12, []byte{1, 112}, nil},
		{"a fatal alert of TLS 1.2", tls.VersionTLS12, []byte{2, 80}, Alert(80)},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := uint16(tls.TLS_AES_128_GCM_SHA256)
			if c.version == tls.VersionTLS12 {
				id = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
			}
			r := newRig(t, c.version, id, false)
			r.put(append(r.record(typeAlert, c.content), r.record(typeData, []byte("data"))...))
			r.until("the end or data", func() bool { return r.s.end != nil || len(r.s.got) > 0 })
			if r.s.end != c.end || (c.end == nil) != (string(r.s.got) == "data") {
				t.Errorf("ended by %v with %q, want %v", r.s.end, r.s.got, c.end)
			}
		})
	}
	if got := Alert(40).Error() + ", " + Alert(99).Error(); got != "peer sent alert: handshake failure, peer sent alert: number 99" {
		t.Error(got)
	}
}

func TestEndsWithoutCloseNotifyAreToldApart(t *testing.T) {
	r := newRig(t, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false)
	r.put(r.record(typeData, []byte("data")))
	r.raw.Close()
	r.until("the end", func() bool { return r.s.end != nil })
	if r.s.end != io.EOF || !r.t.Truncated() {
		t.Errorf("ended by %v, truncated %v", r.s.end, r.t.Truncated())
	}
	r = newRig(t, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false)
	r.put(r.record(typeData, []byte("data"))[:10])
	r.raw.Close()
	r.until("the end", func() bool { return r.s.end != nil })
	if r.s.end != ErrTruncated {
		t.Errorf("ended by %v", r.s.end)
	}
}

func TestTicketsDoNotBreakTheSilence(t *testing.T) {
	r := newRig(t, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, true)
	r.s.c.SetHandler(deaf{})
	ticket := []byte{msgNewSessionTicket, 0, 0, 1, 0}
	r.raw.Write(r.record(typeHandshake, ticket))
	r.until("the ticket", r.s.c.ReadReady)
	if !r.s.c.Silent() {
		t.Error("a ticket was taken for data")
	}
	r.raw.Write(r.record(typeData, []byte("data")))
	r.until("the data", r.s.c.ReadReady)
	if r.s.c.Silent() {
		t.Error("data was not seen")
	}
	r.s.Readable(r.s.c)
	if string(r.s.got) != "data" {
		t.Errorf("got %q", r.s.got)
	}
	r.raw.Write(r.record(typeAlert, []byte{1, 0}))
	r.until("the end", r.s.c.ReadReady)
	if r.s.c.Silent() || !r.s.c.Hangup() {
		t.Error("close_notify was not seen")
	}
}

func TestKeyUpdateIsAnsweredBeforeTheNextOutput(t *testing.T) {
	r := newRig(t, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false)
	b := r.record(typeHandshake, []byte{msgKeyUpdate, 0, 0, 1, 1})
	if err := r.far.wr.update(r.far.e, r.far.suite); err != nil {
		t.Fatal(err)
	}
	r.put(append(b, r.record(typeData, []byte("new"))...))
	r.until("data", func() bool { return len(r.s.got) > 0 || r.s.end != nil })
	r.s.send("out")
	if typ, b := r.next(); typ != typeHandshake || !bytes.Equal(b, []byte{msgKeyUpdate, 0, 0, 1, 0}) {
		t.Errorf("got %d %x, want a key update that asks for none", typ, b)
	}
	if err := r.far.rd.update(r.far.e, r.far.suite); err != nil {
		t.Fatal(err)
	}
	if typ, b := r.next(); typ != typeData || string(b) != "out" {
		t.Errorf("got %d %q", typ, b)
	}
	// A key that has sealed its share is followed by the next, unasked.
	r.t.wr.seq, r.far.rd.seq = updateAfter, updateAfter
	r.s.send("more")
	if typ, _ := r.next(); typ != typeHandshake {
		t.Errorf("got %d, want a key update", typ)
	}
	r.far.rd.update(r.far.e, r.far.suite)
	if typ, b := r.next(); typ != typeData || string(b) != "more" {
		t.Errorf("got %d %q", typ, b)
	}
}

func TestRecordsGrowWithABurst(t *testing.T) {
	r := newRig(t, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false)
	r.t.growing = true
	sizes := func() (s []int) {
		r.s.send(string(pattern(100_000)))
		for total := 0; total < 100_000; {
			_, b := r.next()
			s = append(s, len(b))
			total += len(b)
			r.s.flush()
		}
		return s
	}
	s := sizes()
	if s[0] != growth[0].size || s[12] != growth[1].size || max(s[20], s[21], s[22]) != maxPlain || len(s) > 30 {
		t.Errorf("records of %v", s)
	}
	if s = sizes(); s[0] != maxPlain {
		t.Errorf("a burst that goes on has records of %v", s)
	}
	r.t.lastSend -= idleReset + 1
	if s = sizes(); s[0] != growth[0].size {
		t.Errorf("after a pause records of %v", s)
	}
}

// TestSleepingConnectionsWakeUp has the sweeper take the ciphers, and traffic
// in both directions after it.
func TestSleepingConnectionsWakeUp(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t, k.version, k.id, false)
			for i, wake := range []func(){
				func() { r.put(r.record(typeData, []byte("hello"))) },
				func() { r.s.send("hello") },
				func() { r.s.c.Close() },
			} {
				(*sweeper)(r.e).Expired(nil) // used until now
				(*sweeper)(r.e).Expired(nil)
				if st := r.e.Stats(); r.t.rd.aead != nil || r.t.wr.aead != nil || st.Sleeping != 1 || r.e.awake != nil {
					t.Fatalf("%d: does not sleep: %+v", i, st)
				}
				wake()
				r.until("waking", func() bool { return r.e.Stats().Sleeping == 0 })
			}
			for _, want := range []string{"hello", "\x01\x00"} {
				if _, b := r.next(); string(b) != want {
					t.Errorf("got %q, want %q", b, want)
				}
			}
			if string(r.s.got) != "hello" || r.e.Stats().Active != 0 {
				t.Errorf("got %q, %+v", r.s.got, r.e.Stats())
			}
		})
	}
}

func TestRequestsDoNotAllocate(t *testing.T) {
	for _, k := range kinds {
		for _, size := range []int{100, 3000, 16 << 10, 100_000} {
			r := newRigWith(t, Options{VectorAES: VectorAES()}, k.version, k.id, false)
			page := pattern(size)
			in := make([]byte, 2*size+100)
			rec := make([]byte, 256)
			n := testing.AllocsPerRun(50, func() {
				m := r.far.seal(rec, typeData, 80)
				r.raw.Write(rec[:m])
				r.s.got = r.s.got[:0]
				for len(r.s.got) == 0 {
					r.d.Loop.Step()
				}
				seq := r.t.wr.seq
				r.s.out.Append(r.d.Pool.MemLink(page[:10]))
				r.s.out.Append(r.d.Pool.MemLink(page[10:]))
				r.s.flush()
				io.ReadFull(r.raw, in[:size+int(r.t.wr.seq-seq)*r.t.overhead()])
				if !r.s.out.Empty() {
					panic("the page waits")
				}
			})
			// The test's own net.Conn allocates nothing here.
			if n != 0 {
				t.Errorf("%s, %d bytes: %v allocations", k.name, size, n)
			}
			r.s.c.Close()
		}
	}
}

package tlsio

import (
	"crypto/tls"
	"crypto/x509"

	"weir/netio/conn"
)

// Info is what a handshake agreed on.
type Info struct {
	Version    uint16      // tls.VersionTLS12 or tls.VersionTLS13
	Suite      uint16      // cipher suite
	Curve      tls.CurveID // key exchange; 0 when the session's was not repeated
	Resumed    bool        // by a session ticket
	HelloRetry bool        // the client's first key share was of no use
	ECH        bool        // the client's hello was encrypted
	ServerName string      // as the client asked; "" for none
	ALPN       string      // protocol agreed on; "" for none
	// Peer is the chain the peer sent, its own certificate first; nil for
	// none.
	Peer []*x509.Certificate
}

// Conn is the record layer of one connection after its handshake, the
// transport of a conn.Conn. See the package comment.
//
// It is of the allocator's class of 480 bytes, which crypto/tls uses for
// nothing: among the garbage of handshakes connections would keep pages from
// going back to the system, once a page has one of them.
type Conn struct {
	// Info says what the handshake agreed on. It is not changed.
	Info Info
	// Data is the owner's; what hooks of the handshake put into
	// Handshake.Data.
	Data any
	// Exporter is kept if Config.KeepExporter asks for it; else nil.
	Exporter *Exporter

	e      *Engine
	suite  *suite
	rd, wr half
	tail   *tail // client: crypto/tls, until the first data

	// Input: in is pooled and nil while nothing waits. Bytes from pos on
	// are records, those in [plain, plainEnd) content that was opened.
	in                   []byte
	pos, plain, plainEnd int
	rdErr                error // what every Recv says when nothing waits

	// Output: out, pooled and nil while nothing waits, holds records with
	// outPlain bytes of content that still stand in the owner's chain.
	out      []byte
	outPos   int
	outPlain int64
	lastSend int64 // loop time, ms
	burst    int   // bytes since the last pause

	maxRecord     int
	partial       int     // bytes left of a message that nobody reads
	partialHead   int     // bytes of head that are known
	head          [5]byte // of a message that is not complete
	version       uint16  // of the protocol
	idleRecords   uint8   // records without data in a row
	client        bool    // this side began
	closed        bool    // the peer said close_notify
	shut          bool    // nothing is sent any more
	truncated     bool    // the peer's FIN came without a close_notify
	owesUpdate    bool    // the peer asked for new keys
	growing       bool    // records grow with a burst
	used          bool    // since the last sweep
	kernelTX      bool    // the kernel seals
	kernelRX      bool    // the kernel opens
	sleeps        bool    // its ciphers were given up
	after, before *Conn   // awake connections of the engine
}

var _ conn.Transport = (*Conn)(nil)

// Of returns the record layer of a connection; nil when it has none.
func Of(c *conn.Conn) *Conn {
	t, _ := c.Transport().(*Conn)
	return t
}

// Truncated reports whether the peer ended the connection without saying so in
// TLS: what was delimited by the end may have been cut off by an attacker. It
// is of use after Recv said io.EOF. An end within a record is ErrTruncated.
func (t *Conn) Truncated() bool { return t.truncated }

// Shutdown implements conn.Transport.
func (t *Conn) Shutdown(c *conn.Conn) { t.sendAlert(c, alertCloseNotify) }

// Closed implements conn.Transport.
func (t *Conn) Closed(*conn.Conn) {
	p := t.e.d.Pool
	p.Put(t.in)
	p.Put(t.out)
	t.in, t.out, t.tail = nil, nil, nil
	t.plain, t.plainEnd, t.pos = 0, 0, 0
	t.shut = true
	switch {
	case t.sleeps:
		t.e.stats.Sleeping--
	case t.rd.aead != nil:
		t.e.unlist(t)
	}
	t.rd, t.wr = half{}, half{}
	t.e.stats.Active--
}

// wake notes that the connection is being used, and makes its ciphers if it
// slept.
func (t *Conn) wake() error {
	t.used = true
	if t.rd.aead != nil || t.kernelTX && t.kernelRX {
		return nil
	}
	if err := t.rd.wake(t.e, t.suite, t.version); err != nil {
		return err
	}
	if err := t.wr.wake(t.e, t.suite, t.version); err != nil {
		return err
	}
	t.e.list(t)
	return nil
}

package tlsio

// Exporter is what a connection keeps of its handshake for applications that
// bind something to it.
type Exporter struct {
	// ServerRandom is the random of the server's hello.
	ServerRandom [32]byte

	export func(label string, context []byte, n int) ([]byte, error)
}

// Material returns n bytes that only the two ends of the connection know (RFC
// 5705, RFC 8446 section 7.5). A nil context is none. It fails for sessions of
// TLS 1.2 without extended master secret, and for labels that TLS itself uses.
func (x *Exporter) Material(label string, context []byte, n int) ([]byte, error) {
	return x.export(label, context, n)
}

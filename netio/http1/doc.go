// Package http1 reads and writes the HTTP/1 wire format: request and status
// lines, header fields and the chunked coding, for both sides of a connection.
//
// It parses in place. A parser is handed the whole buffer collected so far,
// each time more bytes have arrived, and leaves [buf.Span] offsets into it, so
// the buffer may be moved to a larger one between two calls. Nothing is
// copied and nothing is allocated, except that the caller's []Header grows when
// it is full.
//
//	bytes ─> RequestParser.Line ──> RequestParser.Headers ──> CheckRequest ──> Body
//	         ResponseParser.Line ─> ResponseParser.Headers ─> CheckResponse ─> Body
//	body ──> ChunkedReader.Next ──> spans of data, then Done
//	path ──> Normalize ───────────> the path that locations are matched against
//
// The parsers are strict, because two parties that disagree about where a
// message ends are how requests are smuggled. A bare CR, a bare LF (unless
// Options.AllowBareLF), folded lines, white space before a colon, control
// bytes, Content-Length beside Transfer-Encoding, repeated lengths and
// malformed chunk sizes are errors. Where nginx is more lenient than RFC 9112
// the comment at the rule says so.
//
// What a fault means (a status, a log line, closing) is the caller's business:
// a [Result] is a small number. Limits that depend on configuration come in
// [Options]. The package knows no phases, no connections and no clock; it
// imports nothing of this module besides netio/buf.
//
// Nothing here is safe for concurrent use: a parser belongs to the worker that
// owns the connection. Package-level tables are never written.
package http1

//go:generate go run ./headergen -o headers_gen.go

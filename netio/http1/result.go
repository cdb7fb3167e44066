package http1

// Result is what a parser says after a call. It is a plain number so that a
// hostile peer cannot make the server allocate error values.
type Result uint8

const (
	// More means that everything so far is well-formed and that the message
	// goes on: call again with more bytes.
	More Result = iota
	// Done means that the unit asked for (line, field block, body) is complete.
	Done
	// Trailers comes from a ChunkedReader that keeps trailers: the last chunk
	// has been read and a field block follows, to be read by a FieldParser.
	Trailers

	// BadMethod: the method has a byte outside A-Z, '_' and '-', or no target follows it.
	BadMethod
	// BadRequest: the request line is malformed after the method.
	BadRequest
	// BadVersion: well-formed HTTP-version whose major number is above 1.
	BadVersion
	// BadMethod09: a request line without version whose method is not GET.
	BadMethod09
	// BadHost: the authority of an absolute or CONNECT target is malformed.
	BadHost
	// BadHeader: a header field line is malformed.
	BadHeader
	// BadStatusLine: a response does not begin with a valid HTTP/1 status line.
	BadStatusLine
	// BadChunk: the chunked coding is malformed.
	BadChunk

	// LineTooLong: a line exceeds Options.MaxLine.
	LineTooLong
	// TooManyFields: the field block has more than Options.MaxFields fields.
	TooManyFields
	// ChunkTooLong: chunk extensions or trailers exceed the limits of ChunkedOptions.
	ChunkTooLong

	// NoHost: an HTTP/1.1 request has no Host field.
	NoHost
	// RepeatedHost: a request has more than one Host field.
	RepeatedHost
	// RepeatedField: a request has one of Singletons more than once.
	RepeatedField
	// BadLength: a Content-Length is not a plain decimal number that fits int64.
	BadLength
	// RepeatedLength: a message has more than one Content-Length field.
	RepeatedLength
	// LengthAndCoding: a message has both Content-Length and Transfer-Encoding.
	LengthAndCoding
	// CodingInHTTP10: an HTTP/1.0 request has a Transfer-Encoding.
	CodingInHTTP10
	// RepeatedCoding: a message has more than one Transfer-Encoding field.
	RepeatedCoding
	// UnknownCoding: the Transfer-Encoding is something else than "chunked".
	UnknownCoding

	resultCount
)

// Failed reports whether r is a fault, after which the parser must not be
// called again and the connection cannot be reused.
func (r Result) Failed() bool { return r > Trailers }

var resultText = [resultCount]string{
	More:            "more",
	Done:            "done",
	Trailers:        "trailers",
	BadMethod:       "invalid method",
	BadRequest:      "invalid request",
	BadVersion:      "invalid version",
	BadMethod09:     "invalid method in HTTP/0.9 request",
	BadHost:         "invalid host in request line",
	BadHeader:       "invalid header line",
	BadStatusLine:   "no valid HTTP/1.0 header",
	BadChunk:        "invalid chunked body",
	LineTooLong:     "too long line",
	TooManyFields:   "too many header lines",
	ChunkTooLong:    "too long chunk extensions or trailers",
	NoHost:          "HTTP/1.1 request without \"Host\" header",
	RepeatedHost:    "duplicate \"Host\" header",
	RepeatedField:   "duplicate header line",
	BadLength:       "invalid \"Content-Length\" header",
	RepeatedLength:  "duplicate \"Content-Length\" header",
	LengthAndCoding: "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
	CodingInHTTP10:  "HTTP/1.0 request with \"Transfer-Encoding\" header",
	RepeatedCoding:  "duplicate \"Transfer-Encoding\" header",
	UnknownCoding:   "unknown \"Transfer-Encoding\"",
}

// String returns a noun phrase that completes nginx's log sentences: "client
// sent ..." and "upstream sent ...".
func (r Result) String() string {
	if r < resultCount {
		return resultText[r]
	}
	return "unknown result"
}

package http

import (
	"weir/netio/buf"
	"weir/netio/http1"
)

// Chain is the list of body parts that filters pass on.
type Chain = buf.Chain

// Request is one HTTP request, or a subrequest of one. It belongs to one
// worker and is only touched from that worker's loop. It is reused: nothing
// may keep a pointer to it, or to bytes reached through it, after its
// cleanups have run.
type Request struct {
	w *Worker // set when the request is made; never nil while it is in use

	// Memory that is kept from one request to the next.
	in       Headers
	Out      ResponseHead
	ownVars  []Value // see vars
	state    []any   // module state by module index
	captures []int   // offsets of the last regular expression match
	cleanups []cleanup
	releases []cleanup  // run when the request has been logged
	subs     []*Request // subrequests made, freed with the main request
	ownArena buf.Arena

	head      http1.Request // the head as parsed, over the connection's buffer
	parser    http1.RequestParser
	chunks    http1.ChunkedReader // of the request body
	headStart int                 // offset of the head in that buffer

	perRequest
}

// perRequest is what every new request starts out with empty.
type perRequest struct {
	c    *Client
	gen  *Generation
	use  *use     // counts it; nil: begun when the worker had left gen
	main *Request // the client's request; r itself unless r is a subrequest
	srv  *Server
	loc  *Location // changes at find_config, in `if` blocks and internal redirects

	parent *Request // nil for the main request

	// Request line.
	Method      http1.Method
	MethodName  []byte
	RequestLine []byte // as received, without the line end; $request
	UnparsedURI []byte // target as received; $request_uri
	URI         []byte // decoded and normalised path; $uri
	Args        []byte // query string without the question mark; $args
	Exten       []byte // extension of the last path segment, without the dot
	Protocol    []byte // "HTTP/1.1"; empty for HTTP/0.9
	Version     int    // 9, 1000, 1001, 2000
	HostName    []byte // host asked for, from the target or the Host field: lower case, no port; $host uses it
	// ValidURI says that URI is still what UnparsedURI names, so that a
	// proxied request may carry the target as it came.
	ValidURI  bool
	PlusInURI bool
	QuotedURI bool

	In            *Headers // request header; subrequests share the main request's
	ContentLength int64    // of the request body, -1 when none is named
	ChunkedBody   bool     // the request body comes in chunks

	phase      int
	content    Handler
	read       func(r *Request) // what a readable connection runs
	write      func(r *Request) // what a writable connection, a post or a timer runs
	accessCode Code
	errStatus  Code // status that an error_page in progress replaces
	uriChanges int8 // internal redirects and rewrites left
	uriChanged bool
	// uriBehindAlias says that URI goes behind the alias of an expression.
	uriBehindAlias bool
	uriBroken      bool // `break` kept the location for a path it was not chosen by

	debug      bool // lines of level debug are wanted where r is now
	internal   bool
	terminated bool
	logged     bool
	done       bool
	complete   bool // response sent whole: $request_completion
	keepalive  bool
	lingering  bool // bytes of the request may still be on their way at the end

	headerOnly         bool
	headerSent         bool
	expectTrailers     bool // the response will have trailer fields
	chunked            bool // the response is framed in chunks
	expectTested       bool
	discarding         bool
	readingBody        bool
	errorPage          bool // an error_page redirect has been made
	postAction         bool // the response is over: what is done now is post_action's
	background         bool // a subrequest nobody waits for the output of
	waited             bool
	preserveBody       bool // subrequests still want the body
	inMemory           bool // a subrequest whose output its handler collects
	filterFinalize     bool
	allowRanges        bool
	singleRange        bool
	disableNotModified bool
	needInMemory       bool // a body filter wants to see the bytes: no file links
	limitRateSet       bool
	limitAfterSet      bool
	argsSet            bool // Args was assigned to: empty differs from none
	inPosted           bool

	gate          gateState
	refused       Code       // of gateRefused
	wasHeaderOnly bool       // headerOnly before HoldHeader
	held          []heldPart // output behind what a filter holds

	logs    int    // log handlers that wait, of r and its subrequests
	ending  ending // of the connection, when it waits for them
	pinned  int    // r's number in the worker's list when the connection has gone on without it; 0: it has not
	headBuf []byte // of a pinned request: pooled, what the head's spans point into

	count    int32 // references to the main request; it is freed at zero
	blocked  int32
	subreqs  int32 // levels of subrequests left
	Buffered uint8 // bits of filters that hold output back

	vars         []Value // by variable index; a request's subrequests share its own
	varDepth     int
	capturesIn   []byte
	upstreamText []byte
	upstream     Upstream // exchange with a backend, the last one made for this request

	one        Chain // what OutputLink passes
	body       *Body
	bodyShared bool   // body belongs to the parent request
	memory     []byte // output of an in-memory subrequest
	partRead   int64  // bytes of an unbuffered body read so far
	bodyLeft   int64  // bytes of the request body not read yet
	sent       int64  // bytes written for this response
	headerSize int64  // bytes of the response header among them
	length     int64  // bytes received of this request: $request_length
	limitRate  int64  // bytes per second, 0 for none
	limitAfter int64

	startMS     int64 // loop time of the first byte
	startSec    int64 // wall clock of the same moment
	startMsec   int
	lingerUntil int64 // loop time when discarding the body ends

	place      postponed // of this subrequest in the parent's output
	postponed  *postponed
	finish     func(r *Request, data any, rc Code) Code // runs when a subrequest is finalized
	finishData any
	nextPosted *Request

	arena *buf.Arena // ownArena of the main request
}

// ResponseHead is the response header as modules set it before SendHeader.
// ContentLength, ContentType, LastModified and the fields named by functions
// of Request are kept apart because filters look at them; all other fields go
// into Headers.
type ResponseHead struct {
	Status        int
	StatusLine    []byte // "200 Fine" from an upstream; empty for the usual text
	ContentLength int64  // -1: unknown
	LastModified  int64  // Unix seconds, -1: none
	ContentType   []byte
	Charset       []byte
	Headers       Headers
	Trailers      Headers
	// OffsetsFrom is the offset of the body's first byte in the whole
	// entity, for ranges of partly cached responses.
	ContentOffset    int64
	NoDate, NoServer bool // leave the field out
	// KeepLocation sends Location as it is, whatever absolute_redirect says:
	// it comes from a backend.
	KeepLocation bool
}

func (h *ResponseHead) reset() {
	h.Status, h.StatusLine = 0, nil
	h.ContentLength, h.LastModified = -1, -1
	h.ContentType, h.Charset = nil, nil
	h.ContentOffset = 0
	h.NoDate, h.NoServer = false, false
	h.KeepLocation = false
	h.Headers.reset()
	h.Trailers.reset()
}

// Upstream is a request's exchange with a backend. It is kept on the request,
// not in a module's slot, because it outlives internal redirects: logs and
// variables tell of it until the request ends.
type Upstream interface {
	// AppendLogText appends `, upstream: "scheme, address and path"` for
	// log lines, or nothing before an address has been chosen.
	AppendLogText(dst []byte) []byte
	// Action is what the exchange is doing, for messages that others log
	// meanwhile: "connecting to upstream". It is empty where nothing is done.
	Action() string
	// Release gives the exchange back; it is called once, after the log
	// phase or when another exchange takes its place.
	Release()
}

// Upstream is the last exchange with a backend made for r, nil for none.
func (r *Request) Upstream() Upstream { return r.upstream }

// SetUpstream attaches an exchange. It does not release the one before.
func (r *Request) SetUpstream(u Upstream) { r.upstream = u }

type cleanup struct {
	run  func(data any)
	data any
}

// Worker returns the worker the request runs on.
func (r *Request) Worker() *Worker { return r.w }

// Client returns the client connection, which subrequests share.
func (r *Request) Client() *Client { return r.c }

// Generation returns the configuration the request runs under.
func (r *Request) Generation() *Generation { return r.gen }

// Main returns the client's request that r belongs to, r itself if r is it.
func (r *Request) Main() *Request { return r.main }

// Parent returns the request that made subrequest r, nil for a main request.
func (r *Request) Parent() *Request { return r.parent }

// IsSubrequest reports whether r was made by another request.
func (r *Request) IsSubrequest() bool { return r.main != r }

// Server returns the server block that serves r.
func (r *Request) Server() *Server { return r.srv }

// Location returns the location block r is in.
func (r *Request) Location() *Location { return r.loc }

// SetLocation puts r under the configuration of l, as an `if` block does.
func (r *Request) SetLocation(l *Location) {
	r.loc = l
	r.useLocation()
}

// Internal reports whether r is an internal redirect or a subrequest.
func (r *Request) Internal() bool { return r.internal }

// SetInternal marks r as internal, as X-Accel-Redirect does.
func (r *Request) SetInternal(on bool) { r.internal = on }

// HeaderSent reports whether SendHeader was called.
func (r *Request) HeaderSent() bool { return r.headerSent }

// HeaderOnly reports whether the response has no body: HEAD, 304, 204.
func (r *Request) HeaderOnly() bool { return r.headerOnly }

// SetHeaderOnly says that the response has no body.
func (r *Request) SetHeaderOnly(on bool) { r.headerOnly = on }

// Keepalive reports whether the connection is to stay open.
func (r *Request) Keepalive() bool { return r.keepalive }

// SetKeepalive decides about the connection; only switching off is honoured
// once the response header has been sent.
func (r *Request) SetKeepalive(on bool) { r.keepalive = on }

// AllowRanges lets the range filter work on this response; single limits it
// to one range.
func (r *Request) AllowRanges(single bool) { r.allowRanges, r.singleRange = true, single }

// RangesAllowed reports what AllowRanges said.
func (r *Request) RangesAllowed() (allowed, single bool) { return r.allowRanges, r.singleRange }

// ClearRanges withdraws AllowRanges, for filters that change the body.
func (r *Request) ClearRanges() {
	r.allowRanges = false
	r.Out.Headers.DelID(http1.HeaderAcceptRanges)
}

// NeedInMemory asks for body links that are memory, not file ranges. Header
// filters of modules that look at the body call it.
func (r *Request) NeedInMemory() { r.needInMemory = true }

// MemoryNeeded reports whether NeedInMemory was called.
func (r *Request) MemoryNeeded() bool { return r.needInMemory }

// ExpectTrailers says that the response will have trailer fields, before its
// header is sent, so that it is framed in chunks.
func (r *Request) ExpectTrailers() { r.expectTrailers = true }

// TrailersExpected reports whether ExpectTrailers was called.
func (r *Request) TrailersExpected() bool { return r.expectTrailers }

// DisableNotModified keeps the not_modified filter from answering 304 or 412.
func (r *Request) DisableNotModified() { r.disableNotModified = true }

// NotModifiedDisabled reports what DisableNotModified said.
func (r *Request) NotModifiedDisabled() bool { return r.disableNotModified }

// ErrorStatus is the status an error_page replaces, 0 outside of one.
func (r *Request) ErrorStatus() Code { return r.errStatus }

// SetErrorStatus sets what ErrorStatus returns.
func (r *Request) SetErrorStatus(c Code) { r.errStatus = c }

// SetContentHandler chooses what the content phase runs; nil for the list of
// content phase handlers.
func (r *Request) SetContentHandler(h Handler) { r.content = h }

// SetReadHandler chooses what runs when the client's connection is readable
// or its read timer expires (see Client.ReadTimedOut).
func (r *Request) SetReadHandler(h func(r *Request)) { r.read = h }

// SetWriteHandler chooses what runs when the client's connection is writable,
// its write timer expires, or the request is posted.
func (r *Request) SetWriteHandler(h func(r *Request)) { r.write = h }

// Hold raises the reference count of the main request, so that it outlives a
// wait; Finalize(Done) or the end of a subrequest lowers it.
func (r *Request) Hold() { r.main.count++ }

// Count returns the number of references to the main request.
func (r *Request) Count() int { return int(r.main.count) }

// Alloc returns n bytes that are valid until the main request ends. They are
// not cleared.
func (r *Request) Alloc(n int) []byte { return r.arena.Alloc(n) }

// Copy returns a copy of b that is valid until the main request ends.
func (r *Request) Copy(b []byte) []byte { return r.arena.Copy(b) }

// CopyString is Copy for a string.
func (r *Request) CopyString(s string) []byte {
	b := r.arena.Alloc(len(s))
	copy(b, s)
	return b
}

// Cleanup has run called with data when the main request ends, last one
// first, also when it is aborted.
func (r *Request) Cleanup(run func(data any), data any) {
	m := r.main
	m.cleanups = append(m.cleanups, cleanup{run, data})
}

// Release has run called with data when the main request has been logged and
// nothing of it is needed any more, last one first. Cleanup is for what must
// stop when the request ends, Release for what the log phase still looks at.
func (r *Request) Release(run func(data any), data any) {
	m := r.main
	m.releases = append(m.releases, cleanup{run, data})
}

// Link returns an empty link for an output chain. It goes back to the worker
// when the response has been sent; see buf.Link.
func (r *Request) Link() *buf.Link { return r.w.Buffers.Link() }

// Capture returns group n of the last regular expression matched for r by
// location, rewrite, if, map or server_name; empty when there is none.
func (r *Request) Capture(n int) []byte {
	i := 2 * n
	if i+1 >= len(r.captures) || r.captures[i] < 0 {
		return nil
	}
	return r.capturesIn[r.captures[i]:r.captures[i+1]]
}

// Captures returns the offsets of the last match and what was matched.
func (r *Request) Captures() ([]int, []byte) { return r.captures, r.capturesIn }

// SetCaptures stores a match for Capture: caps as appliance/regex returns it,
// subject the bytes matched, which must stay valid until the request ends.
// caps is copied.
func (r *Request) SetCaptures(caps []int, subject []byte) {
	r.captures = append(r.captures[:0], caps...)
	r.capturesIn = subject
}

// RawHead is the request line and header of the main request as received, with
// the empty line at the end; nil where the protocol has no such text. It is
// valid until the request ends.
func (r *Request) RawHead() []byte {
	m := r.main
	head := m.headBuf
	if h, ok := r.c.stream.(*h1Conn); ok {
		head = h.head
	}
	start, end := int(m.head.Line.Off), m.parser.Pos()
	if end > len(head) || start > end {
		return nil
	}
	return head[start:end:end]
}

// StartMS is the loop time in milliseconds when the first byte came.
func (r *Request) StartMS() int64 { return r.startMS }

// StartWall is the wall clock at the first byte: Unix seconds and the
// milliseconds within.
func (r *Request) StartWall() (sec int64, msec int) { return r.startSec, r.startMsec }

// LimitRate is the rate of the response in bytes per second, 0 for none.
func (r *Request) LimitRate() int64 { return r.limitRate }

// SetLimitRate overrides the location's limit_rate.
func (r *Request) SetLimitRate(n int64) { r.limitRate, r.limitRateSet = n, true }

// Completed reports whether the response was sent whole: $request_completion.
func (r *Request) Completed() bool { return r.complete }

// reset prepares r for a new request, or for the free list. Memory is kept.
func (r *Request) reset() {
	r.head.Clear()
	r.in.reset()
	r.Out.reset()
	clear(r.ownVars)
	clear(r.state)
	clear(r.cleanups)
	clear(r.releases)
	clear(r.subs)
	r.cleanups, r.releases = r.cleanups[:0], r.releases[:0]
	r.subs, r.captures = r.subs[:0], r.captures[:0]
	r.perRequest = perRequest{}
}

// SatisfyAny reports whether `satisfy any` is in force.
func (r *Request) SatisfyAny() bool { return r.loc.core.satisfyAny.V }

// PreserveBody keeps the request body for subrequests that run beside r.
func (r *Request) PreserveBody() { r.preserveBody = true }

// DropBody makes subrequest r one without a body.
func (r *Request) DropBody() {
	r.body = &noBody
	r.bodyShared = true
	r.headerOnly = true
}

package http

// Code is what phase handlers, filters and content handlers return: one of
// the negative control codes below, or an HTTP status of 200 and more, which
// asks for the response that belongs to it.
type Code int

// Control codes, with nginx's values so that they can be logged and compared
// with its documentation.
const (
	OK       Code = 0  // done; go on with the next phase, or finish the response
	Error    Code = -1 // the request cannot go on; the connection is closed
	Again    Code = -2 // wait: an event will continue the request
	Busy     Code = -3
	Done     Code = -4 // the handler has taken over and will finalize by itself
	Declined Code = -5 // not for this handler: try the next one
	Abort    Code = -6
)

// Statuses that the core names. 444 and 494-499 are nginx's own; they are
// never sent as they are.
const (
	StatusContinue              Code = 100
	StatusSwitchingProtocols    Code = 101
	StatusOK                    Code = 200
	StatusCreated               Code = 201
	StatusAccepted              Code = 202
	StatusNoContent             Code = 204
	StatusPartialContent        Code = 206
	StatusSpecialResponse       Code = 300
	StatusMovedPermanently      Code = 301
	StatusFound                 Code = 302
	StatusSeeOther              Code = 303
	StatusNotModified           Code = 304
	StatusTemporaryRedirect     Code = 307
	StatusPermanentRedirect     Code = 308
	StatusBadRequest            Code = 400
	StatusUnauthorized          Code = 401
	StatusForbidden             Code = 403
	StatusNotFound              Code = 404
	StatusNotAllowed            Code = 405
	StatusProxyAuthRequired     Code = 407
	StatusRequestTimeout        Code = 408
	StatusConflict              Code = 409
	StatusLengthRequired        Code = 411
	StatusPreconditionFailed    Code = 412
	StatusRequestTooLarge       Code = 413
	StatusURITooLarge           Code = 414
	StatusUnsupportedMedia      Code = 415
	StatusRangeNotSatisfiable   Code = 416
	StatusMisdirectedRequest    Code = 421
	StatusTooManyRequests       Code = 429
	StatusClose                 Code = 444 // close without a response
	StatusRequestHeaderTooLarge Code = 494
	StatusCertificateError      Code = 495 // of the client, bad
	StatusNoCertificate         Code = 496 // none, and one is required
	StatusHTTPToHTTPS           Code = 497
	StatusClientClosedRequest   Code = 499 // the client went away; only logged
	StatusInternalServerError   Code = 500
	StatusNotImplemented        Code = 501
	StatusBadGateway            Code = 502
	StatusServiceUnavailable    Code = 503
	StatusGatewayTimeout        Code = 504
	StatusVersionNotSupported   Code = 505
	StatusInsufficientStorage   Code = 507
)

// statusLines holds "200 OK" and so on by status, as nginx spells them. Codes
// without an entry are sent as a bare number with a trailing space (RFC 9112
// section 4: the reason phrase may be empty).
var statusLines = [600]string{
	200: "200 OK", 201: "201 Created", 202: "202 Accepted", 204: "204 No Content", 206: "206 Partial Content",
	301: "301 Moved Permanently", 302: "302 Moved Temporarily", 303: "303 See Other", 304: "304 Not Modified",
	307: "307 Temporary Redirect", 308: "308 Permanent Redirect",
	400: "400 Bad Request", 401: "401 Unauthorized", 402: "402 Payment Required", 403: "403 Forbidden",
	404: "404 Not Found", 405: "405 Not Allowed", 406: "406 Not Acceptable", 407: "407 Proxy Authentication Required",
	408: "408 Request Time-out", 409: "409 Conflict", 410: "410 Gone", 411: "411 Length Required",
	412: "412 Precondition Failed", 413: "413 Request Entity Too Large", 414: "414 Request-URI Too Large",
	415: "415 Unsupported Media Type", 416: "416 Requested Range Not Satisfiable", 421: "421 Misdirected Request",
	429: "429 Too Many Requests",
	500: "500 Internal Server Error", 501: "501 Not Implemented", 502: "502 Bad Gateway",
	503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out", 505: "505 HTTP Version Not Supported",
	507: "507 Insufficient Storage",
	100: "100 Continue", 101: "101 Switching Protocols", 103: "103 Early Hints",
}

// StatusLine returns "404 Not Found" for a known status and "" otherwise.
func StatusLine(status int) string {
	if status < 0 || status >= len(statusLines) {
		return ""
	}
	return statusLines[status]
}

// Package notmodified is the header filter that answers conditional requests:
// 304 for If-Modified-Since and If-None-Match when the client's copy is good,
// 412 for If-Unmodified-Since and If-Match when the client's premise is wrong
// (RFC 9110 section 13, with nginx's order of the tests).
//
// It looks at Last-Modified and ETag of responses with status 200 to main
// requests and keeps nothing. It must stand before every filter that changes
// the body.
package notmodified

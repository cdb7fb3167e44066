// Package ranges is the two filters that answer Range requests (RFC 9110
// section 14) with nginx's rules:
//
//	Header  near the end of the header filters, when length and validators of
//	        the response are final: decides, sets Content-Range and length
//	Body    the first body filter: cuts links down to the bytes asked for,
//	        before anything reads them, so a range of a file stays a file link
//
// A response takes part when its handler has allowed ranges, its length is
// known and no filter has withdrawn the permission. Several ranges are sent as
// multipart/byteranges when the body comes in one link.
//
// The state of a request with ranges belongs to its worker and is reused.
package ranges

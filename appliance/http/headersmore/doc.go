// Package headersmore is OpenResty's headers-more module: more_set_headers,
// more_clear_headers and their *_input_* twins, which change any field of
// responses and requests.
//
// Output is changed in a header filter, behind handlers and range and
// not-modified filters, ahead of add_header; input behind the rewrite
// directives of a location. What follows from a change of a field that the core
// knows is the core's business: http.Request.SetResponseHeader and its
// relatives.
//
// Where weir departs, since they would change the framing of the message: a
// value with a line break or a NUL byte is left out with an error in the log,
// and Transfer-Encoding cannot be set.
//
// The package has no state at run time and allocates nothing per request.
package headersmore

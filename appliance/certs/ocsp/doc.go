// Package ocsp asks the responders of certificate authorities whether a
// certificate has been revoked (RFC 6960), and checks what they say. It makes
// HTTP requests and waits for their answers: it is used from goroutines beside
// the workers, with a timeout. A Cache keeps what they said.
package ocsp

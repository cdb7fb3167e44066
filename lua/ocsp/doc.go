// Package ocsp is the module ngx.ocsp: questions to the responders of certificate authorities and their answers, which
// scripts of handshakes send, check and staple to their certificates.
//
// It owns nothing. It must not know how handshakes go, nor HTTP: scripts ask responders by sockets of their own.
// Everything runs on the worker's loop.
package ocsp

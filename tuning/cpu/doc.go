// Package cpu says what the processor can do for cryptography, and what TLS is
// to use because of it.
//
//	Detect ─► Features ─► Choose ─► Choice: AEAD, kTLS cipher, suites, curves
//
// Both are plain values: `weir -V` and the status API print them, and a test
// flips each flag. Features are read from the processor once, by whoever calls
// Detect; nothing here changes the process. What crypto/tls decides by itself,
// the order among what is offered, it goes on deciding.
package cpu

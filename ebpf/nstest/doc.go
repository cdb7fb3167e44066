// Package nstest gives tests of kernel programs a network namespace of their
// own, where they may change settings and make devices.
//
// A namespace belongs to a thread: Enter ties the test's goroutine to one that
// ends with it. Sockets, /proc/sys/net and commands that this goroutine makes,
// opens and starts are inside; other goroutines are not.
package nstest

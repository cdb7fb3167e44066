// Package sock is the door to the kernel's sockets: every socket call,
// option, splice and sendfile of weir passes through here (epoll is in
// netio/poll).
//
// Calls that never sleep on a non-blocking socket (recv, send, sendmsg,
// accept4, connect, close, socket options, splice between a socket and a
// pipe) are raw system calls: the Go scheduler does not hear of them, which
// saves about 50 ns each. Calls that may touch a disk (sendfile, splice from
// a file) go through the scheduler, or one slow disk would hold up every
// worker's stop-the-world.
//
// The package keeps no state and knows no event loop; everything in it may
// be called from any goroutine. Descriptors are plain ints owned by the
// caller. Errors are syscall.Errno on the data path; set-up calls return
// *Error, which prints as nginx prints it.
package sock

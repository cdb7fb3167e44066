// Package file is the system calls on the file system that requests make:
// open, stat, read at an offset, list a directory, close.
//
// Names are bytes that end in NUL, in a buffer of the caller's, so that a name
// put together for one request costs no copy and no allocation. Results come
// as an errno, not an error.
//
// Any call here may wait for a disk, PreadCached excepted. All of them tell
// the scheduler (Syscall, not RawSyscall), so that a slow disk costs the worker
// its own time but not that of the others. They may be called from any goroutine.
//
// The package knows no request and keeps nothing: descriptors belong to who
// opened them, buf.File is where they are shared and counted.
package file

// Package newc writes cpio archives in the "newc" format that the Linux kernel
// unpacks as its first file system (Documentation/driver-api/early-userspace/
// buffer-format.rst).
//
// The same calls give the same bytes: files carry no time and are numbered in
// the order they are written.
package newc

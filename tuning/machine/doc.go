// Package machine says what weir runs on: processors, memory, network
// interfaces and whether it is a container.
//
// It reads procfs and sysfs below the roots it is given, so that tests hand it
// a tree of their own; it changes nothing there. How files are replaced as a
// whole stands here, too: what keeps notes on a machine needs no more.
package machine

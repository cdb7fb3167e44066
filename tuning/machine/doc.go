// Package machine says what weir runs on: processors, memory, network
// interfaces and whether it is a container.
//
// It reads procfs and sysfs below the roots it is given, so that tests hand it
// a tree of their own; it changes nothing.
package machine

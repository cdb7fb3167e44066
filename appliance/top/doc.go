// Package top is the command line's look at a running server: weir top, weir profile and weir memory.
//
// It asks weir.sock, the master's socket beside the pid file, and prints what package insight answers. It owns the
// commands and their output. It must not know how the answers come about, nor where the socket is: the program finds
// it in the configuration.
package top

// Package ebpf is the parent of the packages that load kernel programs, and
// holds what they share at build time: the script that compiles their C
// sources, and the test that the committed objects are what the sources say.
//
//	steer    which worker gets a connection (sk_reuseport)
//	lookup   port and address ranges on one socket (sk_lookup)
//	filter   block lists and SYN limits before the network stack (XDP)
//
// Each of them is a leaf: it is handed descriptors and plain values and knows
// nothing of configuration, HTTP or processes. The master process alone loads
// programs and holds them; the server process, which has no capability, gets
// at most a map to write into.
//
// # Objects
//
// A program is a file x.bpf.c; cilium's bpf2go compiles it into x_bpfel.o and
// x_bpfel.go, which are committed, so that building weir needs Go alone.
// `make generate` writes them again where clang-14 and libbpf's headers are
// installed and leaves them alone, with a note, where not.
package ebpf

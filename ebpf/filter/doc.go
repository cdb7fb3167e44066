// Package filter drops packets where they come in, before the network stack
// spends anything on them: an XDP program with lists of allowed and blocked
// networks and a limit of new TCP connections per source.
//
//	packet ─► allow list? ─► pass
//	       └► block list? ─► drop
//	       └► SYN over the source's rate? ─► drop
//	       └► pass
//
// The allow list comes first, so that an operator who stands in it cannot be
// locked out by anything else. Everything that is not IP passes.
//
// A Filter belongs to the process that may load programs, and with it the
// program: it is detached when the process ends, however it ends. Lists change
// while it runs; a change is a few map updates. What is done with the lists'
// files and who may change them is the caller's business.
//
// Threads: methods may be called from any goroutine.
package filter

//go:generate sh ../generate.sh xdp xdp.bpf.c

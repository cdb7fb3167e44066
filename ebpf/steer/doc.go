// Package steer decides which worker gets a new connection. Every worker has a
// listening socket of its own per address, all of one SO_REUSEPORT group; the
// kernel's hash among them knows neither which worker is busy nor which CPU
// the packets are on. A program of the type sk_reuseport does:
//
//	load   the worker with the least to do, the one of this CPU among equals
//	cpu    the worker bound to the CPU that got the SYN
//	hash   by the hash of the addresses, as without a program
//
// All of them also give connections that wait on a socket being closed, in
// its queue or still in the handshake, to a socket that stays.
//
// # Scores
//
//	worker ── state, open ──> Board (shared memory) <── queued ── programs
//
// A worker stores the time when a turn of its loop began, and the negative
// time when it fell asleep, without a system call. The program compares that
// with the kernel's clock: a worker that is stuck in a turn cannot report it,
// and is passed over after Stall. Below that, open connections, connections
// given to the worker since its last turn, and the age of the turn add up.
//
// # Rungs
//
// Where the kernel or the rights do not allow the program, the next rung is
// taken: a classic BPF program by CPU, SO_INCOMING_CPU, the kernel's hash.
// Load goes straight to the hash: by CPU everything may end up on one worker,
// as it does with a network card of one queue. On every rung but Off
// net.ipv4.tcp_migrate_req is switched on where that is allowed, because only
// the first rung migrates without it.
//
// # Ownership
//
// The master process owns the Steering and all programs; it alone needs
// rights. Programs stay attached to their sockets when it ends, until another
// one is attached. Workers get the Board's descriptor and nothing else.
//
// Threads: a Steering is for one goroutine; a Slot's words are atomics, written
// by one worker.
package steer

//go:generate sh ../generate.sh steer steer.bpf.c

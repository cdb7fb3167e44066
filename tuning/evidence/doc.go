// Package evidence reads the kernel's counters that tell whether a setting was
// needed and whether it helped: queues that overflowed, packets dropped and
// sent again, connections in TIME-WAIT.
package evidence

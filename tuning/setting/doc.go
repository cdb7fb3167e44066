// Package setting reads and writes single values of the running kernel and its
// devices.
//
// A value has a name, its ID, by which it can be found again in another
// process (what was changed must be put back later):
//
//	sysctl net.core.somaxconn             a file below /proc/sys
//	choice kernel/mm/transparent_hugepage/enabled
//	                                      a file below /sys that lists its words
//	                                      and marks one: "always [madvise] never"
//	sys class/net/eth0/queues/rx-0/rps_cpus   another file below /sys
//	irq 24                                the processors of an interrupt
//	ethtool eth0 channels                 a device's channels, ring, adaptive-rx,
//	                                      rx-usecs
//
// It knows nothing of profiles, and keeps nothing.
package setting

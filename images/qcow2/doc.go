// Package qcow2 writes disks in QEMU's qcow2 format, version 2, without
// compression: clusters that hold zeros only take no room. The same disk gives
// the same bytes.
package qcow2

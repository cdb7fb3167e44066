// Package sparse looks at disks that are mostly holes, in units of a disk
// format: what qcow2, vmdk and vhd have in common. It knows none of them.
package sparse

// Package vmdk writes disks in VMware's format (Virtual Disk Format 5.0), as
// one file that grows ("monolithicSparse"): VMware Workstation, VirtualBox and
// QEMU run from it, and vmkfstools -i takes it into ESXi. Grains that hold zeros
// only take no room. The same disk gives the same bytes.
package vmdk

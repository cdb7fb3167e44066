// Package vhd writes disks in the format of Hyper-V and Azure (Virtual Hard Disk
// Image Format Specification 1.0), growing ("dynamic"). Blocks that hold zeros
// only take no room. The same disk gives the same bytes.
package vhd

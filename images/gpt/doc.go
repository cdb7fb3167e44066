// Package gpt writes partition tables (UEFI specification, chapter 5) of disks
// with 512-byte sectors.
//
// The same partitions give the same bytes: identifiers are derived from what
// they identify.
package gpt

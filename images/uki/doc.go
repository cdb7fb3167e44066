// Package uki puts a kernel, its first file system and its command line into
// one EFI program, a Unified Kernel Image, behind a boot stub (systemd's
// linuxx64.efi.stub).
//
// The stub is a PE file; what belongs to it are further sections that it finds
// by name (the UAPI group's specification of unified kernel images). The same
// input gives the same bytes: times and checksum are zero.
package uki

// Package fat writes FAT16 and FAT32 file systems (Microsoft's FAT32
// specification 1.03) with long names, whole and at once: an EFI system
// partition, or what firmware starts from an optical disc.
//
// The same files give the same bytes: every entry has the date 2020-01-01.
package fat

// Package iso writes bootable optical discs: an ISO 9660 file system (ECMA-119)
// with an El Torito entry for UEFI firmware, which is also a disk with a
// partition table, so that the same bytes start from a memory stick.
//
//	sector  0  protective boot record and first partition table (512-byte sectors)
//	       16  volume descriptors: primary, boot record, end
//	       19  boot catalog
//	       20  path tables, little and big endian
//	       22  root directory
//	       32  the files, then the boot image
//	      end  second partition table
//
// There are no directories but the root and no names beyond ISO 9660's: what
// the machine runs from is inside the boot image, and files beside it are for
// people who look at the disc. The same files give the same bytes.
package iso

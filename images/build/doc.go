// Command build makes weir's images out of the program, a kernel package and a
// boot stub, with Go alone: no root, no loop mounts, no foreign tools.
//
//	go run ./images/build -weir bin/weir -o dist
//
//	                                     ┌─ weir.efi ──> FAT32 ──> GPT disk ─── weir.{raw.zst,qcow2,vmdk,vhd}
//	weir binary ─┐                       │  (UKI)
//	modules     ─┼─ newc ─ zstd ─ initrd ┼─ the same, live ──> FAT16 ──> El Torito ─── weir.iso
//	nginx.conf  ─┘                       └─ weir.initrd, weir.kernel (direct start)
//	weir binary, unit, configuration ────── weir.deb
//	weir binary, configuration ──────────── weir-oci.tar
//
// Whatever is not built here is pinned (package inputs). The same inputs give
// the same bytes.
package main

// Command build makes weir's images out of the program, a kernel package and a
// boot stub, with Go alone: no root, no loop mounts, no foreign tools.
//
//	go run ./images/build -weir bin/weir -o dist
//
//	weir binary ─┐                       ┌─ weir.efi ──> FAT32 ──> GPT disk ─┬─ weir.raw.zst
//	modules     ─┼─ newc ─ zstd ─ initrd ┤  (UKI)                            └─ weir.qcow2
//	nginx.conf  ─┘                       └─ weir.initrd, weir.kernel (direct start)
//	weir binary, unit, configuration ────── weir.deb
//	weir binary, configuration ──────────── weir-oci.tar
//
// Whatever is not built here is pinned (package inputs). The same inputs give
// the same bytes.
package main

// Package slots keeps the two systems of an appliance's disk, by the boot
// counting of systemd-boot (the UAPI group's boot loader specification, type
// 2, and systemd's automatic boot assessment).
//
// A slot is a Unified Kernel Image in EFI/Linux of the EFI system partition:
//
//	weir_1.0.efi         blessed: it has run well
//	weir_1.1+3.efi       fresh: three tries are left
//	weir_1.1+2-1.efi     being tried: the loader renames it before each start
//	weir_1.1+0-3.efi     given up: the loader starts another
//
// The loader starts the highest version that has tries left or is blessed. So
// an update is a new file, and falling back needs nothing of what failed.
// There are at most two slots after an update: the one that runs, and the new
// one.
package slots

// Package pid1 is the first process of the appliance: it brings the machine up
// around the server and down again.
//
// It owns mounts, modules, network, clock, watchdog, the console's screen and
// the children; the server is the same binary started as a child, configured
// as anywhere else. It must not know what the server does: whether it is well
// is what its status socket says.
//
//	kernel ─> mounts ─> modules ─> data partition ─> configuration ─> network ─> server
//	                                                                              │ healthy
//	                                           bless the slot, pet the watchdog <─┘
//	power button, Ctrl-Alt-Del, SIGTERM, update ─> QUIT to the server ─> sync, unmount ─> off, reboot
//
// It runs on ordinary goroutines; the state in Machine belongs to Main's, the
// others tell it by channels. An error that leaves the machine without use
// (no mounts) reboots it after a pause, so that a new slot's fault leads back
// to the old one.
package pid1

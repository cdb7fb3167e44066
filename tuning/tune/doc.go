// Package tune plans, applies, checks and takes back the settings of a tuning
// profile on the machine it runs on: `weir tune` and the directive
// tuning_profile.
//
// It owns the journal of what was changed (State/journal.json) and the file
// /etc/sysctl.d/90-weir-PROFILE.conf, by which the kernel's settings survive a
// restart of the machine; device and processor settings are applied anew by
// whoever starts weir. It must not know the server. One run at a time changes
// anything: a lock file keeps others out.
//
//	profile ──> rows: now, wanted, reason ──> apply ──> journal, sysctl.d, live values
//	                                            └─ a write that fails: everything as before
//	journal ──> revert ──> every value as it was before the first apply
package tune

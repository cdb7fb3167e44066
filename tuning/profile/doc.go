// Package profile reads tuning profiles: data files that say which kernel and
// device settings a kind of server wants, and why.
//
// It owns the format, the profiles that come with weir (data/*.conf) and the
// table of settings it knows, with the values that are safe. It must not look
// at the machine: what a value means there is package tune's business. It has
// no state; a Profile is not changed once loaded.
//
// # The format
//
//	# The first comment says what the profile is for.
//
//	include default            takes over everything another profile says
//
//	# The comment above a setting is its reason, shown by weir tune plan.
//	net.core.somaxconn = 16384
//	net.ipv4.tcp_mem = keep    leaves alone what the included profile sets
//
// A setting that an included profile has given a reason keeps it unless a
// comment stands above the new value. Values of sizes in pages may be shares
// of the memory ("3% 6% 9%").
package profile

// Package ndk is ndk.set_var: the functions of set_* directives, called from Lua.
//
// Which there are, and what they do, is the business of appliance/http/setmisc. The package has no state beyond the
// functions a VM has asked for; it runs on the worker's loop.
package ndk

// Weir is a web server and proxy that takes nginx.conf and Lua as they are.
//
// This package is the program: the command line, the version, and the wiring of
// the list of modules (appliance/stdmodules) to the processes
// (appliance/master, appliance/server). One binary is all of them:
//
//	weir -p PREFIX -c FILE        master; starts itself as the server process
//	weir -t | -T | -s | -v | -V   answers at once
//	weir demo                     a configuration of its own, for a first look
//	weir lua FILE                 runs a script without a server
//
// The options are nginx's, letter for letter. Nothing imports this package.
package main

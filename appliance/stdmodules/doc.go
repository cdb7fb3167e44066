// Package stdmodules is the one ordered list of HTTP modules of the binary.
// Handlers of a phase run in list order, and filters see a response in list
// order, so the order is part of the server's behaviour. It owns nothing at
// run time; appliance/cycle reads configurations with its Table.
package stdmodules

// Package refdoc renders docs/reference: every directive, variable, metric and
// Lua function of the binary, out of the tables that the program itself reads.
// A row without a Doc fails the tests, and so does a reference that is not what
// the tables say.
//
// The program appliance/refdoc/write puts the files in place; `make generate`
// runs it.
package refdoc

//go:generate go run ./write ../../docs/reference

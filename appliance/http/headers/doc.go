// Package headers is nginx's headers module: add_header, add_trailer, expires
// and their inheritance.
//
// It is a header filter and a body filter of main requests. The fields of a
// location are compiled when the configuration is read; sending them allocates
// nothing. Configurations that use none of the directives do not have the
// filters in their chain. The package knows the core only and runs on the
// request's worker.
package headers

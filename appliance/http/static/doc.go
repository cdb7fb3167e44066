// Package static serves files: the content handler that every location without
// another one ends in, as nginx's static module.
//
// It maps the path to a file by root or alias, opens it through the core (and
// so through the open file cache and disable_symlinks), and passes on one link
// for the whole file. How the bytes leave is the copy filter's business, which
// part of them the range filter's. It keeps nothing between requests and runs
// on the worker of the request.
package static

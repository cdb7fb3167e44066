// Package index is the content handler of paths that end in a slash: it looks
// for the files of the index directive in turn and redirects internally to the
// first that exists, as nginx's index module. A name that begins with a slash
// is redirected to without a look.
//
// It keeps nothing between requests; its files are tested through the core's
// open file cache.
package index

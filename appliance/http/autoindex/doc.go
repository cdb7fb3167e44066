// Package autoindex lists directories: the content handler of paths that end
// in a slash where no index file was found, with nginx's pages byte for byte,
// as HTML, JSON, JSONP or XML.
//
// A listing reads the directory and every entry's data on the worker, and
// takes its memory from the collector: it is not on the hot path. It keeps
// nothing between requests.
package autoindex

// Package mapping holds the directives that define a variable from another:
// map, geo and split_clients. Tables are built while the configuration is
// read and shared by all workers; looking a value up takes no lock and
// allocates nothing.
package mapping

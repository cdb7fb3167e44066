// Package deb reads and writes Debian binary packages (deb(5)): an ar archive
// of a version, a control tar and a data tar.
//
// It owns the formats, not what is in a package. What it writes depends on its
// input alone: owners are root and times are the one given.
package deb

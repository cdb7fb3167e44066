// Package inputs fetches what images are made of that is not built here:
// Debian packages, pinned by version and checksum.
//
// A package is taken from the cache, or from a Debian mirror: the one named,
// else the one this machine's apt uses. What arrives is checked before it is
// used. When a mirror has dropped the pinned version, the error names what it
// has instead, so that the pin can be moved.
package inputs

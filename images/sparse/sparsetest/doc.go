// Package sparsetest holds what the tests of the disk formats share: a disk to
// write, and what must be true of it then.
package sparsetest

// Package peertest finds and starts the programs of other makers that tests
// talk to: what .ci/need peers installs. A test that lacks one is skipped and
// says which. Only tests import the package.
package peertest

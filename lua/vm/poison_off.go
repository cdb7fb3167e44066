//go:build !weirdebug

package vm

// poisonFreed makes freed registers unusable in the test build of tag weirdebug.
const poisonFreed = false

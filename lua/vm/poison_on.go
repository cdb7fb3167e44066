//go:build weirdebug

package vm

// poisonFreed makes freed registers unusable: whatever still reads one meets a value of no type.
const poisonFreed = true

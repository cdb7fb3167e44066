package vm

import (
	"hash/maphash"
	"math/bits"
)

var hashSeed = maphash.Bytes(maphash.MakeSeed(), []byte("weir"))

// mix folds the 128-bit product of two words.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

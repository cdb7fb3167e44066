// Package gcm512 is AES-GCM on 512-bit registers: four blocks to an
// instruction, sixteen to a turn of the loop (VAES, VPCLMULQDQ, AVX-512).
//
// It is for records: the nonce has twelve bytes and the tag sixteen. On
// processors without these instructions New is not to be called; crypto/aes
// is its twin, and the tests hold every length and both directions against it.
//
// # Counting
//
// A message's blocks are numbered from 2, since block 1 masks the tag (NIST
// SP 800-38D section 7). Whole turns go through seal16 or open16. What is left
// is fewer than 256 bytes: its key stream is made at once, by stream16.
//
// # Hashing
//
// GHASH is the sum of Xi times H^(n+1-i). A turn multiplies its sixteen blocks
// by H^16 to H^1, which stand in the key in that order, adds, and reduces
// once. A last, shorter turn is filled up with zero blocks in front, which add
// nothing: the powers behind them are the right ones.
//
// Values are kept with their bytes reversed, so that coefficients run in the
// machine's order from one end to the other. Read that way the product of two
// values lacks a factor x, so every power of H carries one more; the field's
// polynomial reads x^128 + x^127 + x^126 + x^121 + 1, and the lower half of a
// product is folded in two steps of 64 bits each:
//
//	middle += swap(low) + low[0:64] * 0xc2<<56
//	high   += swap(middle) + middle[0:64] * 0xc2<<56
//
// # Time
//
// Nothing depends on key or data: no table look-ups, no branches but on
// lengths and the key's size.
package gcm512

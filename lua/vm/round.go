package vm

import (
	"math"
	"math/bits"
)

// LuaJIT rounds a number that stands exactly in the middle between two decimals away from zero ("%.2f" of 0.125 is
// 0.13), C and Go to the even one. Numbers in the middle are recognised here and moved by the smallest step, so that
// Go rounds them that way, too.

// roundFixed prepares f for prec digits after the point.
func roundFixed(f float64, prec int) float64 {
	// n/2^k with odd n has exactly k digits after the point, the last of them a five.
	if _, e := oddPart(f); e < 0 && e == -prec-1 {
		return math.Nextafter(f, math.Copysign(math.Inf(1), f))
	}
	return f
}

// roundExp prepares f for one digit before and prec digits after the point of a decimal with an exponent.
func roundExp(f float64, prec int) float64 {
	m, e := oddPart(f)
	if e < 0 {
		exp := prec + e + 1 // the decimal exponent at which the five is the digit to drop
		if exp < -22 || exp > 22 || !hasExponent(f, exp) {
			return f
		}
	} else if !intTie(m, e, prec) {
		return f
	}
	return math.Nextafter(f, math.Copysign(math.Inf(1), f))
}

// oddPart splits a finite number: |f| is m times 2^e, and m is odd or zero.
func oddPart(f float64) (m uint64, e int) {
	b := math.Float64bits(f)
	m = b & (1<<52 - 1)
	exp := int(b>>52) & 0x7ff
	if exp != 0 {
		m |= 1 << 52
	} else {
		exp = 1
	}
	if m == 0 {
		return 0, 0
	}
	tz := bits.TrailingZeros64(m)
	return m >> tz, exp - 1075 + tz
}

// hasExponent reports whether exp is the decimal exponent of f.
func hasExponent(f float64, exp int) bool {
	f = math.Abs(f)
	return f >= math.Pow10(exp) && f < math.Pow10(exp+1)
}

// intTie tells whether the integer m times 2^e, of more than prec+1 digits, continues with a five and zeros.
func intTie(m uint64, e, prec int) bool {
	if m == 0 || e > bits.LeadingZeros64(m) {
		return false // zero, or beyond 2^64
	}
	m <<= e
	unit := uint64(1) // of the last digit kept
	for m/unit >= 10 {
		unit *= 10
	}
	for ; prec > 0 && unit > 1; prec-- {
		unit /= 10
	}
	return unit > 1 && m%unit == unit/2
}

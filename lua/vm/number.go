package vm

import (
	"math"
	"strconv"
)

func isSpace(c byte) bool { return c == ' ' || c >= 9 && c <= 13 }

// parseInfNaN accepts the words inf, infinity and nan, as LuaJIT's tonumber does.
func parseInfNaN(t string, neg bool) (float64, bool) {
	lower := make([]byte, 0, 8)
	for i := 0; i < len(t) && i < 9; i++ {
		lower = append(lower, t[i]|32)
	}
	f := 0.0
	switch string(lower) {
	case "inf", "infinity":
		f = math.Inf(1)
	case "nan":
		return math.NaN(), true
	default:
		return 0, false
	}
	if neg {
		f = -f
	}
	return f, true
}

// parseHex converts hexadecimal digits with an optional fraction and binary exponent.
func parseHex(t string) (float64, bool) {
	mant, exp, digits, dot := uint64(0), 0, 0, false
	sticky := false
	i := 0
	for ; i < len(t); i++ {
		c := int(t[i])
		if c == '.' {
			if dot {
				return 0, false
			}
			dot = true
			continue
		}
		d := hexVal(c)
		if d < 0 {
			break
		}
		digits++
		if mant>>60 == 0 {
			mant = mant<<4 | uint64(d)
			if dot {
				exp -= 4
			}
		} else {
			sticky = sticky || d != 0
			if !dot {
				exp += 4
			}
		}
	}
	if digits == 0 {
		return 0, false
	}
	if sticky {
		mant |= 1
	}
	if i < len(t) {
		if t[i]|32 != 'p' {
			return 0, false
		}
		e, err := strconv.Atoi(t[i+1:])
		if err != nil && err.(*strconv.NumError).Err != strconv.ErrRange || i+1 == len(t) {
			return 0, false
		}
		exp += e
	}
	return math.Ldexp(float64(mant), exp), true
}

// formatNumber is tostring of a number: %.14g with the language's spelling of the infinities.
func formatNumber(f float64) string {
	if i := int64(f); float64(i) == f && i > -1e14 && i < 1e14 {
		if i == 0 && math.Signbit(f) {
			return "-0"
		}
		if uint64(i) < uint64(len(smallInts)) {
			return smallInts[i]
		}
		return strconv.FormatInt(i, 10)
	}
	var b [32]byte
	return string(appendNumber(b[:0], f))
}

// smallInts are the texts of the integers that need no formatting.
var smallInts = func() (t [1000]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return
}()

// appendNumber appends what formatNumber returns.
func appendNumber(b []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i > -1e14 && i < 1e14 {
		if i == 0 && math.Signbit(f) {
			return append(b, "-0"...)
		}
		return strconv.AppendInt(b, i, 10)
	}
	return appendG(b, f, 14, false)
}

// appendInfNaN appends the spelling of a number that is not finite; ok is false for a finite one.
func appendInfNaN(b []byte, f float64) ([]byte, bool) {
	switch {
	case f != f:
		return append(b, "nan"...), true
	case math.IsInf(f, 1):
		return append(b, "inf"...), true
	case math.IsInf(f, -1):
		return append(b, "-inf"...), true
	}
	return b, false
}

// appendG appends f as C's %.<prec>g does (alt: %#g keeps trailing zeros).
func appendG(b []byte, f float64, prec int, alt bool) []byte {
	if b, ok := appendInfNaN(b, f); ok {
		return b
	}
	if prec == 0 {
		prec = 1
	}
	start := len(b)
	f = roundExp(f, prec-1)
	b = strconv.AppendFloat(b, f, 'e', prec-1, 64)
	// Find the exponent that rounding left.
	e := len(b) - 1
	for b[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(b[e+1:]))
	if exp < -4 || exp >= prec {
		digits := b[start:e]
		if !alt {
			digits = trimZeros(digits)
		}
		var tail [8]byte
		t := append(tail[:0], 'e')
		if exp < 0 {
			t = append(t, '-')
			exp = -exp
		} else {
			t = append(t, '+')
		}
		if exp < 10 {
			t = append(t, '0')
		}
		t = strconv.AppendInt(t, int64(exp), 10)
		return append(b[:start+len(digits)], t...)
	}
	b = strconv.AppendFloat(b[:start], f, 'f', prec-1-exp, 64)
	if !alt {
		b = b[:start+len(trimZeros(b[start:]))]
	}
	return b
}

// trimZeros drops the zeros at the end of a fraction, and its dot.
func trimZeros(d []byte) []byte {
	dot := false
	for _, c := range d {
		dot = dot || c == '.'
	}
	if !dot {
		return d
	}
	n := len(d)
	for d[n-1] == '0' {
		n--
	}
	if d[n-1] == '.' {
		n--
	}
	return d[:n]
}

// Float64 arithmetic has no Lua modulo: the result takes the sign of the divisor.
func luaMod(a, b float64) float64 {
	if ia, ib := int64(a), int64(b); float64(ia) == a && float64(ib) == b && ib != 0 && ia > -1<<53 && ia < 1<<53 && ib > -1<<53 && ib < 1<<53 {
		r := ia % ib
		if r == 0 {
			if ia == 0 && math.Signbit(a) || ib < 0 {
				return modZero(a, b)
			}
			return 0
		}
		if r^ib < 0 {
			r += ib
		}
		return float64(r)
	}
	return modZero(a, b)
}

// modZero is a - floor(a/b)*b, the definition LuaJIT's interpreter computes.
func modZero(a, b float64) float64 { return a - math.Floor(a/b)*b }

// toInt converts a number to an int where it has an exact one.
func toInt(f float64) (int, bool) {
	i := int(f)
	return i, float64(i) == f
}

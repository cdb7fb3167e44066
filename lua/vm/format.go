package vm

import (
	"math"
	"strconv"
)

// spec is one conversion of a format string.
type spec struct {
	minus, plus, space, alt, zero bool
	width, prec                   int // prec -1: none
	conv                          byte
}

// parseSpec reads the conversion at f[i], after the percent sign.
func (l *State) parseSpec(f string, i int) (spec, int) {
	s := spec{prec: -1}
	start := i
	for ; i < len(f); i++ {
		switch f[i] {
		case '-':
			s.minus = true
			continue
		case '+':
			s.plus = true
			continue
		case ' ':
			s.space = true
			continue
		case '#':
			s.alt = true
			continue
		case '0':
			s.zero = true
			continue
		}
		break
	}
	num := func() int {
		n, digits := 0, 0
		for i < len(f) && isDigit(int(f[i])) && digits < 2 {
			n = n*10 + int(f[i]-'0')
			i++
			digits++
		}
		return n
	}
	s.width = num()
	if i < len(f) && f[i] == '.' {
		i++
		s.prec = num()
	}
	if i < len(f) {
		s.conv = f[i]
	} else {
		l.badFormat(f, start, i)
	}
	return s, i + 1
}

// badFormat raises the error for the conversion f[start:] of which f[end] cannot be.
func (l *State) badFormat(f string, start, end int) {
	l.Errorf("%s", "invalid option '%"+f[start:min(end+1, len(f))]+"' to 'format'")
}

func strFormat(l *State) int {
	f := l.CheckString(1)
	b := l.vm.buf[:0]
	l.vm.buf = nil // __tostring may format, too
	arg := 1
	for i := 0; i < len(f); {
		c := f[i]
		if c != '%' {
			j := i + 1
			for j < len(f) && f[j] != '%' {
				j++
			}
			b = append(b, f[i:j]...)
			i = j
			continue
		}
		i++
		if i < len(f) && f[i] == '%' {
			b = append(b, '%')
			i++
			continue
		}
		start := i
		// The bare conversions need no parsing.
		s := spec{prec: -1}
		if i < len(f) && (f[i] == 's' || f[i] == 'd') {
			s.conv = f[i]
			i++
		} else {
			s, i = l.parseSpec(f, i)
		}
		arg++
		b = l.formatArg(b, s, arg, f[start:i])
		l.CheckLength(len(b))
	}
	l.vm.keepBuf(b)
	l.PushBytes(b)
	return 1
}

// formatArg appends the conversion of argument arg; text is how it is written, for messages.
func (l *State) formatArg(b []byte, s spec, arg int, text string) []byte {
	switch s.conv {
	case 'd', 'i':
		return appendInteger(b, s, l.formatInt(arg))
	case 'u':
		return appendUnsigned(b, s, uint64(l.formatInt(arg)), 10, "")
	case 'o':
		return appendUnsigned(b, s, uint64(l.formatInt(arg)), 8, "0")
	case 'x':
		return appendUnsigned(b, s, uint64(l.formatInt(arg)), 16, "0x")
	case 'X':
		return appendUnsigned(b, s, uint64(l.formatInt(arg)), 16, "0X")
	case 'c':
		return pad(b, s, []byte{byte(l.formatInt(arg))}, false)
	case 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A':
		return appendFloat(b, s, l.formatNum(arg))
	case 'q':
		return appendQuoted(b, l.CheckString(arg))
	case 'p':
		v := l.CheckAny(arg)
		return pad(b, s, []byte("0x"+pad8(strconv.FormatUint(uint64(v.pointer()), 16))), false)
	case 's':
		if !l.HasArg(arg) {
			l.ArgError(arg, "value expected")
		}
		v := l.ToString(l.Arg(arg))
		str, ok := v.AsString()
		if !ok {
			if !v.isNum() {
				l.Errorf("'tostring' must return a string to 'format'")
			}
			str = formatNumber(v.num())
		}
		if s.prec >= 0 && s.prec < len(str) {
			str = str[:s.prec]
		}
		if s.width <= len(str) {
			return append(b, str...)
		}
		return pad(b, s, []byte(str), false)
	}
	l.badFormat(text, 0, len(text)-1)
	return nil
}

func pad8(s string) string {
	for len(s) < 8 {
		s = "0" + s
	}
	return s
}

func (l *State) formatNum(arg int) float64 {
	if !l.HasArg(arg) {
		l.ArgError(arg, "number expected, got no value")
	}
	return l.CheckNumber(arg)
}

// formatInt converts an argument for the integer conversions, as a C cast on the machines LuaJIT runs on.
func (l *State) formatInt(arg int) int64 {
	if l.base+arg-1 >= l.top {
		l.ArgError(arg, "value expected")
	}
	f := l.CheckNumber(arg)
	if f >= 1<<63 {
		if f < 1<<64 {
			return int64(uint64(f))
		}
		return math.MinInt64
	}
	if f != f || f < -(1<<63) {
		return math.MinInt64
	}
	return int64(f)
}

// pad appends text in the field width; zero padding goes after a sign when numeric.
func pad(b []byte, s spec, text []byte, numeric bool) []byte {
	n := s.width - len(text)
	if n <= 0 {
		return append(b, text...)
	}
	if s.minus {
		b = append(b, text...)
		for ; n > 0; n-- {
			b = append(b, ' ')
		}
		return b
	}
	if s.zero && numeric {
		p := 0
		if len(text) > 0 && (text[0] == '-' || text[0] == '+' || text[0] == ' ') {
			p = 1
		}
		if len(text) > p+1 && text[p] == '0' && text[p+1]|32 == 'x' {
			p += 2
		}
		b = append(b, text[:p]...)
		for ; n > 0; n-- {
			b = append(b, '0')
		}
		return append(b, text[p:]...)
	}
	for ; n > 0; n-- {
		b = append(b, ' ')
	}
	return append(b, text...)
}

func sign(t []byte, s spec, neg bool) []byte {
	switch {
	case neg:
		return append(t, '-')
	case s.plus:
		return append(t, '+')
	case s.space:
		return append(t, ' ')
	}
	return t
}

func appendInteger(b []byte, s spec, v int64) []byte {
	if s.width == 0 && s.prec < 0 && !s.plus && !s.space {
		return strconv.AppendInt(b, v, 10)
	}
	var tmp [128]byte
	u := uint64(v)
	if v < 0 {
		u = -u
	}
	t := digits(sign(tmp[:0], s, v < 0), s, u, 10)
	return pad(b, s, t, s.prec < 0)
}

// digits appends u with at least prec digits.
func digits(t []byte, s spec, u uint64, base int) []byte {
	var d [64]byte
	ds := strconv.AppendUint(d[:0], u, base)
	if s.prec == 0 && u == 0 {
		ds = ds[:0]
	}
	for n := s.prec - len(ds); n > 0; n-- {
		t = append(t, '0')
	}
	return append(t, ds...)
}

func appendUnsigned(b []byte, s spec, u uint64, base int, prefix string) []byte {
	var tmp [128]byte
	t := tmp[:0]
	if s.alt && u != 0 {
		t = append(t, prefix...)
	}
	t = digits(t, s, u, base)
	if prefix == "0X" {
		for i, c := range t {
			if c >= 'a' && c <= 'f' {
				t[i] = c &^ 32
			}
		}
	}
	return pad(b, s, t, s.prec < 0)
}

func appendFloat(b []byte, s spec, f float64) []byte {
	var tmp [512]byte
	t := tmp[:0]
	neg := math.Signbit(f) && f == f
	t = sign(t, s, neg)
	a := math.Abs(f)
	if r, ok := appendInfNaN(t, a); ok {
		s.zero = false
		return pad(b, s, upperIf(r, s.conv), false)
	}
	prec := s.prec
	if prec < 0 && s.conv|32 != 'a' {
		prec = 6
	}
	switch s.conv | 32 {
	case 'e':
		t = appendE(t, a, prec, s.alt)
	case 'f':
		t = strconv.AppendFloat(t, roundFixed(a, prec), 'f', prec, 64)
		if s.alt && prec == 0 {
			t = append(t, '.')
		}
	case 'g':
		t = appendG(t, a, prec, s.alt)
	case 'a':
		t = appendHexFloat(t, a, prec)
	}
	return pad(b, s, upperIf(t, s.conv), true)
}

func upperIf(t []byte, conv byte) []byte {
	if conv >= 'a' {
		return t
	}
	for i, c := range t {
		if c >= 'a' && c <= 'z' {
			t[i] = c &^ 32
		}
	}
	return t
}

// appendE is C's %e: an exponent of at least two digits.
func appendE(t []byte, f float64, prec int, alt bool) []byte {
	t = strconv.AppendFloat(t, roundExp(f, prec), 'e', prec, 64)
	if alt && prec == 0 {
		for i := len(t) - 1; i > 0; i-- {
			if t[i] == 'e' {
				return append(t[:i], append([]byte{'.'}, t[i:]...)...)
			}
		}
	}
	return t
}

// appendHexFloat is %a as LuaJIT prints it: rounding may carry into the digit before the point, and the exponent has
// no leading zeros. f is finite and not negative; prec -1 means as many digits as needed.
func appendHexFloat(t []byte, f float64, prec int) []byte {
	var mant uint64
	exp := 0
	if f != 0 {
		fr, e := math.Frexp(f)
		mant, exp = uint64(fr*(1<<53)), e-1
	}
	digits := 13
	if prec >= 0 && prec < 13 {
		drop := uint(13-prec) * 4
		half := uint64(1) << (drop - 1)
		rest := mant & (1<<drop - 1)
		mant >>= drop
		if rest > half || rest == half && mant&1 != 0 {
			mant++
		}
		digits = prec
	}
	t = append(t, '0', 'x', byte('0'+mant>>(uint(digits)*4)))
	var frac [13]byte
	for i := digits - 1; i >= 0; i-- {
		frac[i] = "0123456789abcdef"[mant&15]
		mant >>= 4
	}
	n := digits
	if prec < 0 {
		for n > 0 && frac[n-1] == '0' {
			n--
		}
	}
	if n > 0 || prec > 0 {
		t = append(t, '.')
		t = append(t, frac[:n]...)
		for ; n < prec; n++ {
			t = append(t, '0')
		}
	}
	t = append(t, 'p')
	if exp >= 0 {
		t = append(t, '+')
	}
	return strconv.AppendInt(t, int64(exp), 10)
}

// appendQuoted is %q: a string literal that reads back as s.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '\n':
			b = append(b, '\\', c)
		case c < 32 || c == 127:
			b = append(b, '\\')
			if i+1 < len(s) && isDigit(int(s[i+1])) {
				b = append(b, '0'+c/100, '0'+c/10%10, '0'+c%10)
			} else {
				b = strconv.AppendUint(b, uint64(c), 10)
			}
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

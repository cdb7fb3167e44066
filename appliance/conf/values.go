package conf

import (
	"math"
	"strings"
)

// ParseNum reads a decimal number without a sign.
func ParseNum(s string) (n int, ok bool) {
	v, ok := digits(s)
	return int(v), ok
}

// ParseFlag reads "on" or "off" in any case.
func ParseFlag(s string) (on, ok bool) {
	on = strings.EqualFold(s, "on")
	return on, on || strings.EqualFold(s, "off")
}

// ParseSize reads a number of bytes with an optional suffix k or m. (There is no g: nginx
// has it for offsets only.)
func ParseSize(s string) (n int64, ok bool) { return scaled(s, "km") }

// ParseOffset reads a number of bytes with an optional suffix k, m or g.
func ParseOffset(s string) (n int64, ok bool) { return scaled(s, "kmg") }

// scaled reads digits and at most one suffix; each suffix is 1024 times the one before.
func scaled(s, suffixes string) (int64, bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte(suffixes, s[len(s)-1]|0x20); i >= 0 {
			shift = 10 * (i + 1)
			s = s[:len(s)-1]
		}
	}
	n, ok := digits(s)
	if !ok || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// digits reads one or more decimal digits and nothing else.
func digits(s string) (n int64, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// timeUnit is one suffix of a time. Units must come with rising rank, each at most once.
type timeUnit struct {
	suffix string
	rank   int
	ms     int64 // its length
}

const secondRank = 7

// timeUnits has "ms" before "m", so that the first suffix that fits is the right one. A
// space ends a number that counts seconds, after which no suffix may follow.
var timeUnits = [...]timeUnit{
	{"ms", 8, 1},
	{"y", 1, 365 * 24 * 3600 * 1000},
	{"M", 2, 30 * 24 * 3600 * 1000},
	{"w", 3, 7 * 24 * 3600 * 1000},
	{"d", 4, 24 * 3600 * 1000},
	{"h", 5, 3600 * 1000},
	{"m", 6, 60 * 1000},
	{"s", secondRank, 1000},
	{" ", 9, 1000},
}

// allowed tells whether the unit may follow one of rank last.
func (u *timeUnit) allowed(last int) bool {
	if u.suffix == " " {
		return last < secondRank
	}
	return last < u.rank
}

// ParseTime reads a time as "1h30m", "1d 12h" or "90"; a bare number counts seconds. With
// sec the result is in seconds and years and months are allowed but not milliseconds;
// otherwise it is in milliseconds and the longest unit is the week.
func ParseTime(s string, sec bool) (t int64, ok bool) {
	unitMs, last := int64(1), 2
	if sec {
		unitMs, last = 1000, 0
	}
	seen := false
	for s != "" {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		var n int64
		if i > 0 {
			if n, ok = digits(s[:i]); !ok {
				return 0, false
			}
			seen = true
		}
		s = s[i:]
		scale := int64(1000) // a number at the end counts seconds
		if s != "" {
			u := unitOf(s)
			if u == nil || !u.allowed(last) || u.ms < unitMs {
				return 0, false
			}
			last, scale = u.rank, u.ms
			s = strings.TrimLeft(s[len(u.suffix):], " ")
		}
		scale /= unitMs
		if n > (math.MaxInt64-t)/scale {
			return 0, false
		}
		t += n * scale
	}
	return t, seen
}

// unitOf returns the unit s begins with.
func unitOf(s string) *timeUnit {
	for i := range timeUnits {
		if strings.HasPrefix(s, timeUnits[i].suffix) {
			return &timeUnits[i]
		}
	}
	return nil
}

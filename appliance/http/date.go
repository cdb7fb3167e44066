package http

import "bytes"

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
	daySeconds = 24 * 60 * 60
)

// AppendHTTPTime appends Unix seconds as RFC 9110 dates are written: "Sun, 06
// Nov 1994 08:49:37 GMT".
func AppendHTTPTime(dst []byte, sec int64) []byte {
	days := sec / daySeconds
	rest := sec % daySeconds
	if rest < 0 {
		rest += daySeconds
		days--
	}
	wday := (days%7 + 4 + 7) % 7 // 1 January 1970 was a Thursday
	year, month, day := civil(days)
	dst = append(dst, dayNames[3*wday:3*wday+3]...)
	dst = append(dst, ", "...)
	dst = append(appendTwo(dst, day), ' ')
	dst = append(dst, monthNames[3*month:3*month+3]...)
	dst = append(dst, ' ')
	dst = append(appendTwo(appendTwo(dst, year/100%100), year%100), ' ')
	dst = append(appendTwo(dst, rest/3600), ':')
	dst = append(appendTwo(dst, rest/60%60), ':')
	dst = appendTwo(dst, rest%60)
	return append(dst, " GMT"...)
}

func appendTwo(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// civil turns days since 1970 into a date of the Gregorian calendar; month
// counts from 0. Years begin in March here, so that the leap day is the last.
func civil(days int64) (year, month, day int64) {
	days += 719468 // from 1 March 0000
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	year, month = yoe+era*400, mp+2
	if month >= 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// daysOf is the reverse of civil.
func daysOf(year, month, day int64) int64 {
	mp := month - 2
	if mp < 0 {
		mp += 12
		year--
	}
	era := year / 400
	yoe := year % 400
	doy := (153*mp+2)/5 + day - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// ParseHTTPTime reads a date in any of the three forms of RFC 9110 section
// 5.6.7; -1 when it is none. As with nginx, the name of the day and what
// follows the time ("GMT", and parameters of old browsers) are not looked at.
func ParseHTTPTime(b []byte) int64 {
	p := dateReader{b: b}
	if _, after, ok := bytes.Cut(b, []byte{','}); ok {
		p.b = bytes.TrimLeft(after, " ")
		p.dayFirst()
	} else {
		p.monthFirst()
	}
	if p.bad || p.hour > 23 || p.minute > 59 || p.second > 59 || p.day < 1 || p.day > monthDays(p.year, p.mon) {
		return -1
	}
	return ((daysOf(p.year, p.mon, p.day)*24+p.hour)*60+p.minute)*60 + p.second
}

// dayFirst reads "06 Nov 1994 08:49:37", and "06-Nov-94 08:49:37" of RFC 850.
func (p *dateReader) dayFirst() {
	p.day = p.number(2)
	if len(p.b) > 0 && p.b[0] == '-' {
		p.skip('-')
		p.mon = p.month()
		p.skip('-')
		if p.year = p.number(2) + 1900; p.year < 1970 {
			p.year += 100
		}
	} else {
		p.skip(' ')
		p.mon = p.month()
		p.skip(' ')
		p.year = p.number(4)
	}
	p.clock()
}

// monthFirst reads "Sun Nov  6 08:49:37 1994", which asctime writes.
func (p *dateReader) monthFirst() {
	if len(p.b) < 4 || p.b[3] != ' ' {
		p.bad = true
		return
	}
	p.b = p.b[4:]
	p.mon = p.month()
	p.skip(' ')
	if len(p.b) > 0 && p.b[0] == ' ' {
		p.b = p.b[1:]
		p.day = p.number(1)
	} else {
		p.day = p.number(2)
	}
	p.clock()
	p.skip(' ')
	p.year = p.number(4)
}

// clock reads " 08:49:37".
func (p *dateReader) clock() {
	p.skip(' ')
	p.hour = p.number(2)
	p.skip(':')
	p.minute = p.number(2)
	p.skip(':')
	p.second = p.number(2)
}

func monthDays(year, month int64) int64 {
	switch month {
	case 1:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 3, 5, 8, 10:
		return 30
	}
	return 31
}

// dateReader takes a date apart from the front.
type dateReader struct {
	b   []byte
	bad bool // something was not as expected

	year, mon, day, hour, minute, second int64 // mon counts from 0
}

func (p *dateReader) skip(c byte) {
	if len(p.b) == 0 || p.b[0] != c {
		p.bad = true
		return
	}
	p.b = p.b[1:]
}

// number reads n digits.
func (p *dateReader) number(n int) (v int64) {
	if len(p.b) < n {
		p.bad = true
		return 0
	}
	for _, c := range p.b[:n] {
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = v*10 + int64(c-'0')
	}
	p.b = p.b[n:]
	return v
}

// month reads the name of a month and returns its number, January being 0.
func (p *dateReader) month() int64 {
	if len(p.b) >= 3 {
		for m := range int64(12) {
			if monthNames[3*m:3*m+3] == string(p.b[:3]) {
				p.b = p.b[3:]
				return m
			}
		}
	}
	p.bad = true
	return 0
}

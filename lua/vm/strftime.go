package vm

import (
	"fmt"
	"strconv"
	"time"
)

// strftime appends tm in the format of the C function in the C locale.
func strftime(b []byte, f string, tm time.Time) []byte {
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 == len(f) {
			b = append(b, f[i])
			continue
		}
		i++
		b = strftime1(b, f[i], tm)
	}
	return b
}

func strftime1(b []byte, c byte, tm time.Time) []byte {
	if layout, ok := timeLayouts[c]; ok {
		return tm.AppendFormat(b, layout)
	}
	pad := func(n int) []byte { return fmt.Appendf(b, "%02d", n) }
	yday, wday := tm.YearDay()-1, int(tm.Weekday())
	switch c {
	case 'C':
		return pad(tm.Year() / 100)
	case 'e':
		return fmt.Appendf(b, "%2d", tm.Day())
	case 'G':
		y, _ := tm.ISOWeek()
		return strconv.AppendInt(b, int64(y), 10)
	case 'g':
		y, _ := tm.ISOWeek()
		return pad(y % 100)
	case 'V':
		_, w := tm.ISOWeek()
		return pad(w)
	case 'I':
		h := tm.Hour() % 12
		if h == 0 {
			h = 12
		}
		return pad(h)
	case 'j':
		return fmt.Appendf(b, "%03d", yday+1)
	case 'n':
		return append(b, '\n')
	case 't':
		return append(b, '\t')
	case 's':
		return strconv.AppendInt(b, tm.Unix(), 10)
	case 'u':
		if wday == 0 {
			wday = 7
		}
		return strconv.AppendInt(b, int64(wday), 10)
	case 'w':
		return strconv.AppendInt(b, int64(wday), 10)
	case 'U':
		return pad((yday + 7 - wday) / 7)
	case 'W':
		return pad((yday + 7 - (wday+6)%7) / 7)
	case '%':
		return append(b, '%')
	}
	return append(b, '%', c)
}

// timeLayouts are the conversions that Go's formatting expresses.
var timeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'F': "2006-01-02", 'H': "15", 'm': "01", 'M': "04", 'p': "PM",
	'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

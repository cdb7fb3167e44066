package setmisc

import (
	"fmt"
	"time"

	"weir/appliance/http"
)

func localToday(r *http.Request, _ [][]byte) ([]byte, bool) {
	return time.Unix(r.Worker().Loop.Unix(), 0).AppendFormat(r.Alloc(10)[:0], "2006-01-02"), true
}

// maxTime is the longest text that a format may make.
const maxTime = 80

func formattedTime(local bool) func(*http.Request, [][]byte) ([]byte, bool) {
	return func(r *http.Request, args [][]byte) ([]byte, bool) {
		if len(args[0]) == 0 {
			return nil, true
		}
		t := time.Unix(r.Worker().Loop.Unix(), 0)
		if !local {
			t = t.UTC()
		}
		out := appendTime(r.Alloc(maxTime)[:0], args[0], t)
		return out, len(out) > 0 && len(out) < maxTime
	}
}

// layouts are the conversions of strftime() in the C locale that Go has a
// layout for.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'F': "2006-01-02", 'h': "Jan", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'P': "pm",
	'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// appendTime formats t. A conversion that does not exist stays as it is.
func appendTime(out, format []byte, t time.Time) []byte {
	for i := 0; i < len(format) && len(out) < maxTime; i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			out = append(out, c)
			continue
		}
		i++
		if l := layouts[format[i]]; l != "" {
			out = t.AppendFormat(out, l)
			continue
		}
		out = appendOther(out, format[i], t)
	}
	return out
}

// appendOther formats the conversions without a layout.
func appendOther(out []byte, c byte, t time.Time) []byte {
	isoYear, isoWeek := t.ISOWeek()
	hour12 := (t.Hour()+11)%12 + 1
	weekday := int(t.Weekday())
	switch c {
	case '%':
		return append(out, '%')
	case 'n':
		return append(out, '\n')
	case 't':
		return append(out, '\t')
	case 'C':
		return fmt.Appendf(out, "%02d", t.Year()/100)
	case 'g':
		return fmt.Appendf(out, "%02d", isoYear%100)
	case 'G':
		return fmt.Appendf(out, "%d", isoYear)
	case 'k':
		return fmt.Appendf(out, "%2d", t.Hour())
	case 'l':
		return fmt.Appendf(out, "%2d", hour12)
	case 's':
		return fmt.Appendf(out, "%d", t.Unix())
	case 'u':
		return fmt.Appendf(out, "%d", (weekday+6)%7+1)
	case 'U':
		return fmt.Appendf(out, "%02d", (t.YearDay()+6-weekday)/7)
	case 'V':
		return fmt.Appendf(out, "%02d", isoWeek)
	case 'w':
		return fmt.Appendf(out, "%d", weekday)
	case 'W':
		return fmt.Appendf(out, "%02d", (t.YearDay()+6-(weekday+6)%7)/7)
	}
	return append(out, '%', c)
}

package ranges

import (
	"math"
	"slices"
	"testing"

	"weir/appliance/http"
)

const unsatisfiable = http.StatusRangeNotSatisfiable

var cases = []struct {
	name   string
	list   string
	length int64
	most   int
	want   []span
	code   http.Code
}{
	{"first bytes", "0-99", 1000, 10, []span{{0, 100}}, http.OK},
	{"one byte", "0-0", 1000, 10, []span{{0, 1}}, http.OK},
	{"to the end", "900-", 1000, 10, []span{{900, 1000}}, http.OK},
	{"past the end", "900-5000", 1000, 10, []span{{900, 1000}}, http.OK},
	{"last bytes", "-100", 1000, 10, []span{{900, 1000}}, http.OK},
	{"more last bytes than there are", "-5000", 1000, 10, []span{{0, 1000}}, http.OK},
	{"no last bytes", "-0", 1000, 10, nil, unsatisfiable},
	{"behind the end", "1000-", 1000, 10, nil, unsatisfiable},
	{"far behind the end", "5000-6000", 1000, 10, nil, unsatisfiable},
	{"backwards", "100-50", 1000, 10, nil, unsatisfiable},
	{"an empty body", "0-", 0, 10, nil, http.Declined},
	{"spaces", " 0 - 9 , 20 - 29 ", 1000, 10, []span{{0, 10}, {20, 30}}, http.OK},
	{"two", "0-9,20-29", 1000, 10, []span{{0, 10}, {20, 30}}, http.OK},
	{"out of order", "20-29,0-9", 1000, 10, []span{{20, 30}, {0, 10}}, http.OK},
	{"one of two behind the end", "0-9,2000-", 1000, 10, []span{{0, 10}}, http.OK},
	{"more than allowed", "0-1,3-4,6-7", 1000, 2, nil, http.Declined},
	{"together longer than the body", "0-999,0-9", 1000, 10, nil, http.Declined},
	{"many small ones without a limit", "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
		100, math.MaxInt32, nil, http.Declined},
	{"nothing", "", 1000, 10, nil, unsatisfiable},
	{"a minus alone", "-", 1000, 10, nil, unsatisfiable},
	{"no minus", "5", 1000, 10, nil, unsatisfiable},
	{"letters", "a-b", 1000, 10, nil, unsatisfiable},
	{"letters behind", "0-5x", 1000, 10, nil, unsatisfiable},
	{"a comma too many", "0-5,", 1000, 10, nil, unsatisfiable},
	{"overflow", "0-9223372036854775808", 1000, 10, nil, unsatisfiable},
	{"the largest number", "0-9223372036854775807", 1000, 10, []span{{0, 1000}}, http.OK},
	{"overflow of the sum", "-9223372036854775807,-9223372036854775807,-1", 9223372036854775807, 10, nil, unsatisfiable},
}

func TestListsOfRangesAreReadAsNginxDoes(t *testing.T) {
	for _, c := range cases {
		got, rc := parse(nil, []byte(c.list), c.length, c.most)
		if rc != c.code {
			t.Errorf("%s: %q: code %d, want %d", c.name, c.list, rc, c.code)
			continue
		}
		if rc == http.OK && !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: got %v, want %v", c.name, c.list, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add(c.list, c.length)
	}
	f.Fuzz(func(t *testing.T, list string, length int64) {
		if length < 0 {
			return
		}
		got, rc := parse(nil, []byte(list), length, 100)
		if rc != http.OK {
			return
		}
		if len(got) == 0 || len(got) > 100 {
			t.Fatalf("%d ranges", len(got))
		}
		for _, s := range got {
			if s.start < 0 || s.start >= s.end || s.end > length {
				t.Fatalf("range %v of a body of %d bytes", s, length)
			}
		}
	})
}

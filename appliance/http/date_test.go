package http

import (
	"testing"
	"time"
)

func TestHTTPTimeIsWrittenAsRFC9110Says(t *testing.T) {
	for _, sec := range []int64{0, 784111777, 951782400, 951868799, 4107542399, 1709164800, -1, 253402300799, 1763839906} {
		want := time.Unix(sec, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		if got := string(AppendHTTPTime(nil, sec)); got != want {
			t.Errorf("%d: got %q, want %q", sec, got, want)
		}
	}
}

func TestHTTPTimeIsReadInThreeForms(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Sun Nov 16 08:49:37 1994", 784111777 + 10*86400},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
		{"Fri, 01-Jan-38 00:00:00 GMT", 2145916800},
		{"Wed, 29 Feb 2023 00:00:00 GMT", -1},
		{"Sun, 06 Nov 1994 08:49:60 GMT", -1},
		{"Sun, 06 Nov 1994 24:49:37 GMT", -1},
		{"Sun, 00 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT; length=42", 784111777},
		{"Sun, 06 nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 08:49", -1},
		{"tomorrow", -1},
		{",", -1},
		{"", -1},
	} {
		if got := ParseHTTPTime([]byte(c.text)); got != c.want {
			t.Errorf("%q: got %d, want %d", c.text, got, c.want)
		}
	}
}

func TestHTTPTimeDoesNotAllocate(t *testing.T) {
	buf, text := make([]byte, 0, 64), []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	got := testing.AllocsPerRun(100, func() {
		buf = AppendHTTPTime(buf[:0], 784111777)
		ParseHTTPTime(text)
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func FuzzHTTPTime(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT", int64(784111777))
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT", int64(-1))
	f.Add("Sun Nov  6 08:49:37 1994", int64(951868799))
	f.Fuzz(func(t *testing.T, text string, sec int64) {
		ParseHTTPTime([]byte(text))
		if sec < -62135596800 || sec > 253402300799 { // years 1 to 9999
			return
		}
		b := AppendHTTPTime(nil, sec)
		if want := time.Unix(sec, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"); string(b) != want {
			t.Fatalf("%d: got %q, want %q", sec, b, want)
		}
		if got := ParseHTTPTime(b); got != sec {
			t.Fatalf("%q: got %d, want %d", b, got, sec)
		}
	})
}

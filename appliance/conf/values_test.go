package conf_test

import (
	"math"
	"testing"

	. "weir/appliance/conf"
)

func TestSizesAndOffsets(t *testing.T) {
	const bad = -1
	tests := []struct {
		in           string
		size, offset int64
	}{
		{"0", 0, 0},
		{"007", 7, 7},
		{"4096", 4096, 4096},
		{"1k", 1024, 1024},
		{"1K", 1024, 1024},
		{"3m", 3 << 20, 3 << 20},
		{"3M", 3 << 20, 3 << 20},
		{"2g", bad, 2 << 30},
		{"2G", bad, 2 << 30},
		{"1t", bad, bad},
		{"", bad, bad},
		{"k", bad, bad},
		{"-1", bad, bad},
		{"+1", bad, bad},
		{" 1", bad, bad},
		{"1 k", bad, bad},
		{"1kb", bad, bad},
		{"0x10", bad, bad},
		{"1.5m", bad, bad},
		{"9223372036854775807", math.MaxInt64, math.MaxInt64},
		{"9223372036854775808", bad, bad},
		{"9007199254740991k", math.MaxInt64 &^ 1023, math.MaxInt64 &^ 1023},
		{"9007199254740992k", bad, bad},
		{"99999999999999999999m", bad, bad},
	}
	for _, tt := range tests {
		if got, ok := ParseSize(tt.in); ok != (tt.size != bad) || ok && got != tt.size {
			t.Errorf("ParseSize(%q): got %d, %t, want %d", tt.in, got, ok, tt.size)
		}
		if got, ok := ParseOffset(tt.in); ok != (tt.offset != bad) || ok && got != tt.offset {
			t.Errorf("ParseOffset(%q): got %d, %t, want %d", tt.in, got, ok, tt.offset)
		}
	}
}

func TestTimes(t *testing.T) {
	const bad, day = -1, 24 * 3600
	tests := []struct {
		in        string
		sec, msec int64
	}{
		{"0", 0, 0},
		{"90", 90, 90000},
		{"90s", 90, 90000},
		{"5m", 300, 300000},
		{"1h30m", 5400, 5400000},
		{"1h 30m", 5400, 5400000},
		{"1h   30m   ", 5400, 5400000},
		{"1h 30", 3630, 3630000},
		{"10 ", 10, 10000},
		{"1d12h", day + day/2, 1000 * (day + day/2)},
		{"2w", 14 * day, 14 * day * 1000},
		{"1M", 30 * day, bad},
		{"1y", 365 * day, bad},
		{"1y2M3w4d5h6m7s", 450*day + 5*3600 + 6*60 + 7, bad},
		{"10ms", bad, 10},
		{"1s10ms", bad, 1010},
		{"1m10ms", bad, 60010},
		{"1w2d3h4m5s6ms", bad, 1000*(9*day+3*3600+4*60+5) + 6},
		{"1s500", 501, 501000},
		{"h", bad, bad},
		{"", bad, bad},
		{" ", bad, bad},
		{"1m1h", bad, bad},
		{"1s1s", bad, bad},
		{"1h1h", bad, bad},
		{"1ms1s", bad, bad},
		{"1 s", bad, bad},
		{"1  1m", bad, bad},
		{"-1", bad, bad},
		{"1x", bad, bad},
		{"1H", bad, bad},
		{"1.5s", bad, bad},
		{"9223372036854775807", math.MaxInt64, bad},
		{"9223372036854775808", bad, bad},
		{"9223372036854775807s1", bad, bad},
		{"9223372036854775", 9223372036854775, 9223372036854775000},
		{"9223372036854776", 9223372036854776, bad},
		{"292471208678y", bad, bad},
	}
	for _, tt := range tests {
		if got, ok := ParseTime(tt.in, true); ok != (tt.sec != bad) || ok && got != tt.sec {
			t.Errorf("ParseTime(%q, true): got %d, %t, want %d", tt.in, got, ok, tt.sec)
		}
		if got, ok := ParseTime(tt.in, false); ok != (tt.msec != bad) || ok && got != tt.msec {
			t.Errorf("ParseTime(%q, false): got %d, %t, want %d", tt.in, got, ok, tt.msec)
		}
	}
}

func TestFlagsAndNumbers(t *testing.T) {
	for in, want := range map[string][2]bool{
		"on": {true, true}, "ON": {true, true}, "off": {false, true}, "Off": {false, true},
		"": {}, "1": {}, "yes": {}, "on ": {},
	} {
		if on, ok := ParseFlag(in); on != want[0] || ok != want[1] {
			t.Errorf("ParseFlag(%q): got %t, %t, want %t, %t", in, on, ok, want[0], want[1])
		}
	}
	for in, want := range map[string]int{"0": 0, "12": 12, "": -1, "-1": -1, "1k": -1, "9223372036854775808": -1} {
		if n, ok := ParseNum(in); ok != (want >= 0) || ok && n != want {
			t.Errorf("ParseNum(%q): got %d, %t, want %d", in, n, ok, want)
		}
	}
}

func TestAValueIsInheritedUnlessSet(t *testing.T) {
	set := func(v int) (o Opt[int]) { o.Put(v); return o }
	tests := []struct {
		name       string
		own, outer Opt[int]
		want       int
	}{
		{"own value wins", set(1), set(2), 1},
		{"own zero value wins", set(0), set(2), 0},
		{"outer value is taken", Opt[int]{}, set(2), 2},
		{"default is taken", Opt[int]{}, Opt[int]{}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.own
			o.Merge(tt.outer, 3)
			if o.V != tt.want || !o.Set {
				t.Errorf("got %+v, want %d set", o, tt.want)
			}
			var inner Opt[int]
			inner.Merge(o, 4)
			if inner.V != tt.want {
				t.Errorf("inner block got %d, want %d", inner.V, tt.want)
			}
		})
	}
	if got := (Opt[int]{}).Or(7); got != 7 {
		t.Errorf("unset Or(7): got %d", got)
	}
}

func TestAListIsInheritedWhenThereIsNone(t *testing.T) {
	outer := []string{"a"}
	var none []string
	if MergeList(&none, outer); len(none) != 1 {
		t.Errorf("got %q, want the outer list", none)
	}
	empty := []string{}
	if MergeList(&empty, outer); len(empty) != 0 {
		t.Errorf("got %q, want the empty list kept", empty)
	}
	own := []string{"b"}
	if MergeList(&own, outer); own[0] != "b" {
		t.Errorf("got %q, want its own list", own)
	}
}

package notmodified

import "testing"

func TestTagsAreComparedAsRFC9110Says(t *testing.T) {
	for _, c := range []struct {
		list, etag string
		weak, want bool
	}{
		{`*`, `"a"`, false, true},
		{`*`, ``, true, true},
		{`"a"`, ``, true, false},
		{`"a"`, `"a"`, false, true},
		{`"a"`, `"b"`, false, false},
		{`"b", "a"`, `"a"`, false, true},
		{`"b","a" , "c"`, `"a"`, false, true},
		{`"b" "a"`, `"a"`, false, false},
		{`"ab"`, `"a"`, false, false},
		{`"a"x, "b"`, `"a"`, false, false},
		{`W/"a"`, `"a"`, true, true},
		{`W/"a"`, `W/"a"`, true, true},
		{`"a"`, `W/"a"`, true, true},
		{`W/"a"`, `"a"`, false, false},
		{`"a"`, `W/"a"`, false, false},
		{`"b", W/"a"`, `"a"`, true, true},
		{`, ,"a"`, `"a"`, true, true},
		{``, `"a"`, true, false},
		{`W/`, `"a"`, true, false},
	} {
		var tag []byte
		if c.etag != "" {
			tag = []byte(c.etag)
		}
		if got := matches([]byte(c.list), tag, c.weak); got != c.want {
			t.Errorf("matches(%s, %s, weak %v) = %v, want %v", c.list, c.etag, c.weak, got, c.want)
		}
	}
}

func TestMatchingDoesNotAllocate(t *testing.T) {
	list, tag := []byte(`"b", W/"a", "c"`), []byte(`"c"`)
	if n := testing.AllocsPerRun(100, func() { matches(list, tag, true) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

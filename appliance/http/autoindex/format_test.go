package autoindex

import (
	"strings"
	"testing"
)

func TestNamesAreCutToTheirColumn(t *testing.T) {
	for _, c := range []struct {
		name  string
		utf8  bool
		width int
		shown string
	}{
		{"short", false, 5, "short"},
		{strings.Repeat("a", 50), false, 50, strings.Repeat("a", 50)},
		{strings.Repeat("a", 51), false, 51, strings.Repeat("a", 47)},
		{strings.Repeat("я", 30), true, 30, strings.Repeat("я", 30)},
		{strings.Repeat("я", 30), false, 60, strings.Repeat("я", 23) + "\xd1"},
		{strings.Repeat("я", 51), true, 51, strings.Repeat("я", 47)},
		{strings.Repeat("a", 60), true, 60, strings.Repeat("a", 47)},
		{"\xff" + strings.Repeat("я", 30), true, 61, "\xff" + strings.Repeat("я", 23)},
	} {
		width, shown := cut([]byte(c.name), c.utf8)
		if width != c.width || string(shown) != c.shown {
			t.Errorf("cut(%q, %v) = %d, %q, want %d, %q", c.name, c.utf8, width, shown, c.width, c.shown)
		}
	}
}

func TestSizesAreRoundedAsNginxDoes(t *testing.T) {
	for _, c := range []struct {
		size int64
		want string
	}{
		{0, "0"}, {9999, "9999"},
		{10000, "10K"}, {10752, "11K"}, {10751, "10K"},
		{1<<20 - 1, "1024K"}, {1 << 20, "1M"}, {1<<20 + 1<<19, "2M"}, {1<<20 + 1<<19 - 1, "1M"},
		{1 << 30, "1G"}, {5<<40 + 1<<29, "5121G"},
	} {
		want := strings.Repeat(" ", 7-len(c.want)) + c.want
		if got := string(appendRounded(nil, c.size)); got != want {
			t.Errorf("%d: got %q, want %q", c.size, got, want)
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	if got, want := string(appendEscaped(nil, []byte(`a<b>&"c'`))), `a&lt;b&gt;&amp;&quot;c'`; got != want {
		t.Errorf("HTML: got %s, want %s", got, want)
	}
	if got, want := string(appendJSONText(nil, []byte("a\"\\\n\r\t\b\f\x01\x1fя"))), `a\"\\\n\r\t\b\f\u0001\u001Fя`; got != want {
		t.Errorf("JSON: got %s, want %s", got, want)
	}
}

func TestEmptyDirectoriesAreWellFormed(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(appendJSON(nil, nil, nil)), "[\r\n]"},
		{string(appendJSON(nil, nil, []byte("f"))), "/* callback */\r\nf([\r\n]);"},
		{string(appendXML(nil, nil)), "<?xml version=\"1.0\"?>\r\n<list>\r\n</list>\r\n"},
		{string(appendHTML(nil, nil, options{title: []byte("/<")})), "<html>\r\n<head><title>Index of /&lt;</title></head>\r\n<body>\r\n" +
			"<h1>Index of /&lt;</h1><hr><pre><a href=\"../\">../</a>\r\n</pre><hr></body>\r\n</html>\r\n"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTimesMayBeShifted(t *testing.T) {
	e := entry{name: []byte("a"), file: true, mtime: 86399, size: 1}
	got := string(appendLine(nil, &e, &options{exactSize: true, offset: 3600}))
	if want := "<a href=\"a\">a</a>" + strings.Repeat(" ", 50) + "02-Jan-1970 00:59                   1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

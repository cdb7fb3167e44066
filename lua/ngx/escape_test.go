package ngx

import (
	"testing"

	"weir/lua/vm"
)

func TestEscapingLeavesWhatTheKindAllows(t *testing.T) {
	for _, tc := range []struct {
		kind     int
		in, want string
	}{
		{0, "a b?c%d#e/f", "a%20b%3Fc%25d%23e/f"},
		{1, "a+b c&d", "a%2Bb%20c&d"},
		{2, "a/b=c&d~e'f*", "a%2Fb%3Dc%26d~e'f*"},
		{2, "\x00\xff", "%00%FF"},
		{5, "a b%\xff", "a%20b%25\xff"},
	} {
		if got := string(appendEscaped(nil, tc.in, &escapeSets[tc.kind])); got != tc.want {
			t.Errorf("kind %d, %q: got %q, want %q", tc.kind, tc.in, got, tc.want)
		}
	}
}

func TestUnescapingKeepsWhatIsNoEscape(t *testing.T) {
	for in, want := range map[string]string{
		"a%20b+c": "a b c", "%": "%", "%4": "%4", "%zz": "%zz", "%41%4a": "AJ", "": "",
	} {
		if got := unescape(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestArgumentsAreSplitAsQueryStrings(t *testing.T) {
	args := vm.NewTable(0, 4)
	if decodeArgs(args, "a=1&b&a=2&=none&c=&d%20e=f%2Bg", 0) {
		t.Error("cut")
	}
	if l := args.GetString("a").AsTable(); l == nil || l.Len() != 2 || l.GetInt(2).Text() != "2" {
		t.Errorf("a: got %s", args.GetString("a").Text())
	}
	for k, want := range map[string]string{"b": "true", "c": "", "d e": "f+g"} {
		if got := args.GetString(k); got.Text() != want {
			t.Errorf("%s: got %q, want %q", k, got.Text(), want)
		}
	}
	if !args.GetString("").IsNil() {
		t.Error("an argument without a name was kept")
	}
	if !decodeArgs(vm.NewTable(0, 4), "a&b&c", 2) {
		t.Error("more arguments than wanted were not noticed")
	}
}

func TestBase64IsDecodedUpToItsPadding(t *testing.T) {
	for _, tc := range []struct {
		in   string
		skip bool
		want string
		ok   bool
	}{
		{"aGVsbG8=", false, "hello", true},
		{"aGVsbG8", false, "hello", true},
		{"aGV sbG8=", false, "", false},
		{"aGV\nsbG8=", true, "hello", true},
		{"a", false, "", false},
		{"", false, "", true},
	} {
		got, ok := fromBase64(tc.in, tc.skip)
		if ok != tc.ok || ok && string(got) != tc.want {
			t.Errorf("%q: got %q %v, want %q %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func TestPathsMustNotLeaveTheirRoot(t *testing.T) {
	for path, want := range map[string]bool{
		"/a": true, "/a..b/c": true, "/../a": false, "/a/..": false, "..": false, "/...": true, "": false, "@name": true,
	} {
		if got := safePath([]byte(path)); got != want {
			t.Errorf("%q: got %v", path, got)
		}
	}
}

func FuzzArguments(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "%", "&&==", "a=%zz&a&a=+"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		args := vm.NewTable(0, 4)
		decodeArgs(args, s, max)
		if e := string(appendEscaped(nil, s, &escapeSets[escapeComponent])); unescape(e) != s {
			t.Errorf("%q does not survive escaping", s)
		}
	})
}

package rewrite

import "testing"

func TestUnescapeRedirect(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing to do", "http://h/a-b", "http://h/a-b"},
		{"printable characters are decoded", "/%41%7a%2F", "/Az/"},
		{"space, percent and others stay", "/%20%25%00%7f%C3%a9", "/%20%25%00%7f%C3%a9"},
		{"arguments stay as they are", "/%41?%41", "/A?%41"},
		{"an escaped question mark ends it", "/%41%3F%41", "/A?%41"},
		{"a percent sign without digits is dropped", "/%zz", "/zz"},
		{"so is a broken escape", "/%4z1", "/1"},
		{"and one that is cut short", "/%4", "/"},
		{"and a percent sign at the end", "/%", "/"},
	} {
		if got := string(unescapeRedirect(nil, []byte(c.in))); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.in, got, c.want)
		}
	}
}

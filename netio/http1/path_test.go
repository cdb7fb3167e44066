package http1

import (
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	for _, tc := range []struct {
		in, want, ext string
		noMerge       bool
	}{
		{in: "/", want: "/"},
		{in: "", want: "/"},
		{in: "/a/b.html", want: "/a/b.html", ext: "html"},
		{in: "/a//b///c", want: "/a/b/c"},
		{in: "//", want: "/"},
		{in: "/a//b///c", want: "/a//b///c", noMerge: true},
		{in: "/./a/./b/.", want: "/a/b/"},
		{in: "/foo/bar/..", want: "/foo/"},
		{in: "/foo/bar/../", want: "/foo/"},
		{in: "/foo/../bar", want: "/bar"},
		{in: "/foo/..", want: "/"},
		{in: "/a/b/../../c", want: "/c"},
		{in: "/a//../b", want: "/b"},
		{in: "/a//../b", want: "/a/b", noMerge: true},
		{in: "/a/..b/...c/....d", want: "/a/..b/...c/....d", ext: "d"},
		{in: "/.../x", want: "/.../x"},
		{in: "/a%20b", want: "/a b"},
		{in: "/%41%5a%7e", want: "/AZ~"},
		{in: "/%c3%A9", want: "/\xc3\xa9"},
		{in: "/%02", want: "/\x02"},
		{in: "/a%2fb", want: "/a/b"},
		{in: "/a%2F%2Fb", want: "/a/b"},
		{in: "/a/%2e%2e/b", want: "/b"},
		{in: "/a/.%2E/b", want: "/b"},
		{in: "/%2e/b", want: "/b"},
		{in: "/a/%2e%2e", want: "/"},
		{in: "/a%252e", want: "/a%2e"},
		{in: "/%2525", want: "/%25"},
		{in: "/a%3Fb", want: "/a?b"},
		{in: "/a%23b", want: "/a#b"},
		{in: "/..%3f/b", want: "/..?/b"},
		{in: "/a%2ehtml", want: "/a.html", ext: "html"},
		{in: "/.htaccess", want: "/.htaccess"},
		{in: "/..x", want: "/..x"},
		{in: "/...x", want: "/...x"},
		{in: "/....x", want: "/....x", ext: "x"},
		{in: "/.a.b", want: "/.a.b", ext: "b"},
		{in: "/a.b/", want: "/a.b/"},
		{in: "/a.b/c", want: "/a.b/c"},
		{in: "/a.b/..", want: "/"},
		{in: "/a.", want: "/a."},
		{in: "/a+b", want: "/a+b"},
	} {
		for _, prefix := range []string{"", "/kept/"} {
			dst, n, res := Normalize([]byte(prefix), []byte(tc.in), !tc.noMerge)
			got := string(dst[len(prefix):])
			if res != Done || got != tc.want || string(dst[:len(prefix)]) != prefix {
				t.Errorf("%q: got %q and %v, want %q", tc.in, dst, res, tc.want)
				continue
			}
			if ext := got[n.Ext.Off:n.Ext.End]; ext != tc.ext {
				t.Errorf("%q: got extension %q, want %q", tc.in, ext, tc.ext)
			}
			if n.Used != len(tc.in) || n.Plus != strings.Contains(tc.want, "+") {
				t.Errorf("%q: got used %d, plus %v", tc.in, n.Used, n.Plus)
			}
		}
	}
}

func TestNormalizeStopsAtQueryAndFragment(t *testing.T) {
	for in, want := range map[string]string{
		"/foo/bar/.?args":  "/foo/bar/",
		"/foo/bar/.#frag":  "/foo/bar/",
		"/foo/bar/..?args": "/foo/",
		"/foo/bar/..#frag": "/foo/",
		"/a%20?b%":         "/a ",
		"?a":               "/",
		"#a":               "/",
	} {
		got, n, res := Normalize(nil, []byte(in), true)
		if used := strings.IndexAny(in, "?#"); res != Done || string(got) != want || n.Used != used {
			t.Errorf("%q: got %q, used %d, %v; want %q, used %d", in, got, n.Used, res, want, used)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for _, in := range []string{
		"/..", "/../", "/../a", "/a/../..", "/a/../../b", "/%2e%2e", "/.%2e/", "//..", "/./..",
		"/%", "/%1", "/%g0", "/%0g", "/foo/bar%", "/foo/bar%1", "/a%?", "/a%1?", "/a%1/",
		"/%00", "/a%00b", "a", ".", "..", "%2f",
	} {
		if got, _, res := Normalize([]byte("x"), []byte(in), true); res != BadRequest || string(got) != "x" {
			t.Errorf("%q: got %q and %v, want %v", in, got, res, BadRequest)
		}
	}
}

func TestNormalizeInPlace(t *testing.T) {
	for _, in := range []string{"/a/%2e%2e/b%20c//d", "/x/./y/../z.html", "/"} {
		want, _, _ := Normalize(nil, []byte(in), true)
		b := []byte(in)
		if got, _, res := Normalize(b[:0], b, true); res != Done || string(got) != string(want) {
			t.Errorf("%q: got %q and %v, want %q", in, got, res, want)
		}
	}
}

func TestParseAuthority(t *testing.T) {
	for _, tc := range []struct {
		in, host, port string
		number         uint16
		upper, fails   bool
	}{
		{in: "localhost", host: "localhost"},
		{in: "l", host: "l"},
		{in: "Www.Example.com:8080", host: "Www.Example.com", port: "8080", number: 8080, upper: true},
		{in: "abcd-ef.g02.xyz:", host: "abcd-ef.g02.xyz"},
		{in: "example.com.", host: "example.com"},
		{in: "example.com.:88", host: "example.com", port: "88", number: 88},
		{in: ".example.com", host: ".example.com"},
		{in: "a_b~c!$&'()*+,;=%20", host: "a_b~c!$&'()*+,;=%20"},
		{in: "1.2.3.4:65535", host: "1.2.3.4", port: "65535", number: 65535},
		{in: "a:0000080", host: "a", port: "0000080", number: 80},
		{in: "[::1]", host: "[::1]"},
		{in: "[::ffff:1.2.3.4]:80", host: "[::ffff:1.2.3.4]", port: "80", number: 80},
		{in: "[ABCD::1]:", host: "[ABCD::1]", upper: true},
		{in: "", fails: true},
		{in: ".", fails: true},
		{in: ":80", fails: true},
		{in: ".:80", fails: true},
		{in: "a..b", fails: true},
		{in: "a..", fails: true},
		{in: "..a", fails: true},
		{in: "a b", fails: true},
		{in: "a/b", fails: true},
		{in: "a\\b", fails: true},
		{in: "a@b", fails: true},
		{in: "a\x00b", fails: true},
		{in: "\xc3\xa9.com", fails: true},
		{in: "a:65536", fails: true},
		{in: "a:99999999999999999999", fails: true},
		{in: "a:+1", fails: true},
		{in: "a:1.2", fails: true},
		{in: "a:1:2", fails: true},
		{in: "[::1", fails: true},
		{in: "[", fails: true},
		{in: "[::1].", fails: true},
		{in: "[::1]a", fails: true},
		{in: "[[::1]]", fails: true},
		{in: "[fe80::1%25eth0]", fails: true},
		{in: "[a/b]", fails: true},
		{in: "a[b]", fails: true},
	} {
		a, ok := ParseAuthority([]byte(tc.in))
		if ok == tc.fails {
			t.Errorf("%q: got %v, want %v", tc.in, ok, !tc.fails)
			continue
		}
		if !ok {
			continue
		}
		b := []byte(tc.in)
		if string(a.Host.Of(b)) != tc.host || string(a.Port.Of(b)) != tc.port || a.Number != tc.number || a.Upper != tc.upper {
			t.Errorf("%q: got host %q, port %q = %d, upper %v", tc.in, a.Host.Of(b), a.Port.Of(b), a.Number, a.Upper)
		}
	}
}

package conf_test

import (
	"reflect"
	"strings"
	"testing"

	. "weir/appliance/conf"
)

// apply walks text inside http and returns what it set, the error and the warnings.
func apply(t *testing.T, text string) (s *settings, warnings []string, err error) {
	t.Helper()
	table := testTable()
	tree, err := ParseString("t.conf", text, Options{RawBlock: table.RawBlock})
	if err != nil {
		t.Fatal(err)
	}
	s = &settings{}
	cx := &Cx{Table: table, Prefix: "/prefix", ConfPrefix: "/prefix/conf", Log: func(level, msg string) {
		warnings = append(warnings, level+": "+msg)
	}}
	err = cx.Walk(tree.Items, HTTP, s)
	return s, warnings, err
}

func TestSettersSetTheirField(t *testing.T) {
	tests := []struct {
		text string
		got  func(s *settings) any
		want any
	}{
		{"sendfile on;", func(s *settings) any { return s.sendfile }, Opt[bool]{V: true, Set: true}},
		{"sendfile oFF;", func(s *settings) any { return s.sendfile }, Opt[bool]{V: false, Set: true}},
		{"client_header_buffer_size 2k;", func(s *settings) any { return s.headerBuffer }, Opt[int64]{V: 2048, Set: true}},
		{"client_max_body_size 2g;", func(s *settings) any { return s.maxBody }, Opt[int64]{V: 2 << 30, Set: true}},
		{"send_timeout 1m500ms;", func(s *settings) any { return s.sendTimeout }, Opt[int64]{V: 60500, Set: true}},
		{"send_timeout '1m 2s';", func(s *settings) any { return s.sendTimeout }, Opt[int64]{V: 62000, Set: true}},
		{"open_file_cache_valid 2m;", func(s *settings) any { return s.fileValid }, Opt[int64]{V: 120, Set: true}},
		{"keepalive_requests 0;", func(s *settings) any { return s.requests }, Opt[int]{V: 0, Set: true}},
		{"gzip_comp_level 9;", func(s *settings) any { return s.compLevel }, Opt[int]{V: 9, Set: true}},
		{"default_type '';", func(s *settings) any { return s.defaultType }, Opt[string]{V: "", Set: true}},
		{"satisfy Any;", func(s *settings) any { return s.satisfy }, Opt[string]{V: "ANY", Set: true}},
		{"keepalive_disable MSIE6; keepalive_disable safari;", func(s *settings) any { return s.disable }, Opt[uint8]{V: 6, Set: true}},
		{"proxy_buffers 8 16k;", func(s *settings) any { return s.buffers }, Opt[BufCount]{V: BufCount{Num: 8, Size: 16384}, Set: true}},
		{"proxy_store_access group:r all:r;", func(s *settings) any { return s.access }, Opt[uint32]{V: 0o644, Set: true}},
		{"proxy_store_access user:r group:rw;", func(s *settings) any { return s.access }, Opt[uint32]{V: 0o460, Set: true}},
		{"proxy_hide_header a; proxy_hide_header b;", func(s *settings) any { return s.hide }, []string{"a", "b"}},
		{"fastcgi_param a b; fastcgi_param c d if_not_empty;", func(s *settings) any { return s.params }, []KeyVal{{"a", "b"}, {"c", "d"}}},
		{"client_body_temp_path tmp/;", func(s *settings) any { return s.temp.V },
			TempDir{Path: "/prefix/tmp", File: "t.conf", Line: 1}},
		{"client_body_temp_path /;", func(s *settings) any { return s.temp.V.Path }, "/"},
		{"client_body_temp_path\n /tmp/x 1 2\n 7;", func(s *settings) any { return s.temp.V },
			TempDir{Path: "/tmp/x", Levels: [3]int{1, 2, 7}, File: "t.conf", Line: 3}},
		{"types { a/b c d; }", func(s *settings) any { return s.types }, []KeyVal{{"c", "a/b"}, {"d", "a/b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			s, warnings, err := apply(t, tt.text)
			if err != nil || len(warnings) != 0 {
				t.Fatalf("got error %v, warnings %q", err, warnings)
			}
			if got := tt.got(s); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSettersRefuse(t *testing.T) {
	tests := []struct{ text, want string }{
		{"sendfile on; sendfile on;", `"sendfile" directive is duplicate`},
		{"client_header_buffer_size 1; client_header_buffer_size 1;", `"client_header_buffer_size" directive is duplicate`},
		{"client_max_body_size 1; client_max_body_size 1;", `"client_max_body_size" directive is duplicate`},
		{"open_file_cache_valid 1; open_file_cache_valid 1;", `"open_file_cache_valid" directive is duplicate`},
		{"gzip_comp_level 1; gzip_comp_level 1;", `"gzip_comp_level" directive is duplicate`},
		{"satisfy any; satisfy all;", `"satisfy" directive is duplicate`},
		{"proxy_buffers 1 1; proxy_buffers 1 1;", `"proxy_buffers" directive is duplicate`},
		{"client_body_temp_path a; client_body_temp_path a;", `"client_body_temp_path" directive is duplicate`},
		{"proxy_store_access all:r; proxy_store_access all:r;", `"proxy_store_access" directive is duplicate`},
		{"proxy_buffers 8 0;", `"proxy_buffers" directive invalid value`},
		{"proxy_buffers x 1;", `"proxy_buffers" directive invalid value`},
		{"client_body_temp_path '';", `"client_body_temp_path" directive invalid value`},
		{"client_body_temp_path a x;", `"client_body_temp_path" directive invalid value`},
		{"client_body_temp_path a 9223372036854775807 9223372036854775807;", `"client_body_temp_path" directive invalid value`},
		{"proxy_store_access other:r;", `invalid value "other:r"`},
		{"proxy_store_access user;", `invalid value "user"`},
		{"gzip_comp_level x;", `"gzip_comp_level" directive invalid number`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			_, _, err := apply(t, tt.text)
			if want := tt.want + " in t.conf:1"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestABitSetTwiceIsWarnedOf(t *testing.T) {
	s, warnings, err := apply(t, "keepalive_disable msie6\nMSIE6;")
	if err != nil || s.disable.V != 2 {
		t.Errorf("got %v, %v", s.disable, err)
	}
	if got, want := strings.Join(warnings, "|"), `warn: duplicate value "MSIE6" in t.conf:2`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// oneRow walks text, one directive a line, with a table of one row.
func oneRow(t *testing.T, text string, set Setter) (warnings []string, err error) {
	t.Helper()
	table := &Table{}
	table.Add(testModule{}, []Directive{{Name: "d", In: Main, Args: AnyArgs, Set: set}})
	tree, err := ParseString("t.conf", text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cx := &Cx{Table: table, Log: func(level, msg string) { warnings = append(warnings, msg) }}
	err = cx.Walk(tree.Items, Main, &settings{})
	return warnings, err
}

func TestANumberBelowItsBoundIsRefused(t *testing.T) {
	field := func(s *settings) *Opt[int] { return &s.requests }
	_, err := oneRow(t, "d 1;", Num(field, 2, NoMax))
	if want := "value must be equal to or greater than 2 in t.conf:1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := oneRow(t, "d 2;", Num(field, 2, NoMax)); err != nil {
		t.Errorf("got %v at the bound", err)
	}
}

func TestADirectiveWithoutEffectWarnsOnce(t *testing.T) {
	warnings, err := oneRow(t, "d 1;\nd 2;\n", NoOp("connections are sharded by the kernel"))
	want := `the "d" directive has no effect: connections are sharded by the kernel in t.conf:1`
	if err != nil || len(warnings) != 1 || warnings[0] != want {
		t.Errorf("got %v, %q, want %q", err, warnings, want)
	}
}

func TestADirectiveWithoutEffectStillChecksItsValue(t *testing.T) {
	for _, c := range []struct {
		set  Setter
		want string
	}{
		{NoOpFlag("x"), `invalid value "1z" in "d" directive, it must be "on" or "off" in t.conf:1`},
		{NoOpNum("x"), `"d" directive invalid number in t.conf:1`},
		{NoOpSize("x"), `"d" directive invalid value in t.conf:1`},
	} {
		if warnings, err := oneRow(t, "d 1z;", c.set); err == nil || err.Error() != c.want || len(warnings) > 0 {
			t.Errorf("got %v, %q, want %q", err, warnings, c.want)
		}
	}
}

func TestADeprecatedDirectiveWarnsAndSets(t *testing.T) {
	set := 0
	warnings, err := oneRow(t, "d;\nd;", Deprecated("e", func(*Cx, *Item) error { set++; return nil }))
	want := `the "d" directive is deprecated, use the "e" directive instead in t.conf:2`
	if err != nil || set != 2 || len(warnings) != 2 || warnings[1] != want {
		t.Errorf("got %v, set %d times, %q, want %q", err, set, warnings, want)
	}
}

func TestACheckRunsAfterItsSetter(t *testing.T) {
	var seen int
	check := func(cx *Cx, it *Item) error {
		seen = Target[settings](cx).requests.V
		return Tail("is odd")
	}
	set := After(Num(func(s *settings) *Opt[int] { return &s.requests }, 0, NoMax), check)
	if _, err := oneRow(t, "d 3;", set); err == nil || err.Error() != `"d" directive is odd in t.conf:1` || seen != 3 {
		t.Errorf("got %v after %d", err, seen)
	}
	seen = 0
	if _, err := oneRow(t, "d x;", set); err == nil || seen != 0 {
		t.Errorf("got %v, check saw %d, want it not run", err, seen)
	}
}

package cjson

import (
	"bytes"
	"strings"
	"testing"

	"weir/lua/vm"
)

func newVM() (*vm.VM, *bytes.Buffer) {
	v := vm.New()
	v.OpenLibs()
	Open(v)
	out := new(bytes.Buffer)
	v.Stdout = out
	return v, out
}

func run(t testing.TB, src string) string {
	t.Helper()
	v, out := newVM()
	p, err := vm.Compile("local cjson = require 'cjson' local safe = require 'cjson.safe' "+src, "=t")
	if err != nil {
		t.Fatal(err)
	}
	l := v.Main()
	l.Push(v.Load(p).Value())
	if _, e := l.PCall(0, 0); e != nil {
		return e.Text
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func TestModule(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"scalars", `print(cjson.encode(1), cjson.encode("a"), cjson.encode(true), cjson.encode(nil), cjson.encode(cjson.null))`, "1\t\"a\"\ttrue\tnull\tnull"},
		{"numbers", `print(cjson.encode{1.5, 1e15, 0.1, -3, 1/3})`, "[1.5,1e+15,0.1,-3,0.33333333333333]"},
		{"array", `print(cjson.encode{1,2,{3}})`, "[1,2,[3]]"},
		{"holes become null", `print(cjson.encode{1,nil,3})`, "[1,null,3]"},
		{"object", `print(cjson.encode{a={b=1}})`, `{"a":{"b":1}}`},
		{"number keys", `print(cjson.encode{[0]=1})`, `{"0":1}`},
		{"empty table is an object", `print(cjson.encode{})`, "{}"},
		{"empty table as array", `cjson.encode_empty_table_as_object(false) print(cjson.encode{})`, "[]"},
		{"empty_array", `print(cjson.encode{cjson.empty_array})`, "[[]]"},
		{"empty_array_mt", `print(cjson.encode(setmetatable({},cjson.empty_array_mt)))`, "[]"},
		{"array_mt", `print(cjson.encode(setmetatable({1,2,x=1},cjson.array_mt)), cjson.encode(setmetatable({},cjson.array_mt)))`, "[1,2]\t[]"},
		{"escapes", `print(cjson.encode("\0\1\b\t\n\f\r\"\\/\127\195\169"))`, `"\u0000\u0001\b\t\n\f\r\"\\\/\u007f` + "\xc3\xa9" + `"`},
		{"slash option", `cjson.encode_escape_forward_slash(false) print(cjson.encode("/"))`, `"/"`},
		{"sparse error", `print(pcall(cjson.encode,{[1]=1,[100]=2}))`, "false\tCannot serialise table: excessively sparse array"},
		{"sparse converted", `cjson.encode_sparse_array(true) print(cjson.encode{[100]=2})`, `{"100":2}`},
		{"sparse within the safe size", `print(cjson.encode{[3]=1})`, "[null,null,1]"},
		{"function error", `print(pcall(cjson.encode,print))`, "false\tCannot serialise function: type not supported"},
		{"safe error", `print(safe.encode(print))`, "nil\tCannot serialise function: type not supported"},
		{"skip unsupported", `cjson.encode_skip_unsupported_value_types(true) print(cjson.encode{a=print,b={print,1}})`, `{"b":[1]}`},
		{"NaN", `print(pcall(cjson.encode,0/0))`, "false\tCannot serialise number: must not be NaN or Infinity"},
		{"NaN as null", `cjson.encode_invalid_numbers("null") print(cjson.encode{1/0})`, "[null]"},
		{"infinity", `cjson.encode_invalid_numbers(true) print(cjson.encode{1/0,-1/0})`, "[Infinity,-Infinity]"},
		{"key error", `print(pcall(cjson.encode,{[true]=1}))`, "false\tCannot serialise boolean: table key must be a number or string"},
		{"depth beyond the hard limit", `cjson.decode_max_depth(1e9) cjson.encode_max_depth(1e9)
			print(pcall(cjson.decode, ("["):rep(1e6))) local t={} t.t=t print(pcall(cjson.encode,t))`,
			"false\tFound too many nested data structures (20001)\nfalse\tCannot serialise, excessive depth (20001)"},
		{"depth error", `local t={} t.t=t print(pcall(cjson.encode,t))`, "false\tCannot serialise, excessive depth (1001)"},
		{"depth option", `cjson.encode_max_depth(1) print(safe.encode{{}}, pcall(cjson.encode,{{}}))`, "[{}]\tfalse\tCannot serialise, excessive depth (2)"},
		{"precision", `cjson.encode_number_precision(3) print(cjson.encode(3.14159))`, "3.14"},
		{"bad precision", `print(pcall(cjson.encode_number_precision,17))`, "false\tbad argument #1 to '?' (expected integer between 1 and 16)"},
		{"independent instances", `local n=cjson.new() n.encode_number_precision(3) print(n.encode(1/3),cjson.encode(1/3))`, "0.333\t0.33333333333333"},
		{"indent", `cjson.encode_indent("  ") print(cjson.encode{a={1,2}})`, "{\n  \"a\": [\n    1,\n    2\n  ]\n}"},

		{"decode", `local t=cjson.decode'{"a":[1,2.5,-3e2,true,false,null,"x\\u00e9\\ud83d\\ude00\\n"],"b":{}}' print(#t.a,t.a[2],t.a[3],t.a[4],t.a[5],t.a[6]==cjson.null,t.a[7],next(t.b))`, "7\t2.5\t-300\ttrue\tfalse\ttrue\tx\u00e9\U0001F600\n\tnil"},
		{"decode spaces", `print(cjson.decode' [ 1 , 2 ] '[2])`, "2"},
		{"decode array_mt", `cjson.decode_array_with_array_mt(true) print(cjson.encode(cjson.decode'{"a":[]}'))`, `{"a":[]}`},
		{"decode hex", `print(cjson.decode'0x10', cjson.decode'1e1')`, "16\t10"},
		{"decode hex refused", `cjson.decode_invalid_numbers(false) print(pcall(cjson.decode,'0x10'))`, "false\tExpected value but found invalid number at character 1"},
		{"empty", `print(safe.decode'')`, "nil\tExpected value but found T_END at character 1"},
		{"invalid token", `print(safe.decode'x')`, "nil\tExpected value but found invalid token at character 1"},
		{"missing value", `print(safe.decode'{"a":}')`, "nil\tExpected value but found T_OBJ_END at character 6"},
		{"missing colon", `print(safe.decode'{"a" 1}')`, "nil\tExpected colon but found T_NUMBER at character 6"},
		{"bad key", `print(safe.decode'{1:2}')`, "nil\tExpected object key string but found T_NUMBER at character 2"},
		{"missing comma", `print(safe.decode'[1 2]')`, "nil\tExpected comma or array end but found T_NUMBER at character 4"},
		{"trailing comma", `print(safe.decode'[1,]')`, "nil\tExpected value but found T_ARR_END at character 4"},
		{"trailing text", `print(safe.decode'1 2')`, "nil\tExpected the end but found T_NUMBER at character 3"},
		{"unfinished string", `print(safe.decode'"abc')`, "nil\tExpected value but found unexpected end of string at character 5"},
		{"bad escape", `print(safe.decode'"\\q"')`, "nil\tExpected value but found invalid escape code at character 2"},
		{"lone surrogate", `print(safe.decode'"\\ud800"')`, "nil\tExpected value but found invalid unicode escape code at character 2"},
		{"too deep", `print(safe.decode(("["):rep(1001)))`, "nil\tFound too many nested data structures (1001)"},
		{"raising", `print(pcall(cjson.decode,'x'))`, "false\tExpected value but found invalid token at character 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := run(t, c.src); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestBombsEndByTheBudget(t *testing.T) {
	for name, src := range map[string]string{
		"shared tables": `local t = {} for i = 1, 40 do t = {t, t} end return require 'cjson'.encode(t)`,
		"sparse array":  `local c = require 'cjson' c.encode_sparse_array(false, 0) return c.encode({[1e9] = 1})`,
	} {
		for _, c := range []struct {
			budget vm.Budget
			want   string
		}{
			{vm.Budget{Instructions: 1e5}, "instruction budget exceeded"}, {vm.Budget{Bytes: 1 << 20}, "not enough memory"},
			{vm.Budget{StringBytes: 1 << 20}, "string length overflow"},
		} {
			v, _ := newVM()
			v.SetBudget(c.budget)
			p, err := vm.Compile(src, "=t")
			if err != nil {
				t.Fatal(err)
			}
			l := v.Main()
			l.Push(v.Load(p).Value())
			if _, e := l.PCall(0, 0); e == nil || !strings.Contains(e.Text, c.want) {
				t.Errorf("%s: got %v, want %q", name, e, c.want)
			}
		}
	}
}

func benchmark(b *testing.B, body string) {
	v, _ := newVM()
	p, err := vm.Compile(`local cjson = require 'cjson'
		local doc={user="alice",id=1234,roles={"admin","dev","ops"},ok=true,meta={a=1.5,b="x\"y",c={1,2,3,4}}}
		local text=cjson.encode(doc)
		return function() `+body+` end`, "=bench")
	if err != nil {
		b.Fatal(err)
	}
	l := v.Main()
	l.Push(v.Load(p).Value())
	if _, e := l.PCall(0, 1); e != nil {
		b.Fatal(e.Traceback)
	}
	b.ReportAllocs()
	f := l.Pop1()
	for b.Loop() {
		l.Push(f)
		l.PCall(0, 0)
	}
}

func BenchmarkEncode(b *testing.B) { benchmark(b, "return cjson.encode(doc)") }
func BenchmarkDecode(b *testing.B) { benchmark(b, "return cjson.decode(text)") }

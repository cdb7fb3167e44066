package regex

import (
	"strings"
	"testing"
	"time"
)

// A grammar as users write them: calls, possessive quantifiers, DEFINE.
const jsonPattern = `(?x)(?(DEFINE)
	(?<number> -? (?= [1-9]|0(?!\d) ) \d+ (\.\d+)? ([eE] [+-]? \d+)? )
	(?<string> " ([^"\\\n]* | \\ ["\\bfnrt\/] | \\ u [0-9a-f]{4} )* " )
	(?<array> \[ (?: (?&json) (?: , (?&json) )* )? \s* \] )
	(?<pair> \s* (?&string) \s* : (?&json) )
	(?<object> \{ (?: (?&pair) (?: , (?&pair) )* )? \s* \} )
	(?<json> \s* (?: (?&number) | true | false | null | (?&string) | (?&array) | (?&object) ) \s* )
) \A (?&json) \z`

func TestAGrammarOfCallsReadsJSON(t *testing.T) {
	re := MustCompile(jsonPattern, 0)
	m := NewMatcher()
	for _, tt := range []struct {
		text string
		want bool
	}{
		{`{"a": [1, 2.5e3, {"b": null}], "c\n": "\u00e9"}`, true},
		{`[]`, true},
		{`[1,]`, false},
		{`{"a":1`, false},
		{`{"a" 1}`, false},
		{"[" + strings.Repeat(`{"key": [1, 2, "three"]}, `, 500) + "0]", true},
		{strings.Repeat("[", 400) + strings.Repeat("]", 400), true},
	} {
		start := time.Now()
		caps, err := m.MatchString(re, tt.text, 0, MatchOptions{}, nil)
		if err != nil || (caps != nil) != tt.want {
			t.Errorf("%.40s: got %v, %v, want match %v", tt.text, caps, err, tt.want)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%.40s: took %v", tt.text, took)
		}
	}
}

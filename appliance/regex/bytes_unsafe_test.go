package regex

import "testing"

func TestStringsMatchAsBytesDo(t *testing.T) {
	re := MustCompile(`(\w+)=(\w*)`, 0)
	tpl, err := CompileTemplate("$2<-$1;")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatcher()
	var it Iter
	const subject = "a=1&bc=&d=22"
	it.StartString(m, re, subject, 0, MatchOptions{}, EmptyPerl)
	var got []byte
	for {
		caps, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		if caps == nil {
			break
		}
		got = tpl.AppendString(got, subject, caps)
	}
	if want := "1<-a;<-bc;22<-d;"; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, s := range []string{"", "x"} {
		if caps, err := m.MatchString(re, s, 0, MatchOptions{}, nil); caps != nil || err != nil {
			t.Errorf("%q: got %v, %v, want no match", s, caps, err)
		}
	}
}

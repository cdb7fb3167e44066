package runner

import (
	"reflect"
	"strings"
	"testing"
)

var orders = []*order{
	{op: opKill, id: 7, signal: 9},
	{op: opGroup, id: 8},
	{op: opStart, id: 1 << 40, args: []string{"true"}, env: []string{}},
	{op: opStart, id: 1, dir: "/tmp", search: "/bin::", args: []string{"sh", "-c", "\xff\x00 "}, env: []string{"A=1", "", "B="}},
}

var reports = []*report{
	{op: opStarted, id: 1, pid: 1 << 22},
	{op: opFailed, id: 2, errno: 2},
	{op: opEnded, id: 3, signal: 9},
	{op: opEnded, id: 4, code: 255},
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	for _, o := range orders {
		got, err := decodeOrder(o.append(nil))
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v came as %+v, %v", o, got, err)
		}
	}
	for _, r := range reports {
		got, err := decodeReport(r.append(nil))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v came as %+v, %v", r, got, err)
		}
	}
}

func TestDamagedMessagesAreRefused(t *testing.T) {
	for _, o := range orders {
		b := o.append(nil)
		for i := range b {
			if got, err := decodeOrder(b[:i]); err == nil {
				t.Errorf("%d of %d bytes of %+v: got %+v", i, len(b), o, got)
			}
		}
		if _, err := decodeOrder(append(b, 0)); err == nil {
			t.Errorf("a byte too many behind %+v: no error", o)
		}
	}
	for _, text := range []string{"", "X", "S\x01\x00\x00\x00\x00", "K\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"S\x01\x00\x00\xff\xff\xff\xff\x0f"} {
		if got, err := decodeOrder([]byte(text)); err == nil {
			t.Errorf("order %q: got %+v", text, got)
		}
	}
	for _, text := range []string{"", "S\x01", "P\x01", "P\x01\x01\x01", "P\x01\xff\xff\xff\xff\xff\x01"} {
		if got, err := decodeReport([]byte(text)); err == nil {
			t.Errorf("report %q: got %+v", text, got)
		}
	}
}

func TestProgramsAreLookedForAsTheCLibraryDoes(t *testing.T) {
	for _, c := range []struct{ program, search, want string }{
		{"/bin/x", "/a:/b", "/bin/x"},
		{"./x", "/a", "./x"},
		{"x", "/a:/b", "/a/x /b/x"},
		{"x", ":/b:", "./x /b/x ./x"},
		{"", "/a", ""},
	} {
		if got := strings.Join(candidates(c.program, c.search), " "); got != c.want {
			t.Errorf("%q in %q: got %q, want %q", c.program, c.search, got, c.want)
		}
	}
}

func FuzzOrder(f *testing.F) {
	for _, o := range orders {
		f.Add(o.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeOrder(b)
		if err != nil {
			return
		}
		again, err := decodeOrder(o.append(nil))
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Errorf("%+v came as %+v, %v", o, again, err)
		}
	})
}

func FuzzReport(f *testing.F) {
	for _, r := range reports {
		f.Add(r.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeReport(b)
		if err != nil {
			return
		}
		again, err := decodeReport(r.append(nil))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v came as %+v, %v", r, again, err)
		}
	})
}

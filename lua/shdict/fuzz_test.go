package shdict

import (
	"fmt"
	"strings"
	"testing"
)

// model is a dictionary without bounds: what one of shdict holds and its memory sufficed for must be the same there.
type model map[string]*modelEntry

type modelEntry struct {
	v       Value
	expires int64
	flags   uint32
	list    []Value
	isList  bool
}

func (m model) get(now int64, key string) string {
	e := m[key]
	if e == nil || e.expires != 0 && e.expires <= now {
		return "nil"
	}
	if e.isList {
		return ErrIsList.Error()
	}
	return show(Item{Kind: e.v.Kind, Number: e.v.Number, Text: []byte(e.v.Text), Flags: e.flags}, nil)
}

// FuzzAgainstMap reads the input as operations of three bytes on a dictionary that is large enough, and compares every
// answer with the model's.
func FuzzAgainstMap(f *testing.F) {
	f.Add([]byte("0ab1cd2ef3gh4ij5kl6mn7op8qr9st"))
	f.Add([]byte{0, 1, 200, 0, 1, 3, 2, 1, 0, 9, 9, 9, 4, 1, 1, 5, 1, 1, 6, 2, 1, 7, 2, 1, 8, 2, 0, 3, 1, 0})
	f.Add([]byte(strings.Repeat("\x06\x01\x40\x06\x01\x41\x07\x01\x00\x00\x01\xff\x09\x00\x00", 20)))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 600 {
			in = in[:600]
		}
		d := newDict(t, 2<<20)
		m, now := model{}, int64(t0)
		for len(in) >= 3 {
			step(t, d, m, &now, in[0], in[1], in[2])
			in = in[3:]
		}
		d.check(t)
	})
}

func step(t *testing.T, d *Dict, m model, now *int64, op, k, x byte) {
	t.Helper()
	key := fmt.Sprint("key", k%16)
	e := m[key]
	alive := e != nil && (e.expires == 0 || e.expires > *now)
	same := func(got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("op %d on %s with %d: got %s, want %s", op%11, key, x, got, want)
		}
	}
	said := func(err error) string {
		if err == nil {
			return "ok"
		}
		return err.Error()
	}
	v := text(strings.Repeat("v", int(x)*int(x)/4))
	if x%3 == 0 {
		v = number(float64(x))
	}
	ttl := int64(k>>4) * 3
	deadline := int64(0)
	if ttl > 0 {
		deadline = *now + ttl
	}
	switch op % 11 {
	case 0, 1, 2:
		how := [...]Op{Set, Add, Replace}[op%11]
		_, err := d.Store(*now, how, key, v, ttl, uint32(x))
		switch {
		case how == Add && alive:
			same(said(err), "exists")
		case how == Replace && !alive:
			same(said(err), "not found")
		default:
			same(said(err), "ok")
			m[key] = &modelEntry{v: v, expires: deadline, flags: uint32(x)}
		}
	case 3:
		same(show(d.Get(*now, key, nil)), m.get(*now, key))
	case 4:
		d.Store(*now, Set, key, Value{}, 0, 0)
		delete(m, key)
	case 5:
		sum, _, err := d.IncrInit(*now, key, 1, float64(x), ttl)
		switch {
		case !alive:
			m[key] = &modelEntry{v: number(float64(x) + 1), expires: deadline}
			same(fmt.Sprint(sum, said(err)), fmt.Sprint(float64(x)+1, "ok"))
		case e.isList || e.v.Kind != Number:
			same(said(err), "not a number")
		default:
			e.v.Number++
			same(fmt.Sprint(sum, said(err)), fmt.Sprint(e.v.Number, "ok"))
		}
	case 6:
		n, err := d.Push(*now, key, End(x&1), v)
		if alive && !e.isList {
			same(said(err), "value not a list")
			return
		}
		if !alive {
			e = &modelEntry{isList: true}
			m[key] = e
		}
		if x&1 == 0 {
			e.list = append([]Value{v}, e.list...)
		} else {
			e.list = append(e.list, v)
		}
		same(fmt.Sprint(n, said(err)), fmt.Sprint(len(e.list), "ok"))
	case 7:
		it, err := d.Pop(*now, key, End(x&1), nil)
		switch {
		case !alive:
			same(show(it, err), "nil")
		case !e.isList:
			same(show(it, err), "value not a list")
		default:
			i := 0
			if x&1 == 1 {
				i = len(e.list) - 1
			}
			v := e.list[i]
			same(show(it, err), show(Item{Kind: v.Kind, Number: v.Number, Text: []byte(v.Text)}, nil))
			if e.list = append(e.list[:i:i], e.list[i+1:]...); len(e.list) == 0 {
				delete(m, key)
			}
		}
	case 8:
		*now += int64(x)
	case 9:
		d.FlushExpired(*now, int(x%3))
	case 10:
		if d.Expire(*now, key, ttl) == nil && e != nil {
			e.expires = deadline
		} else if alive {
			t.Fatalf("%s is gone", key)
		} else {
			delete(m, key) // removed after it expired
		}
	}
}

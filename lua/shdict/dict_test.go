package shdict

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// t0 is the time at which the tests begin.
const t0 = 1_700_000_000_000

func newDict(t testing.TB, size int64) *Dict {
	t.Helper()
	d, err := New("dogs", size)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func text(s string) Value    { return Value{Kind: String, Text: s} }
func number(f float64) Value { return Value{Kind: Number, Number: f} }

// show prints what Get or GetStale or Pop returned.
func show(it Item, err error) string {
	s := ""
	switch {
	case err != nil:
		return err.Error()
	case it.Kind == String:
		s = fmt.Sprintf("%q", it.Text)
	case it.Kind == Number:
		s = fmt.Sprint(it.Number)
	case it.Kind == Bool:
		s = fmt.Sprint(it.Number != 0)
	default:
		s = "nil"
	}
	if it.Flags != 0 {
		s += fmt.Sprint(" flags ", it.Flags)
	}
	if it.Stale {
		s += " stale"
	}
	return s
}

func TestStoreAndGet(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *Dict) error
		want string
	}{
		{"a string comes back", func(d *Dict) error { _, err := d.Store(t0, Set, "k", text("v"), 0, 0); return err }, `"v"`},
		{"an empty string is a value", func(d *Dict) error { _, err := d.Store(t0, Set, "k", text(""), 0, 0); return err }, `""`},
		{"a number comes back", func(d *Dict) error { _, err := d.Store(t0, Set, "k", number(-0.5), 0, 0); return err }, "-0.5"},
		{"a boolean comes back", func(d *Dict) error { _, err := d.Store(t0, Set, "k", Value{Kind: Bool, Number: 1}, 0, 0); return err }, "true"},
		{"flags come back", func(d *Dict) error { _, err := d.Store(t0, Set, "k", number(1), 0, 7); return err }, "1 flags 7"},
		{"a second store forgets the flags", func(d *Dict) error {
			d.Store(t0, Set, "k", number(1), 0, 7)
			_, err := d.Store(t0, Set, "k", number(2), 0, 0)
			return err
		}, "2"},
		{"a value may change its kind and size", func(d *Dict) error {
			d.Store(t0, Set, "k", number(1), 0, 0)
			d.Store(t0, Set, "k", text(strings.Repeat("x", 9000)), 0, 0)
			_, err := d.Store(t0, Set, "k", text("small"), 0, 0)
			return err
		}, `"small"`},
		{"nil deletes", func(d *Dict) error {
			d.Store(t0, Set, "k", number(1), 0, 0)
			_, err := d.Store(t0, Set, "k", Value{}, 0, 0)
			return err
		}, "nil"},
		{"add stores what is not there", func(d *Dict) error { _, err := d.Store(t0, Add, "k", number(1), 0, 0); return err }, "1"},
		{"add stores over what has expired", func(d *Dict) error {
			d.Store(t0-10, Set, "k", number(1), 10, 0)
			_, err := d.Store(t0, Add, "k", number(2), 0, 0)
			return err
		}, "2"},
		{"replace stores over what is there", func(d *Dict) error {
			d.Store(t0, Set, "k", number(1), 0, 0)
			_, err := d.Store(t0, Replace, "k", number(2), 0, 0)
			return err
		}, "2"},
		{"a longest key is a key", func(d *Dict) error {
			_, err := d.Store(t0, Set, strings.Repeat("k", MaxKey), number(1), 0, 0)
			d.Store(t0, Set, "k", number(3), 0, 0)
			return err
		}, "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDict(t, 200<<10)
			if err := c.do(d); err != nil {
				t.Fatal(err)
			}
			if got := show(d.Get(t0, "k", nil)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			d.check(t)
		})
	}
}

func TestErrors(t *testing.T) {
	d := newDict(t, 100<<10)
	d.Store(t0, Set, "number", number(1), 0, 0)
	d.Store(t0, Set, "string", text("12345678"), 0, 0)
	d.Push(t0, "list", Right, number(1))
	store := func(op Op, key string, v Value) error { _, err := d.Store(t0, op, key, v, 0, 0); return err }
	incr := func(key string) error { _, err := d.Incr(t0, key, 1); return err }
	for _, c := range []struct {
		name      string
		got, want error
	}{
		{"add of a key that is there", store(Add, "number", number(2)), ErrExists},
		{"safe add of a key that is there", store(Add|Safe, "number", number(2)), ErrExists},
		{"replace of a key that is not", store(Replace, "none", number(2)), ErrNotFound},
		{"a key that is too long", store(Set, strings.Repeat("k", MaxKey+1), number(2)), ErrKeyTooLong},
		{"incr of a string as long as a number", incr("string"), ErrNotNumber},
		{"incr of a list", incr("list"), ErrNotNumber},
		{"incr of nothing", incr("none"), ErrNotFound},
		{"get of a list", func() error { _, err := d.Get(t0, "list", nil); return err }(), ErrIsList},
		{"push to a number", func() error { _, err := d.Push(t0, "number", Left, number(1)); return err }(), ErrNotList},
		{"pop from a number", func() error { _, err := d.Pop(t0, "number", Left, nil); return err }(), ErrNotList},
		{"length of a number", func() error { _, err := d.Len(t0, "number"); return err }(), ErrNotList},
		{"lifetime of nothing", func() error { _, err := d.TTL(t0, "none"); return err }(), ErrNotFound},
		{"a new lifetime for nothing", d.Expire(t0, "none", 1), ErrNotFound},
		{"a value larger than everything", store(Set|Safe, "big", text(strings.Repeat("x", 100<<10))), ErrNoMemory},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	d.check(t)
}

func TestExpiry(t *testing.T) {
	d := newDict(t, 100<<10)
	d.Store(t0, Set, "k", number(1), 100, 3)
	d.Store(t0, Set, "other", number(1), 0, 0) // else k, as the oldest, is removed by the next operation
	d.Get(t0, "k", nil)
	d.Get(t0, "other", nil)
	d.Store(t0, Set, "oldest", number(1), 0, 0)
	d.Get(t0, "k", nil)
	for _, c := range []struct {
		after int64
		want  string
	}{{0, "1 flags 3"}, {99, "1 flags 3"}, {100, "nil"}} {
		if got := show(d.Get(t0+c.after, "k", nil)); got != c.want {
			t.Errorf("after %d ms: got %s, want %s", c.after, got, c.want)
		}
	}
	if got := show(d.GetStale(t0+100, "k", nil)); got != "1 flags 3 stale" {
		t.Errorf("stale: got %s", got)
	}
	if ttl, _ := d.TTL(t0+130, "k"); ttl != -30 {
		t.Errorf("lifetime left: got %d, want -30", ttl)
	}
	if err := d.Expire(t0+130, "k", 50); err != nil {
		t.Error(err)
	}
	if got := show(d.GetStale(t0+179, "k", nil)); got != "1 flags 3" {
		t.Errorf("with a new lifetime: got %s", got)
	}
	if ttl, _ := d.TTL(t0, "other"); ttl != 0 {
		t.Errorf("lifetime of what does not expire: got %d, want 0", ttl)
	}
	if sum, _, err := d.IncrInit(t0+200, "k", 1, 10, 5); sum != 11 || err != nil {
		t.Errorf("incr of what has expired: got %v, %v, want 11", sum, err)
	}
	if ttl, _ := d.TTL(t0+200, "k"); ttl != 5 {
		t.Errorf("lifetime after incr: got %d, want 5", ttl)
	}
	d.check(t)
}

func TestFlush(t *testing.T) {
	for _, size := range []int64{100 << 10, 4 << 20} {
		d := newDict(t, size)
		for i := range 100 {
			d.Store(t0, Set, fmt.Sprint("key", i), number(float64(i)), int64(i%2)*10, 0)
			d.Push(t0, fmt.Sprint("list", i), Left, text("x"))
		}
		if n := d.FlushExpired(t0+10, 20); n != 20 {
			t.Errorf("removed %d, want the limit of 20", n)
		}
		if n := d.FlushExpired(t0+10, 0); n != 30 {
			t.Errorf("removed %d, want the remaining 30", n)
		}
		n := 0
		d.Keys(t0+10, 0, func([]byte) { n++ })
		if n != 150 {
			t.Errorf("%d keys, want 150", n)
		}
		n = 0
		d.Keys(t0+10, 7, func([]byte) { n++ })
		if n != 7 {
			t.Errorf("%d keys, want the limit of 7", n)
		}
		d.FlushAll(t0 + 10)
		d.Keys(t0+10, 0, func(k []byte) { t.Errorf("%s is still there", k) })
		d.FlushExpired(t0+10, 0)
		if want := int64(d.free.n) << pageShift; d.FreeSpace() != want {
			t.Errorf("%d bytes free, want all %d", d.FreeSpace(), want)
		}
		d.check(t)
	}
}

func TestKeysComeLeastRecentlyUsedFirst(t *testing.T) {
	d := newDict(t, 100<<10)
	for _, k := range []string{"a", "b", "c", "d"} {
		d.Store(t0, Set, k, number(1), 0, 0)
	}
	d.Get(t0, "a", nil)
	d.Incr(t0, "c", 1)
	got := ""
	d.Keys(t0, 0, func(k []byte) { got += string(k) })
	if got != "bdac" {
		t.Errorf("got %s, want bdac", got)
	}
}

func TestEvictionIsExactlyByUse(t *testing.T) {
	d := newDict(t, 64<<10)
	rng := rand.New(rand.NewPCG(1, 2))
	var order []string // by use, the oldest first
	use := func(k string) {
		for i, o := range order {
			if o == k {
				order = append(order[:i], order[i+1:]...)
				break
			}
		}
		order = append(order, k)
	}
	for i := range 5000 {
		k := fmt.Sprintf("key%04d", i)
		forced, err := d.Store(t0, Set, k, number(1), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if forced {
			if d.find(order[0]) {
				t.Fatalf("%s: something else than the oldest entry was pushed out", k)
			}
			order = order[1:]
		}
		use(k)
		u := order[rng.IntN(len(order))]
		if it, _ := d.Get(t0, u, nil); it.Kind != Number {
			t.Fatalf("%s is gone, which is not the oldest", u)
		}
		use(u)
	}
	st := d.Stats()
	if int(st.Entries) != len(order) || st.Evictions != 5000-st.Entries {
		t.Errorf("%d entries, %d evictions; the model has %d", st.Entries, st.Evictions, len(order))
	}
	d.check(t)
}

// find tells whether a key is there, which is no use of it.
func (d *Dict) find(key string) bool {
	s, hash := d.lock(key, t0)
	defer s.unlock()
	return s.find(hash, key) != 0
}

func TestSafeStorePushesNothingOut(t *testing.T) {
	d := newDict(t, 64<<10)
	n := 0
	for ; ; n++ {
		if _, err := d.Store(t0, Add|Safe, fmt.Sprint("key", n), text(strings.Repeat("v", 50)), 0, 0); err != nil {
			break
		}
	}
	if st := d.Stats(); int(st.Entries) != n || st.Evictions != 0 || st.FreeSpace != 0 {
		t.Errorf("got %+v, want %d entries, no eviction, no free page", st, n)
	}
	if forced, err := d.Store(t0, Set, "more", text(strings.Repeat("v", 50)), 0, 0); !forced || err != nil {
		t.Errorf("a store that is not safe: got %v, %v, want force", forced, err)
	}
	if d.find("key0") || !d.find("key1") {
		t.Error("want the oldest entry to be gone and no other")
	}
	d.check(t)
}

func TestALargeValuePushesOthersOutOfAllShards(t *testing.T) {
	d := newDict(t, 6<<20)
	if len(d.shards) < 2 {
		t.Fatal("want several shards")
	}
	for i := range 8 {
		if _, err := d.Store(t0, Set, fmt.Sprint("key", i), text(strings.Repeat("a", 600<<10)), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	forced, err := d.Store(t0, Set, "king", text(strings.Repeat("b", 5<<20)), 0, 0)
	if !forced || err != nil {
		t.Fatalf("got %v, %v, want force", forced, err)
	}
	if it, _ := d.Get(t0, "king", nil); len(it.Text) != 5<<20 {
		t.Errorf("got %d bytes back", len(it.Text))
	}
	d.check(t)
}

func TestASmallEntryFindsRoomAmongLargerOnes(t *testing.T) {
	d := newDict(t, 64<<10)
	for i := range 2000 {
		d.Store(t0, Set, fmt.Sprint("key", i), number(1), 0, 0)
	}
	if forced, err := d.Store(t0, Set, "large", text(strings.Repeat("v", 3000)), 0, 0); !forced || err != nil {
		t.Errorf("got %v, %v, want force", forced, err)
	}
	d.check(t)
}

func TestLists(t *testing.T) {
	d := newDict(t, 100<<10)
	push := func(e End, v Value, want int) {
		t.Helper()
		if n, err := d.Push(t0, "l", e, v); n != want || err != nil {
			t.Errorf("push: got %d, %v, want %d", n, err, want)
		}
	}
	pop := func(e End, want string) {
		t.Helper()
		if got := show(d.Pop(t0, "l", e, nil)); got != want {
			t.Errorf("pop: got %s, want %s", got, want)
		}
	}
	push(Left, text("b"), 1)
	push(Left, number(1), 2)
	push(Right, text("c"), 3)
	if n, _ := d.Len(t0, "l"); n != 3 {
		t.Errorf("length %d, want 3", n)
	}
	d.check(t)
	pop(Left, "1")
	pop(Right, `"c"`)
	pop(Right, `"b"`)
	pop(Left, "nil")
	if d.find("l") {
		t.Error("the list is still there without elements")
	}
	push(Right, text(strings.Repeat("x", 5000)), 1)
	d.Expire(t0, "l", 10)
	if n, _ := d.Push(t0+10, "l", Left, number(2)); n != 1 {
		t.Errorf("push to an expired list: length %d, want 1", n)
	}
	if ttl, err := d.TTL(t0+10, "l"); ttl != 0 || err != nil {
		t.Errorf("its lifetime: %d, %v, want none", ttl, err)
	}
	d.Store(t0, Set, "l", number(1), 0, 0)
	d.check(t)
}

func TestALargeListIsPushedOutAsAWhole(t *testing.T) {
	d := newDict(t, 64<<10)
	for {
		if _, err := d.Push(t0, "l", Right, text("element")); err != nil {
			break
		}
	}
	forced, err := d.Store(t0, Set, "k", text(strings.Repeat("x", 40<<10)), 0, 0)
	if !forced || err != nil {
		t.Errorf("got %v, %v, want force", forced, err)
	}
	if n, _ := d.Len(t0, "l"); n != 0 {
		t.Errorf("the list has still %d elements", n)
	}
	d.check(t)
}

func TestSizes(t *testing.T) {
	for _, size := range []int64{0, MinSize - 1, MaxSize + 1} {
		if _, err := New("d", size); err == nil {
			t.Errorf("size %d: got no error", size)
		}
	}
	for _, size := range []int64{MinSize, 12 << 10, 100 << 10, shardFrom, shardFrom + 1, 10 << 20, 33<<20 + 5} {
		l := layoutOf(size)
		if size >= 16<<10 && int64(l.total) > size {
			t.Errorf("size %d: %d bytes are used", size, l.total)
		}
		if size >= 100<<10 && int64(l.pages<<pageShift) < size*85/100 {
			t.Errorf("size %d: only %d pages are for data", size, l.pages)
		}
		d := newDict(t, size)
		if _, err := d.Store(t0, Set, "k", number(1), 0, 0); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
		d.check(t)
	}
}

func TestGoroutinesShareADictionary(t *testing.T) {
	for _, size := range []int64{256 << 10, 4 << 20} {
		d := newDict(t, size)
		const each, keys = 4000, 50
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(7, uint64(g)))
				for i := range each {
					k := fmt.Sprint("count", i%keys)
					if _, _, err := d.IncrInit(t0, k, 1, 0, 0); err != nil {
						t.Error(err)
					}
					switch k := fmt.Sprint("x", rng.IntN(300)); rng.IntN(5) {
					case 0:
						d.Store(t0, Set|Safe, k, text(strings.Repeat("v", rng.IntN(600))), 0, 0)
					case 1:
						d.Get(t0, k, nil)
					case 2:
						d.Store(t0, Set, k, Value{}, 0, 0)
					case 3:
						d.Push(t0, "l"+k, End(i&1), number(1))
					case 4:
						d.Pop(t0, "l"+k, End(i&1), nil)
					}
				}
			})
		}
		wg.Wait()
		sum := 0.0
		for i := range keys {
			it, _ := d.Get(t0, fmt.Sprint("count", i), nil)
			sum += it.Number
		}
		if sum != 4*each {
			t.Errorf("size %d: counters say %v, want %d", size, sum, 4*each)
		}
		d.check(t)
	}
}

func TestGoroutinesFightForRoom(t *testing.T) {
	d := newDict(t, 2<<20)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(9, uint64(g)))
			for range 3000 {
				k := fmt.Sprint("x", rng.IntN(3000))
				n := rng.IntN(6000)
				if rng.IntN(50) == 0 {
					n = 300 << 10
				}
				d.Store(t0, Set, k, text(strings.Repeat("v", n)), 0, 0)
				d.Push(t0, "l"+k, Left, number(1))
			}
		})
	}
	wg.Wait()
	d.check(t)
}

func TestNothingIsAllocated(t *testing.T) {
	d := newDict(t, 4<<20)
	buf := make([]byte, 0, 64)
	d.Store(t0, Set, "text", text("some value"), 0, 0)
	d.Store(t0, Set, "n", number(1), 0, 0)
	long := strings.Repeat("x", 3000)
	n := testing.AllocsPerRun(100, func() {
		d.Get(t0, "text", buf)
		d.Incr(t0, "n", 1)
		d.Store(t0, Set, "text", text("another value"), 10, 0)
		d.Store(t0, Set, "long", text(long), 10, 0)
		d.Store(t0, Set, "long", Value{}, 0, 0)
		d.Push(t0, "list", Left, text("x"))
		d.Pop(t0, "list", Right, buf)
		d.TTL(t0, "text")
		d.FlushExpired(t0, 0)
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

package shdict

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkIncr is the counter of a script on two workers: run it with -cpu 1,2.
func BenchmarkIncr(b *testing.B) {
	for _, n := range []int{1, 1000} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprint("counter-", i)
		}
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			d := newDict(b, 10<<20)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				runtime.LockOSThread() // as workers do
				defer runtime.UnlockOSThread()
				for i := 0; pb.Next(); i++ {
					d.IncrInit(t0, keys[i%n], 1, 0, 0)
				}
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	d := newDict(b, 10<<20)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", i)
		d.Store(t0, Set, keys[i], text("a value of some length"), 0, 0)
	}
	b.ReportAllocs()
	buf := make([]byte, 0, 64)
	for i := 0; b.Loop(); i++ {
		d.Get(t0, keys[i%1000], buf)
	}
}

func BenchmarkSetInAFullDict(b *testing.B) {
	d := newDict(b, 1<<20)
	keys := make([]string, 50000)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Store(t0, Set, keys[i%len(keys)], text("a value of some length"), 0, 0)
	}
}

package poll

import (
	"sync/atomic"
	"testing"
)

// BenchmarkTurn is a turn of the loop that finds one task, with and without a
// pulse.
func BenchmarkTurn(b *testing.B) {
	for _, c := range []struct {
		name string
		word *atomic.Int64
	}{{"alone", nil}, {"with pulse", new(atomic.Int64)}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := New(Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			l.SetPulse(c.word)
			b.ReportAllocs()
			for b.Loop() {
				l.Defer(nothing{})
				l.Step()
			}
		})
	}
}

type nothing struct{}

func (nothing) Run() {}

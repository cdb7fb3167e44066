package poll

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestTheTimeOfAThreadIsSeenFromAnother(t *testing.T) {
	begun, ended := make(chan int), make(chan struct{})
	var stop atomic.Bool
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(ended)
		begun <- Thread()
		for n := 0; !stop.Load(); n++ {
		}
	}()
	thread := <-begun
	for first := ThreadTime(thread); ThreadTime(thread) <= first; {
		runtime.Gosched()
	}
	stop.Store(true)
	<-ended
	if n := ThreadTime(0); n != 0 {
		t.Errorf("no thread took %d ns", n)
	}
}

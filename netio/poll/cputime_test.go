package poll

import (
	"runtime"
	"testing"
)

func TestTheTimeOfAThreadIsSeenFromAnother(t *testing.T) {
	begun, stop, ended := make(chan int), make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(ended)
		begun <- Thread()
		for {
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	thread := <-begun
	for first := ThreadTime(thread); ThreadTime(thread) <= first; {
		runtime.Gosched()
	}
	close(stop)
	<-ended
	if n := ThreadTime(0); n != 0 {
		t.Errorf("no thread took %d ns", n)
	}
}

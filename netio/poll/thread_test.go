package poll

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThreadsRelaxExceptTheWorker(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	stop := make(chan struct{})
	defer close(stop)
	for range 4 { // threads come and go
		go func() { // ends with the test
			for {
				select {
				case <-stop:
					return
				default:
				}
				done := make(chan struct{})
				go func() {
					runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
					close(done)
				}()
				<-done
			}
		}()
	}
	for range 20 {
		err := RelaxThreads()
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			t.Skipf("needs CAP_SYS_NICE: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := KeepTime(); err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/" + task.Name() + "/timerslack_ns")
		if err != nil {
			continue // it ended meanwhile
		}
		want := relaxedSlack
		if task.Name() == strconv.Itoa(unix.Gettid()) {
			want = workerSlack
		}
		if got, _ := strconv.Atoi(strings.TrimSpace(string(b))); got != int(want) {
			t.Errorf("thread %s: slack %d ns, want %d", task.Name(), got, int(want))
		}
	}
}

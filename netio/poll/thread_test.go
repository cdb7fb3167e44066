package poll

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThreadsRelaxExceptTheWorker(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := RelaxThreads(); err != nil {
		t.Skipf("needs CAP_SYS_NICE: %v", err)
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

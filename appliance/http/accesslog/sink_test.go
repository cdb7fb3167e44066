package accesslog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/errlog"
)

// openFile makes a log file in a directory of the test.
func openFile(t *testing.T) (path string, f *errlog.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log")
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f = errlog.NewFile(path)
	if err := f.Reopen(fd); err != nil {
		t.Fatal(err)
	}
	return path, f
}

func TestASlowDiskSlowsTheWorkerAndLosesNothing(t *testing.T) {
	path, f := openFile(t)
	w := newWriter()
	k := newSink(w, &logFile{path: path, file: f})
	s := &shard{sink: k}
	k.mu.Lock() // the disk does not answer
	const lines = 4 * maxQueued * batchSize / 1000
	var want bytes.Buffer
	done := make(chan struct{})
	go func() { // the worker; ends when all lines are added
		defer close(done)
		for i := range lines {
			line := fmt.Appendf(nil, "%0999d\n", i)
			want.Write(line)
			s.add(line, 0)
		}
	}()
	for start := time.Now(); ; runtime.Gosched() {
		s.mu.Lock()
		n := len(s.full)
		s.mu.Unlock()
		if n > maxQueued+1 {
			t.Fatalf("%d batches wait, want at most %d", n, maxQueued+1)
		}
		if n == maxQueued+1 {
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("only %d batches wait", n)
		}
	}
	select {
	case <-done:
		t.Fatal("the worker went on")
	case <-time.After(20 * time.Millisecond):
	}
	k.mu.Unlock()
	<-done
	w.flush()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got %d bytes, want %d, or in another order", len(got), want.Len())
	}
}

func TestFewLinesAreWrittenAtOnce(t *testing.T) {
	path, f := openFile(t)
	s := &shard{sink: newSink(newWriter(), &logFile{path: path, file: f}), solo: soloBurst}
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for i := range int64(soloBurst) {
		s.add([]byte("x\n"), 0)
		if got := size(); got != 2*(i+1) {
			t.Fatalf("line %d: the file has %d bytes", i, got)
		}
	}
	s.add([]byte("y\n"), 0) // the budget is gone
	if s.buf == nil {
		t.Error("a line over the budget was not kept for a batch")
	}
	s.add([]byte("z\n"), 1000)
	if s.buf == nil || string(s.buf.B) != "y\nz\n" {
		t.Error("a line overtook those before it")
	}
}

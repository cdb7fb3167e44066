package accesslog

import (
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/bytebufferpool"

	"weir/appliance/errlog"
)

// sinkParams are buffer=, flush= and gzip= of a file; zero means not given.
type sinkParams struct {
	size  int64 // bytes
	flush int64 // milliseconds
	gzip  int   // level
}

const (
	// batchSize is the buffer of a log without buffer=: large enough that the
	// system call counts for little, small enough to stay in the cache.
	batchSize = 32 << 10
	// flushDelay is how long a line of such a log waits for company.
	flushDelay = 200 * time.Millisecond
	// maxQueued is how many full batches a worker may have waiting for the
	// writer before it writes by itself.
	maxQueued = 32

	// A line that finds its buffer empty is written at once by the worker, as
	// long as such lines are few: who tests a server by hand, or by a script,
	// looks into the log before any delay has passed. Under load the budget is
	// gone with the first lines, and nearly all of them travel in batches.
	soloBurst = 100
	soloEvery = 2 // milliseconds until there is one more
)

// sink is where the lines of one file go. It lives as long as some
// configuration names it.
type sink struct {
	id     int // index of workerLogs.shards
	w      *writer
	file   *errlog.File
	size   int // of a batch
	delay  time.Duration
	params sinkParams

	mu   sync.Mutex // held while writing; contended only when the disk is slow
	zip  *gzip.Writer
	zbuf bytebufferpool.ByteBuffer
	told time.Time // when a failed write was last logged
}

func newSink(w *writer, f *logFile) *sink {
	s := &sink{id: int(w.ids.Add(1)) - 1, w: w, file: f.file, params: f.params, size: batchSize, delay: flushDelay}
	if f.params.size != 0 {
		s.size, s.delay = int(f.params.size), time.Duration(f.params.flush)*time.Millisecond
	}
	return s
}

// shard holds the lines of one sink from one worker.
type shard struct {
	sink *sink

	// Of the worker alone: how many lines may be written at once, and the
	// loop's time up to which they were counted.
	solo   int64
	soloAt int64

	mu     sync.Mutex // guards what follows; held for the copy of a line
	buf    *bytebufferpool.ByteBuffer
	full   []*bytebufferpool.ByteBuffer
	due    time.Time // when buf is to be written; zero: when it is full
	marked bool      // the writer knows that there are lines
}

// add appends a line. It is called on the shard's worker only; now is its
// loop's time in milliseconds.
func (s *shard) add(line []byte, now int64) {
	s.mu.Lock()
	if s.buf == nil && s.sink.params.size == 0 && s.mayWrite(now) && s.sink.mu.TryLock() {
		s.mu.Unlock()
		s.sink.write(line)
		s.sink.mu.Unlock()
		return
	}
	filled := false
	if s.buf != nil && len(s.buf.B)+len(line) > s.sink.size {
		s.full = append(s.full, s.buf)
		s.buf = nil
		filled = true
	}
	if s.buf == nil {
		s.buf = bytebufferpool.Get()
		if s.sink.delay > 0 {
			s.due = time.Now().Add(s.sink.delay)
		}
	}
	s.buf.B = append(s.buf.B, line...)
	mark := !s.marked
	s.marked = true
	crowded := len(s.full) > maxQueued
	s.mu.Unlock()
	if mark {
		s.sink.w.mark(s)
	}
	if crowded {
		s.drain(time.Time{}, false)
	} else if filled || mark {
		s.sink.w.poke()
	}
}

// mayWrite takes one line off the budget of those written at once.
func (s *shard) mayWrite(now int64) bool {
	if n := (now - s.soloAt) / soloEvery; n > 0 {
		s.solo = min(s.solo+n, soloBurst)
		s.soloAt = now
	}
	if s.solo == 0 {
		return false
	}
	s.solo--
	return true
}

// drain writes the full batches, and the last one if it is due or all is
// wanted. It returns when the rest is due, and whether there is a rest.
func (s *shard) drain(now time.Time, all bool) (due time.Time, rest bool) {
	k := s.sink
	k.mu.Lock() // before taking: batches of a shard are written in order
	defer k.mu.Unlock()
	s.mu.Lock()
	full := s.full
	s.full = nil
	var last *bytebufferpool.ByteBuffer
	if s.buf != nil && (all || !s.due.IsZero() && !now.Before(s.due)) {
		last, s.buf, s.marked = s.buf, nil, false
	}
	due, rest = s.due, s.buf != nil
	s.mu.Unlock()
	for _, b := range full {
		k.write(b.B)
		bytebufferpool.Put(b)
	}
	if last != nil {
		k.write(last.B)
		bytebufferpool.Put(last)
	}
	return due, rest
}

// write writes a batch; k.mu is held.
func (k *sink) write(b []byte) {
	if k.params.gzip != 0 {
		b = k.compress(b)
	}
	n, err := k.file.Write(b)
	if err == nil && n == len(b) {
		return
	}
	now := time.Now()
	if now.Sub(k.told) < time.Minute {
		return
	}
	k.told = now
	if err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "write() to \"%s\" failed%s while logging request", k.file.Path, errlog.ErrnoText(err))
		return
	}
	errlog.Default().Printf(errlog.Alert, 0, "write() to \"%s\" was incomplete: %d of %d while logging request", k.file.Path, n, len(b))
}

// compress makes a gzip member of a batch.
func (k *sink) compress(b []byte) []byte {
	k.zbuf.Reset()
	if k.zip == nil {
		k.zip, _ = gzip.NewWriterLevel(&k.zbuf, k.params.gzip) // the level was checked when it was read
	} else {
		k.zip.Reset(&k.zbuf)
	}
	_, _ = k.zip.Write(b) // a buffer in memory takes everything
	_ = k.zip.Close()
	return k.zbuf.B
}

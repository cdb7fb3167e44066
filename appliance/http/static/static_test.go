package static_test

import (
	"io"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/http"
)

// ways are the configurations by which files leave.
var ways = []struct{ name, conf string }{
	{"read into buffers", "sendfile off;"},
	{"read into small buffers", "sendfile off; output_buffers 3 1k;"},
	{"read by other threads", "sendfile off; aio threads;"},
	{"sendfile", "sendfile on;"},
	{"sendfile in chunks", "sendfile on; sendfile_max_chunk 10k;"},
	{"out of the cache", "sendfile on; open_file_cache max=100;"},
	{"read out of the cache", "open_file_cache max=2; open_file_cache_min_uses 2;"},
}

func TestFilesArriveWholeHoweverTheyAreSent(t *testing.T) {
	files := map[string]string{"a.bin": pattern(300_000, 1), "b.bin": pattern(5_000_000, 2), "c.bin": pattern(100, 3), "empty": ""}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, "root %DIR%/html; "+w.conf, files)
			for range 3 {
				for name, want := range files {
					head, body := s.get(t, "/"+name)
					if !strings.HasPrefix(head, "HTTP/1.1 200 ") || body != want {
						t.Errorf("%s: %.15q with %d bytes, want 200 with %d", name, head, len(body), len(want))
					}
				}
			}
			if log := s.Errors(t); log != "" {
				t.Errorf("the error log says %q", log)
			}
		})
	}
}

func TestRangesAreCutFromFilesHoweverTheyAreSent(t *testing.T) {
	file := pattern(300_000, 1)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, "root %DIR%/html; "+w.conf, map[string]string{"a.bin": file})
			head, body := s.get(t, "/a.bin", "Range: bytes=1000-200999")
			if !strings.Contains(head, "\r\nContent-Range: bytes 1000-200999/300000") || body != file[1000:201000] {
				t.Errorf("one range: %q with %d bytes", head, len(body))
			}
			head, body = s.get(t, "/a.bin", "Range: bytes=-10,1000-100999,5-5")
			for _, part := range []string{"299990-299999/300000\r\n\r\n" + file[299_990:] + "\r\n--",
				"1000-100999/300000\r\n\r\n" + file[1000:101_000] + "\r\n--", "5-5/300000\r\n\r\n" + file[5:6] + "\r\n--"} {
				if !strings.Contains(body, part) {
					t.Errorf("three ranges: no part %.40q in %d bytes", part, len(body))
				}
			}
			_, length, _ := strings.Cut(head, "Content-Length: ")
			length, _, _ = strings.Cut(length, "\r\n")
			if n := len(body); length != itoa(n) {
				t.Errorf("three ranges: Content-Length %s of %d bytes", length, n)
			}
		})
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestSubrequestsOutputFilesInOrder(t *testing.T) {
	files := map[string]string{"a.bin": pattern(400_000, 1), "b.bin": pattern(10, 2), "c.bin": pattern(900_000, 3)}
	want := "</a.bin>" + files["a.bin"] + "</b.bin>" + files["b.bin"] + "</c.bin>" + files["c.bin"]
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, "root %DIR%/html; "+w.conf+" location = /parts { test_parts; }", files)
			_, body := s.get(t, "/parts")
			b, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
			if err != nil || string(b) != want {
				t.Errorf("got %d bytes, %v, want %d", len(b), err, len(want))
			}
		})
	}
}

// TestASlowClientCostsAFewBuffers asks for a large file and reads nothing.
func TestASlowClientCostsAFewBuffers(t *testing.T) {
	s := start(t, "root %DIR%/html; location = /parts { test_parts; }", map[string]string{
		"a.bin": pattern(8<<20, 1), "b.bin": pattern(8<<20, 2), "c.bin": pattern(8<<20, 3)})
	for _, uri := range []string{"/a.bin", "/parts"} {
		c := s.Dial(t)
		if _, err := io.WriteString(c, "GET "+uri+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		if _, err := io.ReadFull(c, one[:]); err != nil {
			t.Fatal(err)
		}
		var used int64
		s.Do(func(w *http.Worker) { used = w.Buffers.Stats().InUse })
		if used > 1<<20 {
			t.Errorf("%s: %d bytes of buffers are in use", uri, used)
		}
		if n, err := io.Copy(io.Discard, c); err != nil || n < 8<<20 {
			t.Errorf("%s: read %d bytes, %v", uri, n, err)
		}
	}
	s.settled(t)
}

// settled waits until all buffers and links have come back.
func (s *server) settled(t *testing.T) {
	t.Helper()
	var inUse, links int64
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.Do(func(w *http.Worker) { st := w.Buffers.Stats(); inUse, links = st.InUse, st.Links })
		if inUse == 0 && links == 0 {
			return
		}
	}
	t.Errorf("%d bytes of buffers and %d links have not come back", inUse, links)
}

func TestClientsThatGoAwayLeaveNothingOpen(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, "root %DIR%/html; "+w.conf+" location = /parts { test_parts; }", map[string]string{
				"a.bin": pattern(4<<20, 1), "b.bin": pattern(4<<20, 2), "c.bin": pattern(4<<20, 3)})
			for _, uri := range []string{"/a.bin", "/parts"} {
				c := s.Dial(t)
				if _, err := io.WriteString(c, "GET "+uri+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				var one [1]byte
				if _, err := io.ReadFull(c, one[:]); err != nil {
					t.Fatal(err)
				}
				_ = c.Close()
			}
			s.settled(t)
			if strings.Contains(w.conf, "open_file_cache") {
				return
			}
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if openBelow(t, s.Dir+"/html") == 0 {
					return
				}
			}
			t.Errorf("%d files are still open", openBelow(t, s.Dir+"/html"))
		})
	}
}

// openBelow counts the descriptors of this process on files below dir.
func openBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, fd := range fds {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, dir) {
			n++
		}
	}
	return n
}

// TestFilesThatAreNotInThePageCacheAreReadByOtherThreads asks the kernel to
// forget a file first; where it does not, nothing is shown.
func TestFilesThatAreNotInThePageCacheAreReadByOtherThreads(t *testing.T) {
	file := pattern(3_000_000, 5)
	s := start(t, "root %DIR%/html; aio threads;", map[string]string{"a.bin": file})
	f, err := os.Open(filepath.Join(s.Dir, "html/a.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			t.Skip(err)
		}
		if _, body := s.get(t, "/a.bin"); body != file {
			t.Errorf("got %d bytes", len(body))
		}
	}
	s.settled(t)
}

func TestAKeepaliveRequestForAFileAllocatesNothing(t *testing.T) {
	for _, w := range []struct{ name, conf string }{
		{"opened each time", ""},
		{"opened each time, sendfile", "sendfile on;"},
		{"with a charset", "charset utf-8; source_charset UTF-8;"},
		{"out of the cache", "open_file_cache max=10;"},
		{"out of the cache, sendfile", "sendfile on; open_file_cache max=10;"},
		{"not used often enough to stay open", "open_file_cache max=10; open_file_cache_min_uses 1000000;"},
	} {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, "root %DIR%/html; try_files $uri $uri/ =404; "+w.conf, map[string]string{"d/a.bin": pattern(10_000, 1), "d/index.html": "hi"})
			c := s.Dial(t)
			in := make([]byte, 64<<10)
			for _, req := range []string{"GET /d/a.bin HTTP/1.1\r\nHost: h\r\n\r\n", "GET /d/index.html HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"x\"\r\n\r\n",
				"GET /d/ HTTP/1.1\r\nHost: h\r\n\r\n",
				"GET /d/a.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=1-9\r\n\r\n", "GET /d/a.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=1-9,20-29\r\n\r\n",
				"GET /d/a.bin HTTP/1.1\r\nHost: h\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"} {
				if n := s.allocations(t, c, []byte(req), in); n >= 1 {
					t.Errorf("%.40q: %v allocations, want 0", req, n)
				}
			}
		})
	}
}

// allocations counts what one request on c allocates.
func (s *server) allocations(t *testing.T, c io.ReadWriter, req, in []byte) float64 {
	size := 0
	once := func() {
		if _, err := c.Write(req); err != nil {
			t.Fatal(err)
		}
		for got := 0; got == 0 || got < size; {
			n, err := c.Read(in)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	}
	// The whole answer comes in one piece or more; the first says how long
	// it is.
	if _, err := c.Write(req); err != nil {
		t.Fatal(err)
	}
	got, want := 0, 0
	for want == 0 || got < want {
		n, err := c.Read(in[got:])
		if err != nil {
			t.Fatal(err)
		}
		got += n
		want = lengthOf(t, string(in[:got]))
	}
	size = got
	for range 20 {
		once()
	}
	return testing.AllocsPerRun(100, once)
}

// lengthOf returns the length of the answer that begins with b, 0 when its
// header is not complete.
func lengthOf(t *testing.T, b string) int {
	t.Helper()
	head, _, ok := strings.Cut(b, "\r\n\r\n")
	if !ok {
		return 0
	}
	_, v, _ := strings.Cut(head, "\r\nContent-Length: ")
	n := 0
	for i := 0; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
		n = n*10 + int(v[i]-'0')
	}
	return len(head) + 4 + n
}

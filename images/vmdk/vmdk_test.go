package vmdk

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"weir/images/sparse/sparsetest"
)

func TestQemuReadsTheSameBytesFromASmallFile(t *testing.T) {
	sparsetest.Check(t, "vmdk", func(w io.Writer, r io.ReaderAt, size int64) error { return Write(w, r, size, "disk") })
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	for _, c := range []struct {
		size int64
		name string
		want string
	}{
		{0, "a", "multiple of"}, {1000, "a", "multiple of"}, {1 << 41, "a", "at most"}, {1 << 20, strings.Repeat("a", 20000), "too long"},
	} {
		err := Write(io.Discard, bytes.NewReader(nil), c.size, c.name)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bytes: got %v, want %q", c.size, err, c.want)
		}
	}
}

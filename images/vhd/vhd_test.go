package vhd

import (
	"bytes"
	"io"
	"testing"
	"time"

	"weir/images/sparse/sparsetest"
)

func TestQemuReadsTheSameBytesFromASmallFile(t *testing.T) {
	sparsetest.Check(t, "vpc", func(w io.Writer, r io.ReaderAt, size int64) error {
		return Write(w, r, size, time.Unix(1700000000, 0))
	})
}

func TestOddSizesAreRefused(t *testing.T) {
	for _, size := range []int64{0, 1000, 1 << 41} {
		if Write(io.Discard, bytes.NewReader(nil), size, epoch) == nil {
			t.Errorf("%d bytes were taken", size)
		}
	}
}

func TestTheGeometryIsTheSpecifications(t *testing.T) {
	for _, c := range []struct{ megabytes, cylinders, heads, perTrack int64 }{
		{40, 963, 5, 17}, {834, 1694, 16, 63}, {1 << 20, 65535, 16, 255},
	} {
		cylinders, heads, perTrack := geometry(c.megabytes << 20 / sector)
		if cylinders != c.cylinders || heads != c.heads || perTrack != c.perTrack {
			t.Errorf("%d MB: got %d %d %d, want %d %d %d", c.megabytes, cylinders, heads, perTrack, c.cylinders, c.heads, c.perTrack)
		}
	}
}

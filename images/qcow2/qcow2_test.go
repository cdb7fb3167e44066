package qcow2

import (
	"bytes"
	"testing"

	"weir/images/sparse/sparsetest"
)

func TestQemuReadsTheSameBytesFromASmallFile(t *testing.T) { sparsetest.Check(t, "qcow2", Write) }

func TestOddSizesAreRefused(t *testing.T) {
	for _, size := range []int64{0, 1000} {
		if Write(&bytes.Buffer{}, bytes.NewReader(nil), size) == nil {
			t.Errorf("%d bytes were taken", size)
		}
	}
}

//go:build weirdebug

package buf

// poison overwrites a buffer that was put back.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xDB
	}
}

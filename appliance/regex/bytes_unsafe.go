package regex

import "unsafe"

// stringBytes returns the bytes of a string without a copy. The caller must
// not write to them; they live as long as the string.
func stringBytes(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

//go:build !weirdebug

package buf

// poison does nothing in ordinary builds. With the build tag weirdebug it
// overwrites a buffer that was put back, so that a reader who kept it sees
// rubbish at once.
func poison([]byte) {}

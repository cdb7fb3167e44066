//go:build !amd64

package gcm512

import (
	"crypto/cipher"
	"errors"
)

// Supported is false: the instructions are those of another architecture.
func Supported() bool { return false }

// Scratch is empty here.
type Scratch struct{}

// New fails, since Supported is false.
func New([]byte, *Scratch) (cipher.AEAD, error) {
	return nil, errors.New("gcm512: not on this architecture")
}

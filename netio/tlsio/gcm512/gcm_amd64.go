package gcm512

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/cpu"
)

const (
	blockSize = 16
	nonceSize = 12
	tagSize   = 16
	turn      = 256 // bytes of sixteen blocks
)

// Supported reports whether the processor has the instructions and the kernel
// keeps their registers.
func Supported() bool {
	x := &cpu.X86
	return x.HasAES && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VAES && x.HasAVX512VPCLMULQDQ
}

// key is what the assembly reads; offsets are written there.
type key struct {
	round  [15][blockSize]byte // 0: round keys
	rounds int64               // 240: 10 or 14
	_      [8]byte
	powers [16][2]uint64 // 256: H^16 to H^1, each times x
}

// gcm implements cipher.AEAD.
type gcm struct {
	key key
	s   *Scratch
}

// Scratch is what one message needs while it is worked on. A worker has one for
// all of its keys.
type Scratch struct {
	ctr, hash, mask [blockSize]byte
	buf             [turn]byte // blocks to hash
	stream          [turn]byte
}

//go:noescape
func seal16(k *key, dst, src *byte, n int, ctr, hash *[blockSize]byte)

//go:noescape
func open16(k *key, dst, src *byte, n int, ctr, hash *[blockSize]byte)

//go:noescape
func stream16(k *key, dst *[turn]byte, ctr *[blockSize]byte)

//go:noescape
func hash16(k *key, blocks *[turn]byte, hash *[blockSize]byte)

//go:noescape
func subWord(x uint32) uint32

// New returns AES-GCM with a key of 16 or 32 bytes. Supported must be true. All
// values that share s are used by one goroutine at a time.
func New(k []byte, s *Scratch) (cipher.AEAD, error) {
	if len(k) != 16 && len(k) != 32 {
		return nil, errors.New("gcm512: key of a size that is not supported")
	}
	g := &gcm{s: s}
	g.key.expand(k)
	g.key.power(s)
	return g, nil
}

// expand makes the round keys (FIPS 197 section 5.2).
func (k *key) expand(b []byte) {
	n := len(b) / 4
	k.rounds = int64(n + 6)
	words := 4 * (n + 7)
	var w [60]uint32
	for i := range n {
		w[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	rcon := uint32(1)
	for i := n; i < words; i++ {
		t := w[i-1]
		switch {
		case i%n == 0:
			t = subWord(t<<8|t>>24) ^ rcon<<24
			rcon = rcon<<1 ^ (rcon>>7)*0x11b
		case n == 8 && i%n == 4:
			t = subWord(t)
		}
		w[i] = w[i-n] ^ t
	}
	for i := range words {
		binary.BigEndian.PutUint32(k.round[i/4][i%4*4:], w[i])
	}
	clear(w[:])
}

// power makes the powers of H, the encryption of a zero block. Each is the one
// before times H, by the assembly's own multiplication: a block in the last of
// sixteen places is multiplied by H^1.
func (k *key) power(s *Scratch) {
	s.ctr = [blockSize]byte{}
	stream16(k, &s.stream, &s.ctr) // counters from zero: its first block is H
	k.setPower(15, s.stream[:blockSize])
	h := s.stream
	for i := 14; i >= 0; i-- {
		clear(s.buf[:])
		copy(s.buf[turn-blockSize:], h[:blockSize])
		hash16(k, &s.buf, &s.hash)
		copy(h[:], s.hash[:])
		k.setPower(i, h[:blockSize])
	}
}

// setPower stores a power, bytes reversed and times x.
func (k *key) setPower(i int, b []byte) {
	hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	carry := -(hi >> 63) // all ones if a coefficient leaves at the top
	hi, lo = hi<<1|lo>>63, lo<<1
	k.powers[i] = [2]uint64{lo ^ carry&1, hi ^ carry&0xc200000000000000}
}

// NonceSize implements cipher.AEAD.
func (g *gcm) NonceSize() int { return nonceSize }

// Overhead implements cipher.AEAD.
func (g *gcm) Overhead() int { return tagSize }

// begin sets the counter and hashes the additional data, unless finish is going
// to: a short message of n bytes is hashed in one turn with its data.
func (g *gcm) begin(nonce, data []byte, n int) (rest []byte) {
	if len(nonce) != nonceSize {
		panic("BUG: nonce of a size that is not supported")
	}
	s := g.s
	copy(s.ctr[:], nonce)
	s.ctr[12], s.ctr[13], s.ctr[14], s.ctr[15] = 0, 0, 0, 1
	s.hash = [blockSize]byte{}
	if len(data) <= blockSize && n <= turn-3*blockSize {
		return data
	}
	for len(data) > 0 {
		n := min(len(data), turn)
		g.hashTail(data[:n])
		data = data[n:]
	}
	return nil
}

// hashTail hashes up to 256 bytes, padded with zeros to whole blocks.
func (g *gcm) hashTail(b []byte) {
	s := g.s
	at := turn - (len(b)+blockSize-1)/blockSize*blockSize
	clear(s.buf[:])
	copy(s.buf[at:], b)
	subtle.XORBytes(s.buf[at:], s.buf[at:at+blockSize], s.hash[:])
	hash16(&g.key, &s.buf, &s.hash)
}

// finish hashes what begin left of the additional data, the rest of the
// ciphertext and the lengths, and returns the tag in s.hash.
func (g *gcm) finish(data, rest []byte, n, ad int) {
	s := g.s
	blocks := (len(rest) + blockSize - 1) / blockSize
	if blocks == turn/blockSize { // no room for the lengths
		g.hashTail(rest)
		rest, blocks = nil, 0
	}
	at := turn - (blocks+1)*blockSize
	clear(s.buf[:])
	copy(s.buf[at:], rest)
	binary.BigEndian.PutUint64(s.buf[turn-16:], uint64(ad)*8)
	binary.BigEndian.PutUint64(s.buf[turn-8:], uint64(n)*8)
	if len(data) > 0 {
		copy(s.buf[at-blockSize:], data) // the hash is zero so far
	} else {
		subtle.XORBytes(s.buf[at:], s.buf[at:at+blockSize], s.hash[:])
	}
	hash16(&g.key, &s.buf, &s.hash)
	subtle.XORBytes(s.hash[:], s.hash[:], s.mask[:])
}

// split makes the tag's mask, and, where everything fits one turn, the key
// stream with it.
func (g *gcm) split(n int) (whole int) {
	s := g.s
	stream16(&g.key, &s.stream, &s.ctr)
	copy(s.mask[:], s.stream[:])
	s.ctr[15] = 2
	if n <= turn-blockSize {
		copy(s.stream[:], s.stream[blockSize:])
		return 0
	}
	return n &^ (turn - 1)
}

// tail makes the key stream of the bytes behind the whole turns.
func (g *gcm) tail(whole, n int) {
	if n > turn-blockSize && whole < n {
		stream16(&g.key, &g.s.stream, &g.s.ctr)
	}
}

// Seal implements cipher.AEAD. plaintext and dst overlap entirely or not at
// all.
func (g *gcm) Seal(dst, nonce, plaintext, data []byte) []byte {
	n := len(plaintext)
	out := grow(dst, n+tagSize)
	b := out[len(dst):]
	s := g.s
	first := g.begin(nonce, data, n)
	whole := g.split(n)
	if whole > 0 {
		seal16(&g.key, &b[0], &plaintext[0], whole, &s.ctr, &s.hash)
	}
	g.tail(whole, n)
	subtle.XORBytes(b[whole:n], plaintext[whole:], s.stream[:])
	g.finish(first, b[whole:n], n, len(data))
	copy(b[n:], s.hash[:])
	return out
}

var errOpen = errors.New("message authentication failed")

// Open implements cipher.AEAD. ciphertext and dst overlap entirely or not at
// all. After an error what stands in dst is zero.
func (g *gcm) Open(dst, nonce, ciphertext, data []byte) ([]byte, error) {
	n := len(ciphertext) - tagSize
	if n < 0 {
		return nil, errOpen
	}
	out := grow(dst, n)
	b := out[len(dst):]
	var tag [tagSize]byte
	copy(tag[:], ciphertext[n:])
	s := g.s
	first := g.begin(nonce, data, n)
	whole := g.split(n)
	if whole > 0 {
		open16(&g.key, &b[0], &ciphertext[0], whole, &s.ctr, &s.hash)
	}
	g.tail(whole, n)
	g.finish(first, ciphertext[whole:n], n, len(data))
	subtle.XORBytes(b[whole:], ciphertext[whole:n], s.stream[:])
	if subtle.ConstantTimeCompare(s.hash[:], tag[:]) != 1 {
		clear(b)
		return nil, errOpen
	}
	return out, nil
}

// grow returns b with n more bytes.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

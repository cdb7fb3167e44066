package gcm512

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"testing"
)

// pair is the implementation and its twin of the standard library.
func pair(t testing.TB, key []byte) (ours, twin cipher.AEAD) {
	t.Helper()
	if !Supported() {
		t.Skip("needs a processor with AVX-512, VAES and VPCLMULQDQ")
	}
	ours, err := New(key, new(Scratch))
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	twin, err = cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return ours, twin
}

func random(r *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

// same seals and opens with both, in place and apart, and compares.
func same(t testing.TB, ours, twin cipher.AEAD, nonce, plain, data []byte) {
	t.Helper()
	want := twin.Seal(nil, nonce, plain, data)
	if got := ours.Seal([]byte("head"), nonce, plain, data); !bytes.Equal(got[4:], want) {
		t.Fatalf("%d bytes, %d additional: sealed\n%x, want\n%x", len(plain), len(data), got[4:], want)
	}
	b := append(make([]byte, 0, len(want)), plain...)
	if got := ours.Seal(b[:0], nonce, b, data); !bytes.Equal(got, want) {
		t.Fatalf("%d bytes in place: sealed\n%x, want\n%x", len(plain), got, want)
	}
	if got, err := ours.Open(nil, nonce, want, data); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%d bytes, %d additional: opened\n%x, %v", len(plain), len(data), got, err)
	}
	b = bytes.Clone(want)
	if got, err := ours.Open(b[:0], nonce, b, data); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%d bytes in place: opened\n%x, %v", len(plain), got, err)
	}
}

func TestEveryLengthAgreesWithTheStandardLibrary(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{16, 32} {
		ours, twin := pair(t, random(r, size))
		for n := range 1100 {
			same(t, ours, twin, random(r, 12), random(r, n), random(r, []int{5, 13, 0, 16, 17, 300, 256, 512}[n%8]))
		}
		for _, n := range []int{4096, 16384, 16385, 65536 + 77} {
			same(t, ours, twin, random(r, 12), random(r, n), random(r, 5))
		}
	}
}

func TestKeysAgree(t *testing.T) {
	r := rand.NewChaCha8([32]byte{2})
	for i := range 300 {
		ours, twin := pair(t, random(r, 16+16*(i%2)))
		same(t, ours, twin, random(r, 12), random(r, i*7), random(r, 5))
	}
	if _, err := New(make([]byte, 24), new(Scratch)); err == nil {
		t.Error("a key of 24 bytes was taken")
	}
}

func TestAnyChangedBitIsRefused(t *testing.T) {
	r := rand.NewChaCha8([32]byte{3})
	for _, n := range []int{0, 1, 40, 250, 256, 700} {
		ours, _ := pair(t, random(r, 16))
		nonce, data := random(r, 12), random(r, 5)
		sealed := ours.Seal(nil, nonce, random(r, n), data)
		for i := range 8 * len(sealed) {
			b := bytes.Clone(sealed)
			b[i/8] ^= 1 << (i % 8)
			if _, err := ours.Open(b[:0], nonce, b, data); err == nil {
				t.Fatalf("bit %d of %d bytes was changed and taken", i, n)
			}
			if !bytes.Equal(b[:n], make([]byte, n)) {
				t.Fatal("bytes that are not authentic were left")
			}
		}
		data[0] ^= 1
		if _, err := ours.Open(nil, nonce, sealed, data); err == nil {
			t.Error("changed additional data was taken")
		}
		if _, err := ours.Open(nil, nonce, sealed[:min(n, 15)], data); err == nil {
			t.Error("a message without a whole tag was taken")
		}
	}
}

func FuzzAgainstTheStandardLibrary(f *testing.F) {
	f.Add([]byte("sixteen byte key"), []byte("twelve bytes"), []byte("plaintext"), []byte("data"))
	f.Fuzz(func(t *testing.T, key, nonce, plain, data []byte) {
		key = append(key, make([]byte, 16)...)[:16]
		nonce = append(nonce, make([]byte, 12)...)[:12]
		ours, twin := pair(t, key)
		same(t, ours, twin, nonce, plain, data)
	})
}

func TestNothingIsAllocated(t *testing.T) {
	ours, _ := pair(t, make([]byte, 16))
	b := make([]byte, 1000, 1016)
	nonce, data := make([]byte, 12), make([]byte, 5)
	if n := testing.AllocsPerRun(100, func() {
		sealed := ours.Seal(b[:0], nonce, b, data)
		if _, err := ours.Open(sealed[:0], nonce, sealed, data); err != nil {
			panic(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{64, 200, 1024, 16384} {
		ours, twin := pair(b, make([]byte, 16))
		for _, c := range []struct {
			name string
			a    cipher.AEAD
		}{{"gcm512", ours}, {"crypto", twin}} {
			b.Run(fmt.Sprintf("%d/%s", size, c.name), func(b *testing.B) {
				p := make([]byte, size, size+16)
				nonce, data := make([]byte, 12), make([]byte, 5)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					c.a.Seal(p[:0], nonce, p, data)
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{64, 200, 1024, 16384} {
		ours, twin := pair(b, make([]byte, 16))
		for _, c := range []struct {
			name string
			a    cipher.AEAD
		}{{"gcm512", ours}, {"crypto", twin}} {
			b.Run(fmt.Sprintf("%d/%s", size, c.name), func(b *testing.B) {
				nonce, data := make([]byte, 12), make([]byte, 5)
				p := c.a.Seal(nil, nonce, make([]byte, size), data)
				out := make([]byte, 0, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := c.a.Open(out, nonce, p, data); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

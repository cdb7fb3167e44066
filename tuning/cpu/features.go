package cpu

import (
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Features are the processor's instructions that matter to TLS.
type Features struct {
	Name string // as the processor says it
	Arch string // runtime.GOARCH

	// x86-64.
	AESNI      bool // AES rounds
	PCLMULQDQ  bool // carry-less multiplication, the other half of AES-GCM
	SSE41      bool // what crypto/aes needs beside the two
	VAES       bool // AES rounds on 256 and 512 bits
	VPCLMULQDQ bool // carry-less multiplication on 256 and 512 bits
	AVX2       bool
	AVX512     bool // F, BW, DQ and VL
	IFMA       bool // 52-bit multiplication, for RSA
	SHANI      bool // SHA-256 rounds

	// arm64.
	ARMAES   bool // AES rounds
	ARMPMULL bool // polynomial multiplication
	ARMSHA2  bool // SHA-256 rounds
}

// Detect asks the processor.
func Detect() Features {
	c := &cpuid.CPU
	return Features{
		Name:       c.BrandName,
		Arch:       runtime.GOARCH,
		AESNI:      c.Supports(cpuid.AESNI),
		PCLMULQDQ:  c.Supports(cpuid.CLMUL),
		SSE41:      c.Supports(cpuid.SSE4, cpuid.SSSE3),
		VAES:       c.Supports(cpuid.VAES),
		VPCLMULQDQ: c.Supports(cpuid.VPCLMULQDQ),
		AVX2:       c.Supports(cpuid.AVX2),
		AVX512:     c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL),
		IFMA:       c.Supports(cpuid.AVX512IFMA),
		SHANI:      c.Supports(cpuid.SHA),
		ARMAES:     c.Supports(cpuid.AESARM),
		ARMPMULL:   c.Supports(cpuid.PMULL),
		ARMSHA2:    c.Supports(cpuid.SHA2),
	}
}

// flags are the features by the names that are printed.
func (f *Features) flags() []flag {
	if f.Arch == "arm64" {
		return []flag{{"aes", f.ARMAES}, {"pmull", f.ARMPMULL}, {"sha2", f.ARMSHA2}}
	}
	return []flag{
		{"aes", f.AESNI}, {"pclmulqdq", f.PCLMULQDQ}, {"sse4.1", f.SSE41}, {"vaes", f.VAES}, {"vpclmulqdq", f.VPCLMULQDQ},
		{"avx2", f.AVX2}, {"avx512", f.AVX512}, {"avx512ifma", f.IFMA}, {"sha_ni", f.SHANI},
	}
}

type flag struct {
	name string
	on   bool
}

// String lists what was found.
func (f Features) String() string {
	var on []string
	for _, g := range f.flags() {
		if g.on {
			on = append(on, g.name)
		}
	}
	if on == nil {
		return "none"
	}
	return strings.Join(on, " ")
}

// HardwareAES reports whether AES-GCM runs in hardware, by crypto/aes's own
// conditions. Without it AES is several times slower than ChaCha20, and not in
// constant time.
func (f *Features) HardwareAES() bool {
	if f.Arch == "arm64" {
		return f.ARMAES && f.ARMPMULL
	}
	return f.AESNI && f.PCLMULQDQ && f.SSE41
}

// fast reports whether the processor is one on which a post-quantum key
// exchange costs about as much as X25519 again, not several times as much.
func (f *Features) fast() bool { return f.Arch == "arm64" || f.AVX2 }

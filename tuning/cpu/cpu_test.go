package cpu

import (
	"crypto/tls"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// full is a processor that has everything.
func full(arch string) Features {
	f := Features{Name: "test", Arch: arch}
	v := reflect.ValueOf(&f).Elem()
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Bool {
			field.SetBool(true)
		}
	}
	return f
}

// TestEachFlagDecides takes one flag at a time from a processor that has all
// of them, and says what changes.
func TestEachFlagDecides(t *testing.T) {
	same := func(c *Choice) {}
	software := func(c *Choice) {
		c.AEAD, c.KTLSCipher, c.Suites12 = AESSoftware, tls.TLS_CHACHA20_POLY1305_SHA256, join(chacha, aes128)
	}
	narrow := func(c *Choice) { c.AEAD = AESHardware }
	noMLKEM := func(c *Choice) { c.MLKEM, c.Curves = false, c.Curves[1:] }
	effects := map[string]map[string]func(*Choice){
		"amd64": {
			"AESNI": software, "PCLMULQDQ": software, "SSE41": software, "AVX2": noMLKEM,
			"VAES": narrow, "VPCLMULQDQ": narrow, "AVX512": narrow, "IFMA": same, "SHANI": same,
			"ARMAES": same, "ARMPMULL": same, "ARMSHA2": same,
		},
		"arm64": {
			"ARMAES": software, "ARMPMULL": software, "ARMSHA2": same,
			"AESNI": same, "PCLMULQDQ": same, "SSE41": same, "AVX2": same, "VAES": same, "VPCLMULQDQ": same,
			"AVX512": same, "IFMA": same, "SHANI": same,
		},
	}
	for arch, flags := range effects {
		all := full(arch)
		for i := range reflect.TypeFor[Features]().NumField() {
			field := reflect.TypeFor[Features]().Field(i)
			if field.Type.Kind() != reflect.Bool {
				continue
			}
			effect := flags[field.Name]
			if effect == nil {
				t.Errorf("%s: the test does not know what %s changes", arch, field.Name)
				continue
			}
			f := all
			reflect.ValueOf(&f).Elem().Field(i).SetBool(false)
			want := all.Choose()
			effect(&want)
			if got := f.Choose(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s without %s:\ngot  %s\nwant %s", arch, field.Name, got, want)
			}
		}
	}
}

func TestChoicesAreOffered(t *testing.T) {
	c := full("amd64").Choose()
	if len(c.Suites12) != 6 || !c.MLKEM || c.Curves[0] != tls.X25519MLKEM768 || slices.Contains(c.Curves, tls.CurveP521) {
		t.Errorf("%+v", c)
	}
	for _, want := range []string{"in hardware", "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519MLKEM768", "kTLS prefers TLS_AES_128_GCM_SHA256"} {
		if !strings.Contains(c.String(), want) {
			t.Errorf("%q is not in %q", want, c)
		}
	}
	if s := (Features{Arch: "amd64", AESNI: true, SHANI: true}).String(); s != "aes sha_ni" {
		t.Error(s)
	}
	if s := (Features{}).String(); s != "none" {
		t.Error(s)
	}
}

// TestDetectAgreesWithTheKernel compares with the flags of /proc/cpuinfo.
func TestDetectAgreesWithTheKernel(t *testing.T) {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skip("needs /proc/cpuinfo of an x86-64")
	}
	_, rest, _ := strings.Cut(string(b), "\nflags")
	line, _, _ := strings.Cut(rest, "\n")
	has := func(name string) bool { return slices.Contains(strings.Fields(line), name) }
	f := Detect()
	for _, c := range []struct {
		got  bool
		name string
	}{
		{f.AESNI, "aes"}, {f.PCLMULQDQ, "pclmulqdq"}, {f.SSE41, "sse4_1"}, {f.VAES, "vaes"}, {f.VPCLMULQDQ, "vpclmulqdq"},
		{f.AVX2, "avx2"}, {f.AVX512, "avx512vl"}, {f.IFMA, "avx512ifma"}, {f.SHANI, "sha_ni"},
	} {
		if c.got != has(c.name) {
			t.Errorf("%s: detected %v, the kernel says %v", c.name, c.got, !c.got)
		}
	}
	t.Logf("%s: %s; %s", f.Name, f, f.Choose())
}

package tlsio

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"testing"

	"weir/netio/buf"
)

func TestKernelInfoHasTheKernelsLayout(t *testing.T) {
	for _, k := range []struct {
		version, id uint16
		number      uint16
		size        int // of the kernel's struct, without padding
		iv          string
		salt        string
	}{
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, 51, 40, "4567890a", "0123"},
		{tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384, 52, 56, "4567890a", "0123"},
		{tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256, 54, 56, "01234567890a", ""},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 51, 40, "\x00\x00\x00\x00\x00\x00\x01\x02", "0123"},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, 54, 56, "01234567890a", ""},
	} {
		s := suiteOf(k.id)
		h := half{seq: 0x102}
		copy(h.iv[:], "01234567890a")
		h.key.set(pattern(s.bulk.keyLen()))
		key := h.key.bytes()
		if k.version == tls.VersionTLS13 {
			h.key.set(pattern(s.hash.Size()))
			key = expandLabel(s.hash, h.key.bytes(), "key", s.bulk.keyLen())
		}
		b := kernelInfo(s, k.version, &h)
		want := binary.NativeEndian.AppendUint16(nil, k.version)
		want = binary.NativeEndian.AppendUint16(want, k.number)
		want = append(append(append(want, k.iv...), key...), k.salt...)
		want = append(want, 0, 0, 0, 0, 0, 0, 1, 2)
		if !bytes.Equal(b, want) || len(b) != k.size {
			t.Errorf("%s %x: %d bytes\n%x, want\n%x", bulkNames[s.bulk], k.version, len(b), b, want)
		}
	}
}

func TestProbeAgreesWithTheKernel(t *testing.T) {
	k := ProbeKTLS()
	t.Logf("TX %s; RX %s; new keys %v", k.TX, k.RX, k.Rekey)
	if _, err := os.Stat("/proc/net/tls_stat"); err != nil && k != (KTLS{}) {
		t.Errorf("the kernel has no TLS, and the probe says %+v", k)
	}
	if all := Bulks(7).String(); all != "AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305" || Bulks(0).String() != "none" {
		t.Error(all)
	}
}

// TestKernelTakesOver serves memory and a file through the kernel's record
// layer where there is one; where there is none, the same configuration falls
// back without a word.
func TestKernelTakesOver(t *testing.T) {
	probed := ProbeKTLS()
	for _, k := range []struct {
		name string
		ktls KTLS
	}{
		{"as probed", probed},
		{"claimed, not there", KTLS{TX: 7, RX: 7}},
		{"sending only", KTLS{TX: probed.TX}},
		{"receiving only", KTLS{RX: probed.RX}},
	} {
		for _, v := range versions {
			t.Run(k.name+", "+v.name, func(t *testing.T) { kernelEcho(t, k.ktls, v.version, v.suite, k.ktls == probed) })
		}
	}
}

func kernelEcho(t *testing.T, k KTLS, version, id uint16, real bool) {
	w := newWorld(t, Options{KTLS: k})
	conf := serverConfig()
	conf.KTLS = true
	s := &side{conf: conf, echo: true}
	a := w.listen(s)
	name := t.TempDir() + "/file"
	if err := os.WriteFile(name, pattern(300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f := must(os.Open(name))
	defer f.Close()
	s.onReady = func() {
		s.out.Append(w.d.Pool.MemLink([]byte("file:")))
		s.out.Append(w.d.Pool.FileLink(buf.NewFile(int(f.Fd()), 300_000, stays{}), 0, 300_000))
		s.flush()
	}
	cc := &tls.Config{MinVersion: version, MaxVersion: version}
	if id != 0 {
		cc.CipherSuites = []uint16{id}
	}
	err := w.goClient(a, cc, func(c *tls.Conn) error {
		b := make([]byte, 300_005)
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		if string(b[:5]) != "file:" || !bytes.Equal(b[5:], pattern(300_000)) {
			return fmt.Errorf("the file differs")
		}
		p := pattern(100_000)
		got, err := exchange(c, p)
		if err == nil && !bytes.Equal(got, p) {
			err = fmt.Errorf("the echo differs")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.until("the end", func() bool { return s.end != nil })
	if s.end != io.EOF || s.t.Truncated() {
		t.Errorf("ended by %v, truncated %v", s.end, s.t.Truncated())
	}
	st := w.e.Stats()
	if real && (st.KernelTX > 0) != k.TX.has(s.t.suite.bulk) || s.c.CanSpliceOut() != (st.KernelTX > 0) {
		t.Errorf("%+v with %+v", st, k)
	}
	s.c.Close()
	if st := w.d.Pool.Stats(); st.InUse != 0 || w.e.Stats().Active != 0 || w.e.awake != nil {
		t.Errorf("%d bytes of buffers are still out, %+v", st.InUse, w.e.Stats())
	}
}

// stays is a file of the test's own.
type stays struct{}

func (stays) FileIdle(*buf.File) {}

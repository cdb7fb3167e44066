package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/images/fat"
	"weir/images/inputs"
	"weir/netio/sock/socktest"
)

// bootTime is how long a guest may take on a slow and busy machine. Timing is
// measured elsewhere; this only ends what never comes up.
const bootTime = 10 * time.Minute

// needGuest skips a test where a guest cannot run.
func needGuest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a guest: not with -short")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("needs qemu-system-x86_64 (package qemu-system-x86)")
	}
}

// needAll skips what takes minutes: make test-image runs it.
func needAll(t *testing.T) {
	t.Helper()
	needGuest(t)
	if os.Getenv("WEIR_TEST_IMAGE") == "" {
		t.Skip("takes minutes: set WEIR_TEST_IMAGE=1 (make test-image)")
	}
}

// images builds the disk of a version below a new directory.
func images(t *testing.T, version string) string {
	t.Helper()
	b := newBuilder(t, version)
	if err := b.disk(); err != nil {
		t.Fatal(err)
	}
	return b.out
}

const licenseFile = "../../LICENSE"

// programOnly builds the program of a version: all that packages need.
func programOnly(t *testing.T, version string) *builder {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "weir")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+version, "-o", program, "weir/appliance/cmd/weir")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := &builder{version: version, out: dir, time: time.Unix(1700000000, 0), source: &inputs.Source{Cache: cacheDir(), Mirrors: inputs.AptMirrors(), Log: t.Logf}}
	var err error
	if b.program, err = os.ReadFile(program); err != nil {
		t.Fatal(err)
	}
	if b.license, err = os.ReadFile(licenseFile); err != nil {
		t.Fatal(err)
	}
	return b
}

// newBuilder has the program of a version and what else a disk is made of.
func newBuilder(t *testing.T, version string) *builder {
	t.Helper()
	b := programOnly(t, version)
	all, err := inputs.All()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if _, err := b.source.Get(&all[i]); err != nil {
			t.Skipf("the image's packages cannot be fetched here: %v", err)
		}
	}
	return b
}

// guest is a running machine.
type guest struct {
	t      *testing.T
	cmd    *exec.Cmd
	serial string
	addr   string // port 80 of the guest
	tls    string // port 443
	ended  chan struct{}
}

// boot starts a machine with these arguments.
func boot(t *testing.T, args ...string) *guest {
	t.Helper()
	g := &guest{t: t, serial: filepath.Join(t.TempDir(), "serial"), addr: socktest.Addr(t), tls: socktest.Addr(t), ended: make(chan struct{})}
	g.cmd = exec.Command("qemu-system-x86_64", append([]string{
		"-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "512", "-display", "none", "-serial", "file:" + g.serial,
		"-netdev", "user,id=n,hostfwd=tcp:" + g.addr + "-:80,hostfwd=tcp:" + g.tls + "-:443", "-device", "virtio-net-pci,netdev=n", "-device", "virtio-rng-pci",
	}, args...)...)
	var out bytes.Buffer
	g.cmd.Stdout, g.cmd.Stderr = &out, &out
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the guest
		_ = g.cmd.Wait()
		close(g.ended)
	}()
	t.Cleanup(g.kill)
	return g
}

// kill takes the power away.
func (g *guest) kill() {
	_ = g.cmd.Process.Kill()
	<-g.ended
}

func (g *guest) log() string {
	b, _ := os.ReadFile(g.serial)
	return string(b)
}

// until waits for something, and fails with the serial line's text.
func (g *guest) until(what string, ok func() bool) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bootTime)
	defer cancel()
	for !ok() {
		select {
		case <-g.ended:
			g.t.Fatalf("the guest ended; no %s in\n%s", what, tail(g.log()))
		case <-ctx.Done():
			g.t.Fatalf("no %s in\n%s", what, tail(g.log()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// says waits until the serial line has said something.
func (g *guest) says(text string) {
	g.t.Helper()
	g.until(fmt.Sprintf("%q", text), func() bool { return strings.Contains(g.log(), text) })
}

// serves waits for an answer with this body.
func (g *guest) serves(want string) {
	g.t.Helper()
	c := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	g.until("answer "+want, func() bool {
		r, err := c.Get("http://" + g.addr + "/")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return strings.Contains(string(body), want)
	})
}

const welcome = "weir is running and waits for its configuration"

func TestAKernelStartedDirectlyServes(t *testing.T) {
	needGuest(t)
	g := boot(t, directly(t)...)
	g.serves(welcome)
	g.says("the server is well")
}

// directly builds a system and returns the arguments that start its kernel,
// without firmware and disk.
func directly(t *testing.T) []string {
	t.Helper()
	b := newBuilder(t, "0.1")
	if _, err := b.system(); err != nil {
		t.Fatal(err)
	}
	return []string{"-no-reboot", "-kernel", filepath.Join(b.out, "weir.kernel"), "-initrd", filepath.Join(b.out, "weir.initrd"),
		"-append", "console=ttyS0 quiet panic=5 weir.diskless"}
}

// firmware returns the arguments for a start by UEFI.
func firmware(t *testing.T) []string {
	t.Helper()
	for _, f := range []string{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd"} {
		vars := strings.Replace(f, "CODE", "VARS", 1)
		data, err := os.ReadFile(vars)
		if err != nil {
			continue
		}
		own := filepath.Join(t.TempDir(), "vars.fd")
		if err := os.WriteFile(own, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-machine", "q35", "-drive", "if=pflash,format=raw,readonly=on,file=" + f, "-drive", "if=pflash,format=raw,file=" + own}
	}
	t.Skip("needs OVMF (package ovmf)")
	return nil
}

func disk(file, format string) []string {
	return []string{"-drive", "if=virtio,format=" + format + ",file=" + file}
}

// media makes a configuration disk.
func media(t *testing.T, files ...fat.File) []string {
	t.Helper()
	return labelled(t, "WEIR-CONF", files...)
}

func labelled(t *testing.T, label string, files ...fat.File) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "media")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(fat.MinSize32); err != nil {
		t.Fatal(err)
	}
	if err := fat.Write(f, fat.MinSize32, label, files); err != nil {
		t.Fatal(err)
	}
	return []string{"-drive", "if=virtio,format=raw,readonly=on,file=" + name}
}

func TestEveryDiskBootsByFirmware(t *testing.T) {
	needAll(t)
	dir := images(t, "0.1")
	uefi := firmware(t)
	for _, c := range []struct{ file, format string }{{"weir.raw", "raw"}, {"weir.qcow2", "qcow2"}, {"weir.vmdk", "vmdk"}, {"weir.vhd", "vpc"}} {
		t.Run(c.format, func(t *testing.T) {
			g := boot(t, append(uefi, disk(filepath.Join(dir, c.file), c.format)...)...)
			g.serves(welcome)
			g.says("slot 0.1 is blessed")
		})
	}
}

// TestTheDiscRunsFromMemory starts it as a disc and, byte for byte the same, as
// a disk, both with a configuration disk beside them.
func TestTheDiscRunsFromMemory(t *testing.T) {
	needAll(t)
	iso := filepath.Join(images(t, "0.1"), "weir.iso")
	g := boot(t, append(firmware(t), "-cdrom", iso)...)
	g.serves(welcome)
	g.says("in memory")
	g.kill()
	conf := "user nobody;\nevents {}\nhttp { server { listen 80; location / { return 200 live-and-configured; } } }\n"
	for _, args := range [][]string{{"-cdrom", iso}, disk(iso, "raw")} {
		g := boot(t, slices.Concat(firmware(t), args, media(t, fat.File{Name: "weir/nginx.conf", Data: []byte(conf)}))...)
		g.serves("live-and-configured")
		g.kill()
	}
}

func TestAConfigurationDiskIsTakenOver(t *testing.T) {
	needAll(t)
	dir := images(t, "0.1")
	conf := "user nobody;\nevents {}\nhttp { server { listen 80; location / { return 200 from-the-disk; } } }\n"
	args := append(firmware(t), disk(filepath.Join(dir, "weir.raw"), "raw")...)
	g := boot(t, append(args, media(t,
		fat.File{Name: "machine.yaml", Data: []byte("hostname: edge-1\nprofile: api-gateway\n")},
		fat.File{Name: "weir/nginx.conf", Data: []byte(conf)})...)...)
	g.serves("from-the-disk")
	g.says("api-gateway: ")
	g.kill()
	g = boot(t, args...) // without the disk: it is kept
	g.serves("from-the-disk")
}

func TestAnUpdateIsTriedAndBlessed(t *testing.T) {
	needAll(t)
	old, next := images(t, "0.1"), images(t, "0.2")
	image, err := os.ReadFile(filepath.Join(next, "weir.efi"))
	if err != nil {
		t.Fatal(err)
	}
	g := boot(t, append(append(firmware(t), disk(filepath.Join(old, "weir.raw"), "raw")...), media(t,
		fat.File{Name: "update/weir.efi", Data: image},
		fat.File{Name: "update/weir.efi.sha256", Data: []byte(checksum(image) + "  weir.efi\n")})...)...)
	g.says("version 0.2 is installed")
	g.says("weir 0.2, starting")
	g.serves(welcome)
	g.says("slot 0.2 is blessed")
}

func TestABadSlotFallsBack(t *testing.T) {
	needAll(t)
	old := images(t, "0.1")
	// Version 0.3 has a first process that ends at once: the kernel panics.
	b := &builder{version: "0.3", out: t.TempDir(), time: time.Unix(1700000000, 0), program: []byte("no program"),
		source: &inputs.Source{Cache: cacheDir(), Mirrors: inputs.AptMirrors(), Log: t.Logf}}
	if err := b.disk(); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(filepath.Join(b.out, "weir.efi"))
	if err != nil {
		t.Fatal(err)
	}
	g := boot(t, append(append(firmware(t), disk(filepath.Join(old, "weir.raw"), "raw")...), media(t,
		fat.File{Name: "update/weir.efi", Data: image},
		fat.File{Name: "update/weir.efi.sha256", Data: []byte(checksum(image))})...)...)
	g.says("version 0.3 is installed")
	g.until("second start of 0.1", func() bool {
		return strings.Count(g.log(), "weir 0.1, starting") >= 2 && strings.Count(g.log(), "the server is well") >= 2
	})
	g.serves(welcome)
}

// TestPowerCutsDuringUpdatesAreSurvived takes the power away twenty times while
// updates are written and tried; each next start must serve.
func TestPowerCutsDuringUpdatesAreSurvived(t *testing.T) {
	needAll(t)
	b := newBuilder(t, "0.1")
	if err := b.disk(); err != nil {
		t.Fatal(err)
	}
	uefi := firmware(t)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	for i := range 20 {
		next := *b
		next.version, next.out = fmt.Sprintf("0.2.%d", i), t.TempDir()
		if _, err := next.system(); err != nil {
			t.Fatal(err)
		}
		image, err := os.ReadFile(filepath.Join(next.out, "weir.efi"))
		if err != nil {
			t.Fatal(err)
		}
		g := boot(t, slices.Concat(uefi, disk(filepath.Join(b.out, "weir.raw"), "raw"), media(t,
			fat.File{Name: "update/weir.efi", Data: image},
			fat.File{Name: "update/weir.efi.sha256", Data: []byte(checksum(image))}))...)
		g.serves(welcome)
		// The update is looked for after five seconds and takes some more.
		time.Sleep(4*time.Second + time.Duration(random.Int64N(int64(8*time.Second))))
		g.kill()
		os.RemoveAll(next.out)
	}
	g := boot(t, slices.Concat(uefi, disk(filepath.Join(b.out, "weir.raw"), "raw"))...)
	g.serves(welcome)
	g.says("is blessed")
}

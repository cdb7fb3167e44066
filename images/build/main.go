package main

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/images/inputs"
)

// builder is one run.
type builder struct {
	program []byte // the weir binary
	license []byte // its license's text
	version string
	out     string
	time    time.Time // of every file: that of the commit
	source  *inputs.Source
	made    []string
}

func main() {
	weir := flag.String("weir", "bin/weir", "the `program`")
	out := flag.String("o", "dist", "`directory` for the images")
	version := flag.String("version", "0.1", "`version` of the images")
	epoch := flag.Int64("time", 1700000000, "`seconds` since 1970 that every file is dated")
	cache := flag.String("cache", cacheDir(), "`directory` for fetched packages")
	mirrors := flag.String("mirror", "", "Debian `mirrors`, separated by commas, each ending in an archive's name; else those of this machine's apt")
	license := flag.String("license", "LICENSE", "`file` with the license")
	only := flag.String("only", "", "make only these: disk, deb, oci, separated by commas")
	flag.Parse()
	if err := build(*weir, *out, *version, *epoch, *cache, *mirrors, *only, *license); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "weir-images")
}

func build(weir, out, version string, epoch int64, cache, mirrors, only, license string) error {
	program, err := os.ReadFile(weir)
	if err != nil {
		return fmt.Errorf("%w (make image makes it)", err)
	}
	terms, err := os.ReadFile(license)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	b := &builder{program: program, license: terms, version: plain(version), out: out, time: time.Unix(epoch, 0).UTC(),
		source: &inputs.Source{Cache: cache, Mirrors: inputs.AptMirrors(), Log: say}}
	if mirrors != "" {
		b.source.Mirrors = strings.Split(mirrors, ",")
	}
	for _, step := range []struct {
		name string
		make func() error
	}{{"disk", b.disk}, {"deb", b.deb}, {"oci", b.oci}} {
		if only != "" && !strings.Contains(","+only+",", ","+step.name+",") {
			continue
		}
		if err := step.make(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return b.sums()
}

// plain makes a version fit for file names and boot counting, which has a
// meaning of its own for + and -.
func plain(version string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r == '-' || r == '_' || r == '/' {
			return '.'
		}
		return r
	}, strings.ToLower(version))
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// write writes one of the images.
func (b *builder) write(name string, data []byte) error {
	b.made = append(b.made, name)
	say("%s: %d KB", filepath.Join(b.out, name), len(data)/1024)
	return os.WriteFile(filepath.Join(b.out, name), data, 0o644)
}

// sums writes the checksums of everything that was made.
func (b *builder) sums() error {
	var text strings.Builder
	for _, name := range b.made {
		data, err := os.ReadFile(filepath.Join(b.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", checksum(data), name)
	}
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(text.String()), 0o644)
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

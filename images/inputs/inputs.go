package inputs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/tuning/machine"
)

//go:embed inputs.conf
var pins string

// Input is one pinned package.
type Input struct {
	Name    string // "kernel"
	Archive string // "debian" or "debian-security": the last part of a mirror's address
	Path    string // below the archive
	Sum     string // SHA-256, hexadecimal
}

// All returns the pinned packages.
func All() ([]Input, error) {
	var all []Input
	for n, line := range strings.Split(pins, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) != 4 || len(f[3]) != 64 {
			return nil, fmt.Errorf("inputs.conf:%d: want name, archive, path and sum", n+1)
		}
		all = append(all, Input{f[0], f[1], f[2], f[3]})
	}
	return all, nil
}

// Source says where packages come from.
type Source struct {
	Cache   string   // directory
	Mirrors []string // addresses that end in an archive's name
	Log     func(format string, args ...any)
}

// maxInput bounds a package, in bytes.
const maxInput = 512 << 20

// Get returns the file of a package, fetched if need be.
func (s *Source) Get(in *Input) (string, error) {
	name := filepath.Join(s.Cache, in.Sum[:16]+"-"+path.Base(in.Path))
	if data, err := os.ReadFile(name); err == nil && sum(data) == in.Sum {
		return name, nil
	}
	var tried []error
	for _, m := range s.Mirrors {
		if path.Base(strings.TrimRight(m, "/")) != in.Archive {
			continue
		}
		data, err := s.fetch(strings.TrimRight(m, "/") + "/" + in.Path)
		if err == nil && sum(data) != in.Sum {
			err = fmt.Errorf("%s/%s has checksum %s, want %s", m, in.Path, sum(data), in.Sum)
		}
		if err != nil {
			tried = append(tried, errors.Join(err, s.newer(m, in)))
			continue
		}
		return name, keep(name, data)
	}
	if len(tried) == 0 {
		return "", fmt.Errorf("no mirror of the archive %s is known: name one (-mirror http://HOST/%s)", in.Archive, in.Archive)
	}
	return "", fmt.Errorf("%s: %w", in.Name, errors.Join(tried...))
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func keep(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return machine.Replace(name, data, 0o644)
}

var client = &http.Client{Timeout: 5 * time.Minute}

func (s *Source) fetch(url string) ([]byte, error) {
	s.Log("fetching %s", url)
	r, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, r.Status)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxInput+1))
	if len(data) > maxInput {
		return nil, fmt.Errorf("%s is larger than %d bytes", url, maxInput)
	}
	return data, err
}

// file finds the packages a mirror's folder lists.
var file = regexp.MustCompile(`href="([^"/]+_amd64\.deb)"`)

// newer is the error that names what the mirror has of the package.
func (s *Source) newer(mirror string, in *Input) error {
	page, err := s.fetch(strings.TrimRight(mirror, "/") + "/" + path.Dir(in.Path) + "/")
	if err != nil {
		return nil // the first error says enough
	}
	kind := family(path.Base(in.Path))
	var have []string
	for _, m := range file.FindAllSubmatch(page, -1) {
		if name := string(m[1]); family(name) == kind {
			have = append(have, name)
		}
	}
	slices.Sort(have)
	if len(have) == 0 {
		return nil
	}
	return fmt.Errorf("the mirror has %s: move the pin in images/inputs/inputs.conf", have[len(have)-1])
}

// digits stand for versions in the names of kernel packages.
var digits = regexp.MustCompile(`[0-9][0-9.]*(-[0-9]+)?`)

// family is a package's name without what changes from version to version.
func family(name string) string {
	name, _, _ = strings.Cut(name, "_")
	return digits.ReplaceAllString(name, "N")
}

// AptMirrors returns the mirrors that this machine's apt uses, in both forms
// of its lists.
func AptMirrors() []string {
	var found []string
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, f := range append(files, "/etc/apt/sources.list") {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			for word := range strings.FieldsSeq(string(line)) {
				if strings.HasPrefix(string(line), "#") {
					break
				}
				if strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://") {
					found = append(found, word)
				}
			}
		}
	}
	return found
}

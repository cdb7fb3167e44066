package profile

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Keep is the value that leaves a setting as it is.
const Keep = "keep"

//go:embed data/*.conf
var data embed.FS

// Item is one setting of a profile.
type Item struct {
	Key    *Key
	Value  string // fields separated by single spaces; never Keep
	Reason string // the key's Doc where the profile gives none
	File   string // where the value stands
	Line   int
}

// Profile is one profile with everything it includes.
type Profile struct {
	Name  string
	About string
	Items []Item // in the order of Keys, which is the order to apply them in
}

// Names returns the profiles that come with weir.
func Names() []string {
	files, err := fs.Glob(data, "data/*.conf")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".conf")
	}
	return files
}

// Load returns the profile that comes with weir under this name, or, when the
// name has a slash in it, the one in that file. The error names every line
// that is wrong.
func Load(name string) (*Profile, error) { return LoadBy(name, os.ReadFile) }

// LoadBy is Load with files read by read.
func LoadBy(name string, read func(file string) ([]byte, error)) (*Profile, error) {
	r := &reader{read: read, found: map[string]*Item{}}
	if err := r.load(name, 0); err != nil {
		return nil, err
	}
	if len(r.wrong) > 0 {
		return nil, errors.Join(r.wrong...)
	}
	p := &Profile{Name: strings.TrimSuffix(path.Base(name), ".conf"), About: r.about}
	for i := range Keys {
		if it := r.found[Keys[i].Name]; it != nil && it.Value != Keep {
			if it.Reason == "" {
				it.Reason = it.Key.Doc
			}
			p.Items = append(p.Items, *it)
		}
	}
	return p, nil
}

// maxIncludes bounds the depth of includes, so that a circle ends.
const maxIncludes = 8

// reader collects one profile.
type reader struct {
	read  func(file string) ([]byte, error)
	about string
	found map[string]*Item
	wrong []error
}

func (r *reader) load(name string, depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("profile %q: more than %d includes within each other", name, maxIncludes)
	}
	file, text, err := r.open(name)
	if err != nil {
		return err
	}
	if depth == 0 {
		r.about = about(text)
	}
	var comment []string
	opening := true // the first comment is about the profile, no setting's reason
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			comment, opening = nil, false
		case line[0] == '#' && !opening:
			comment = append(comment, strings.TrimSpace(line[1:]))
		case line[0] == '#':
		default:
			if err := r.line(file, i+1, line, strings.Join(comment, " "), depth); err != nil {
				return err
			}
			comment, opening = nil, false
		}
	}
	return nil
}

// open finds a profile. What comes with weir has no slash in its name.
func (r *reader) open(name string) (file, text string, err error) {
	if strings.Contains(name, "/") {
		b, err := r.read(name)
		return name, string(b), err
	}
	b, err := fs.ReadFile(data, "data/"+name+".conf")
	if err != nil {
		return "", "", fmt.Errorf("there is no profile %q: weir has %s; a file of your own needs a slash in its name", name, strings.Join(Names(), ", "))
	}
	return name + ".conf", string(b), nil
}

// about returns the comment a profile begins with.
func about(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			break
		}
		words = append(words, strings.TrimSpace(line))
	}
	return strings.Join(words, " ")
}

// line takes an include or a setting. Only what cannot be read at all is an
// error; what is wrong in a line is collected.
func (r *reader) line(file string, n int, line, reason string, depth int) error {
	if what, ok := strings.CutPrefix(line, "include "); ok {
		if err := r.load(strings.TrimSpace(what), depth+1); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
		return nil
	}
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		r.fault(file, n, "%q is neither \"key = value\" nor \"include profile\"", line)
		return nil
	}
	name, value = strings.TrimSpace(name), strings.Join(strings.Fields(value), " ")
	key := Find(name)
	if key == nil {
		r.fault(file, n, "unknown setting %q%s", name, like(name))
		return nil
	}
	if value != Keep {
		if err := key.Check(value); err != nil {
			r.fault(file, n, "%s: %v", name, err)
			return nil
		}
	}
	it := r.found[name]
	if it == nil {
		it = &Item{Key: key}
		r.found[name] = it
	}
	it.Value, it.File, it.Line = value, file, n
	if reason != "" {
		it.Reason = reason
	}
	return nil
}

func (r *reader) fault(file string, n int, format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Errorf("%s:%d: "+format, append([]any{file, n}, args...)...))
}

// like names the known setting with the same last part, for one who wrote the
// wrong family.
func like(name string) string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	i := slices.IndexFunc(Keys, func(k Key) bool { return strings.HasSuffix(k.Name, "."+last) })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", Keys[i].Name)
}

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// Case is one file.
type Case struct {
	About     string
	HTTP      string // section conf
	Main      string
	Full      string // section nginx.conf
	Needs     []string
	Files     []section
	Certs     []section // cert and crl, in order
	Backends  []section // the answers of all backends, in order
	Steps     []section
	ConfError []string
	ConfWarn  []string

	errorLog   []string // all patterns of error_log, also those of "maybe", for judging other lines
	noErrorLog []string
	patience   time.Duration // how long a step may wait; the runner's own tests shorten it
}

// section is one section of a case with its options.
type section struct {
	kind string
	name string            // the first word that is no option: a path or a backend
	opts map[string]string // "" for an option without a value
	text string
}

func (s section) has(opt string) bool { _, ok := s.opts[opt]; return ok }

// size returns the option size, 0 without it.
func (s section) size() int { n, _ := strconv.Atoi(s.opts["size"]); return n }

// kinds are the sections with the options each may have.
var kinds = map[string][]string{
	"conf": nil, "main": nil, "nginx.conf": nil, "needs": nil,
	"file":          {"size", "mode"},
	"backend":       {"raw", "close", "drop", "hang", "early", "delay", "size", "unix", "proxy"},
	"cert":          {"ca", "by", "cn", "key", "password", "expired"},
	"crl":           nil,
	"ech":           nil,
	"request":       {"size", "same", "to", "raw", "split", "slow", "end", "tls", "cert", "version", "alpn", "rsa", "resume", "proxied"},
	"refused":       {"to", "tls", "cert", "version", "alpn", "rsa"},
	"certificate":   nil,
	"response":      {"rest"},
	"bytes":         {"raw"},
	"closed":        {"reset"},
	"backend_got":   nil,
	"backend_stats": nil,
	"log":           nil,
	"error_log":     {"maybe"},
	"no_error_log":  nil,
	"conf_error":    nil,
	"conf_warn":     nil,
}

// named are the kinds whose first word may be a name.
var named = []string{"file", "cert", "crl", "ech", "backend", "backend_got", "backend_stats", "log"}

// Parse reads one file.
func Parse(data []byte) (*Case, error) {
	a := txtar.Parse(data)
	c := &Case{About: strings.TrimSpace(string(a.Comment)), patience: patience}
	if c.About == "" {
		return nil, fmt.Errorf("no text before the first section says what the case shows")
	}
	for _, f := range a.Files {
		s, err := parseHeader(f.Name)
		if err != nil {
			return nil, err
		}
		s.text = string(f.Data)
		if err := c.add(s); err != nil {
			return nil, fmt.Errorf("section %q: %w", f.Name, err)
		}
	}
	return c, c.check()
}

// parseHeader reads "KIND.suffix NAME opt opt=value".
func parseHeader(header string) (section, error) {
	words := strings.Fields(header)
	if len(words) == 0 {
		return section{}, fmt.Errorf("a section without a kind")
	}
	kind := words[0]
	if kind != "nginx.conf" {
		kind, _, _ = strings.Cut(kind, ".")
	}
	allowed, ok := kinds[kind]
	if !ok {
		return section{}, fmt.Errorf("unknown section %q (a file is \"file PATH\")", header)
	}
	s := section{kind: kind, opts: map[string]string{}}
	for i, w := range words[1:] {
		opt, value, _ := strings.Cut(w, "=")
		switch {
		case slices.Contains(allowed, opt):
			s.opts[opt] = value
		case i == 0 && slices.Contains(named, kind):
			s.name = w
		default:
			return section{}, fmt.Errorf("section %q: unknown option %q", header, w)
		}
	}
	return s, s.checkOptions()
}

// checkOptions reads the options that are numbers once, so that a mistake is
// found before anything runs.
func (s section) checkOptions() error {
	for opt, value := range s.opts {
		var err error
		switch opt {
		case "size", "slow":
			_, err = strconv.ParseUint(value, 10, 31)
		case "mode":
			_, err = strconv.ParseUint(value, 8, 12)
		case "delay":
			_, err = time.ParseDuration(value)
		}
		if err != nil {
			return fmt.Errorf("option %s=%s: %w", opt, value, err)
		}
	}
	return nil
}

func (c *Case) add(s section) error {
	switch s.kind {
	case "conf":
		return once(&c.HTTP, s.text)
	case "main":
		return once(&c.Main, s.text)
	case "nginx.conf":
		return once(&c.Full, s.text)
	case "needs":
		c.Needs = append(c.Needs, strings.Fields(s.text)...)
	case "file":
		c.Files = append(c.Files, s)
	case "cert", "crl", "ech":
		c.Certs = append(c.Certs, s)
	case "backend":
		c.Backends = append(c.Backends, s)
	case "conf_error":
		c.ConfError = append(c.ConfError, lines(s.text)...)
	case "conf_warn":
		c.ConfWarn = append(c.ConfWarn, lines(s.text)...)
	case "no_error_log":
		c.noErrorLog = append(c.noErrorLog, lines(s.text)...)
		return compiles(c.noErrorLog)
	case "error_log":
		c.errorLog = append(c.errorLog, lines(s.text)...)
		if !s.has("maybe") {
			c.Steps = append(c.Steps, s)
		}
		return compiles(c.errorLog)
	default:
		c.Steps = append(c.Steps, s)
	}
	return nil
}

func once(to *string, text string) error {
	if *to != "" {
		return fmt.Errorf("is given twice")
	}
	*to = text
	return nil
}

// check looks at the case as a whole.
func (c *Case) check() error {
	if (c.Full == "") == (c.HTTP == "") {
		return fmt.Errorf("want one of the sections conf and nginx.conf")
	}
	onlyConf := c.ConfError != nil || c.ConfWarn != nil
	if onlyConf != (len(c.Steps) == 0) {
		return fmt.Errorf("want either requests or conf_error or conf_warn")
	}
	for _, need := range c.Needs {
		if !slices.Contains([]string{"root", "ipv6", "weir"}, need) && nginxVersion(need) == [2]int{} {
			return fmt.Errorf("nobody knows the need %q", need)
		}
	}
	open := false // a connection
	for _, s := range c.Steps {
		switch s.kind {
		case "request":
			if s.has("same") && !open {
				return fmt.Errorf("the first request cannot be on the same connection")
			}
			open = true
		case "response", "bytes", "closed", "certificate":
			if !open {
				return fmt.Errorf("%s before the first request", s.kind)
			}
		case "backend_got", "backend_stats":
			if !slices.ContainsFunc(c.Backends, func(b section) bool { return b.name == s.name }) {
				return fmt.Errorf("%s: there is no backend %q", s.kind, s.name)
			}
		}
	}
	return nil
}

// nginxVersion reads a need like "nginx>=1.25"; zero for anything else.
func nginxVersion(need string) (v [2]int) {
	if n, err := fmt.Sscanf(need, "nginx>=%d.%d", &v[0], &v[1]); n != 2 || err != nil {
		return [2]int{}
	}
	return v
}

// compiles reports the first pattern that is no regular expression.
// Placeholders in them are plain text.
func compiles(patterns []string) error {
	for _, p := range patterns {
		if _, err := regexp.Compile(p); err != nil {
			return err
		}
	}
	return nil
}

// lines returns the lines of text that are not empty.
func lines(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, "\n"); l != "" {
			out = append(out, l)
		}
	}
	return out
}

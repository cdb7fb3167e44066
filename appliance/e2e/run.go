package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	patience = 30 * time.Second     // how long anything may be waited for
	seePause = 2 * time.Millisecond // between looks at a log
	runs     = 2                    // of every case on one server
)

// Run runs the case against the binary and returns what went wrong.
func (c *Case) Run(binary string) []string {
	p, err := newPlace()
	if err != nil {
		return []string{err.Error()}
	}
	defer p.close()
	backends, err := startBackends(p, c.Backends)
	defer func() {
		for _, b := range backends {
			b.close()
		}
	}()
	if err == nil {
		err = c.prepare(p)
	}
	if err != nil {
		return []string{err.Error()}
	}
	if c.ConfError != nil || c.ConfWarn != nil {
		return c.runConf(binary, p)
	}
	s, err := startServer(binary, p.dir)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	for i := range runs {
		r := &run{c: c, p: p, backends: backends, client: &client{limit: c.patience, dir: p.dir}, logs: map[string]*logFile{}, seen: map[string]int{}}
		if wrong = r.steps(); wrong != nil {
			for j := range wrong {
				wrong[j] = fmt.Sprintf("run %d: %s", i+1, wrong[j])
			}
			break
		}
	}
	if err := s.stop(); err != nil {
		wrong = append(wrong, err.Error())
	}
	return append(wrong, c.judgeLog(p)...)
}

// startBackends starts each backend that has a section, by name.
func startBackends(p *place, sections []section) (map[string]*backend, error) {
	backends := map[string]*backend{}
	byName := map[string][]section{}
	for _, s := range sections {
		byName[s.name] = append(byName[s.name], s)
	}
	for name, list := range byName {
		b, err := startBackend(p, name, list)
		if err != nil {
			return backends, fmt.Errorf("backend %s: %w", name, err)
		}
		backends[name] = b
		key := "BACKEND"
		if name != "" {
			key += "_" + name
		}
		p.backends[key] = b.addr()
	}
	return backends, nil
}

// prepare writes the case's files and its nginx.conf.
func (c *Case) prepare(p *place) error {
	for _, s := range c.Certs {
		add := p.makeCert
		switch s.kind {
		case "crl":
			add = p.makeCRL
		case "ech":
			add = p.makeECH
		}
		if err := add(s); err != nil {
			return fmt.Errorf("%s %s: %w", s.kind, s.name, err)
		}
	}
	for _, f := range append(slices.Clone(c.Files), section{name: "nginx.conf", text: config(c)}) {
		if err := p.write(f); err != nil {
			return fmt.Errorf("file %s: %w", f.name, err)
		}
	}
	return nil
}

// runConf looks at what -t says.
func (c *Case) runConf(binary string, p *place) []string {
	said, ok, err := testConfig(binary, p.dir)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	if want := c.ConfError == nil; ok != want {
		wrong = append(wrong, fmt.Sprintf("-t is content: %v, want %v", ok, want))
	}
	for _, line := range append(slices.Clone(c.ConfError), c.ConfWarn...) {
		text, err := p.expand(line)
		re, isPattern := strings.CutPrefix(text, "~")
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case isPattern && !matches(re, said), !isPattern && !strings.Contains(said, text):
			wrong = append(wrong, fmt.Sprintf("-t does not say %q", text))
		}
	}
	if wrong != nil {
		wrong = append(wrong, "-t says: "+said)
	}
	return wrong
}

// run is one of the runs of a case.
type run struct {
	c        *Case
	p        *place
	backends map[string]*backend
	client   *client
	logs     map[string]*logFile
	seen     map[string]int // lines of a log that were compared
}

// steps does everything of the run, up to the first step that goes wrong.
func (r *run) steps() []string {
	for _, b := range r.backends {
		b.begin()
	}
	r.log("error.log").mark()
	for _, s := range r.c.Steps {
		if s.kind == "log" {
			r.log(s.name).mark()
		}
	}
	for i, s := range r.c.Steps {
		text, err := r.p.expand(s.text)
		if err != nil {
			return []string{err.Error()}
		}
		s.text = text
		if wrong := r.step(s); wrong != nil {
			wrong[0] = fmt.Sprintf("step %d (%s %s): %s", i+1, s.kind, s.name, wrong[0])
			r.client.close()
			return wrong
		}
	}
	if err := r.client.close(); err != nil {
		return []string{err.Error()}
	}
	return nil
}

func (r *run) step(s section) []string {
	switch s.kind {
	case "request", "refused":
		return r.request(s)
	case "certificate":
		return failure(r.client.certificate(s))
	case "response":
		m, err := r.client.response(s)
		if err != nil {
			return []string{fmt.Sprintf("%v; read so far:\n%s", err, m)}
		}
		return compared(match(s.text, m, r.file), m)
	case "bytes":
		return failure(r.client.bytes(s))
	case "closed":
		return failure(r.client.closed(s.has("reset")))
	case "backend_got":
		m, err := r.backends[s.name].request(r.c.patience)
		if err != nil {
			return failure(err)
		}
		return compared(match(s.text, m, r.file), m)
	case "backend_stats":
		return r.stats(s)
	case "log":
		return r.compareLog(s)
	case "error_log":
		return r.awaitErrorLog(lines(s.text))
	}
	panic("BUG: no step " + s.kind)
}

func (r *run) request(s section) []string {
	to := s.opts["to"]
	if to == "" {
		to = "127.0.0.1:%PORT%"
	}
	to, err := r.p.expand(to)
	if err != nil {
		return failure(err)
	}
	if s.kind == "refused" {
		return failure(r.client.refused(s, to))
	}
	return failure(r.client.request(s, to))
}

// stats compares a backend's counters, waiting for requests that a response
// does not wait for.
func (r *run) stats(s section) []string {
	var got string
	ok := r.eventually(func() bool {
		requests, conns := r.backends[s.name].stats()
		got = "requests " + strconv.Itoa(requests) + ", connections " + strconv.Itoa(conns)
		for _, want := range lines(s.text) {
			if !slices.Contains(strings.Split(got, ", "), want) {
				return false
			}
		}
		return true
	})
	if !ok {
		return []string{fmt.Sprintf("got %s, want %s", got, strings.Join(lines(s.text), ", "))}
	}
	return nil
}

func (r *run) log(name string) *logFile {
	l := r.logs[name]
	if l == nil {
		l = &logFile{path: filepath.Join(r.p.dir, name)}
		r.logs[name] = l
	}
	return l
}

// compareLog compares the next lines of a log with the section's.
func (r *run) compareLog(s section) []string {
	want := lines(s.text)
	var got []string
	enough := r.eventually(func() bool {
		got = r.log(s.name).added()[r.seen[s.name]:]
		return len(got) >= len(want)
	})
	if !enough {
		return []string{fmt.Sprintf("%s has the lines %q, want %q", s.name, got, want)}
	}
	r.seen[s.name] += len(want)
	var wrong []string
	for i, w := range want {
		if !matchValue(w, got[i]) {
			wrong = append(wrong, fmt.Sprintf("%s has the line %q, want %q", s.name, got[i], w))
		}
	}
	return wrong
}

// awaitErrorLog waits until each pattern matches a line of this run.
func (r *run) awaitErrorLog(patterns []string) []string {
	var missing string
	ok := r.eventually(func() bool {
		added := r.log("error.log").added()
		for _, p := range patterns {
			if !slices.ContainsFunc(added, func(l string) bool { return matches(p, l) }) {
				missing = p
				return false
			}
		}
		return true
	})
	if !ok {
		return []string{fmt.Sprintf("nothing in the error log matches %s; it has:\n%s", missing, strings.Join(r.log("error.log").added(), "\n"))}
	}
	return nil
}

func (r *run) file(name string) ([]byte, error) { return os.ReadFile(filepath.Join(r.p.dir, name)) }

// judgeLog looks at the whole error log once the server has ended.
func (c *Case) judgeLog(p *place) []string {
	data, err := os.ReadFile(filepath.Join(p.dir, "error.log"))
	if err != nil {
		return nil // logging elsewhere is the case's business
	}
	var wrong []string
	for _, line := range lines(string(data)) {
		matching := func(re string) bool { text, _ := p.expand(re); return matches(text, line) }
		if i := slices.IndexFunc(c.noErrorLog, matching); i >= 0 {
			wrong = append(wrong, fmt.Sprintf("the error log has %q, which %s forbids", line, c.noErrorLog[i]))
		} else if severe(line) && !slices.ContainsFunc(c.errorLog, matching) {
			wrong = append(wrong, "the error log has a line that nothing expects: "+line)
		}
	}
	return wrong
}

// severe reports whether a line of the error log has level error or worse.
func severe(line string) bool {
	return matches(`^[\d/]+ [\d:]+ \[(error|crit|alert|emerg)\] `, line)
}

// eventually asks again until ok or the limit; it reports the last answer.
func (r *run) eventually(ok func() bool) bool {
	for end := time.Now().Add(r.c.patience); ; time.Sleep(seePause) {
		if ok() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func failure(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// compared adds the message to what differs in it.
func compared(wrong []string, m *message) []string {
	if wrong == nil {
		return nil
	}
	return append(wrong, "the message was:\n"+m.String())
}

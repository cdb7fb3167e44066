package rewrite

import (
	"bytes"
	"syscall"

	"weir/appliance/http"
)

// program is what the directives of one block compile to. It is immutable
// once the configuration is read.
type program []instruction

type opKind uint8

const (
	opSet     opKind = iota // variable index = value
	opIf                    // unless the test holds, go on at next; else under loc, if set
	opRewrite               // rewrite
	opReturn                // status and value
	opBreak
	opCall // call, of another module
)

// test is the kind of condition of an `if`.
type test uint8

const (
	testTrue   test = iota // the variable is neither empty nor "0"
	testEqual              // variable = value
	testRegex              // variable ~ re
	testFile               // -f value
	testDir                // -d
	testExists             // -e
	testExec               // -x
)

// instruction is one directive. Which fields count depends on kind.
type instruction struct {
	kind    opKind
	test    test
	negate  bool
	last    bool // the program ends behind it
	index   int
	next    int
	status  http.Code
	value   *http.Complex
	re      *http.Regex
	rewrite *rewriteOp
	loc     *http.Location
	call    func(r *http.Request) http.Code
}

// rewriteOp is a rewrite directive.
type rewriteOp struct {
	re      *http.Regex
	path    *http.Complex // up to the first question mark; the whole URL of a redirect
	args    *http.Complex // behind it
	hasArgs bool          // there is a question mark
	addArgs bool          // append the request's arguments
	stay    bool          // break: the location is not chosen anew
	status  http.Code     // of a redirect, 0 for an internal change
}

// position is where a program stands whose instruction has to wait.
type position struct {
	program program // nil: none waits
	at      int
	log     bool
	quote   bool
}

// run executes the program. Declined: go on with the request; Again: an
// instruction waits, resume goes on; anything else is to be finalized.
func (p program) run(r *http.Request, log bool) http.Code {
	return p.runFrom(r, 0, log, true) // captures are escaped until a rewrite has matched, as in nginx
}

// resume goes on with a program at the instruction that had to wait.
func (w *position) resume(r *http.Request) http.Code {
	p := w.program
	w.program = nil
	return p.runFrom(r, w.at, w.log, w.quote)
}

// park keeps the position of a program whose instruction waits.
func (p program) park(r *http.Request, at int, log, quote bool) {
	w := waiting.Get(r)
	if w == nil {
		w = new(position)
		waiting.Set(r, w)
	}
	*w = position{p, at, log, quote}
}

func (p program) runFrom(r *http.Request, at int, log, quote bool) http.Code {
	for i := at; i < len(p); i++ {
		in := &p[i]
		switch in.kind {
		case opSet:
			r.SetVar(in.index, eval(r, in.value, quote))
		case opIf:
			if in.holds(r, log, quote) == in.negate {
				i = in.next - 1
			} else if in.loc != nil {
				r.SetLocation(in.loc)
			}
		case opRewrite:
			matched, rc := in.rewrite.run(r, log)
			if rc != http.Declined || matched && in.last {
				return rc
			}
			quote = quote && !matched
		case opReturn:
			return in.answer(r)
		case opBreak:
			if r.URIChanged() {
				r.KeepLocation()
			}
			return http.Declined
		case opCall:
			rc := in.call(r)
			if rc == http.Again {
				p.park(r, i, log, quote)
			}
			if rc != http.Declined {
				return rc
			}
		}
	}
	return http.Declined
}

func eval(r *http.Request, v *http.Complex, quote bool) []byte {
	if quote {
		return v.EvalQuoted(r)
	}
	return v.Eval(r)
}

// holds works a condition out, without regard to negate.
func (in *instruction) holds(r *http.Request, log, quote bool) bool {
	switch in.test {
	case testTrue:
		v := r.Var(in.index).B
		return len(v) > 1 || len(v) == 1 && v[0] != '0'
	case testEqual:
		v := r.Var(in.index).B
		return bytes.Equal(v, eval(r, in.value, quote))
	case testRegex:
		return match(r, in.re, r.Var(in.index).B, log)
	}
	return in.fileIs(r, eval(r, in.value, quote))
}

// match matches subject and sets, or forgets, the captures.
func match(r *http.Request, re *http.Regex, subject []byte, log bool) bool {
	ok := r.MatchRegex(re, subject)
	if !ok {
		r.SetCaptures(nil, nil)
	}
	if log {
		verb := "matches"
		if !ok {
			verb = "does not match"
		}
		r.Logf(http.LogNotice, "\"%s\" %s \"%s\"", re.Pattern, verb, subject)
	}
	return ok
}

// fileIs asks the file system. A file that is not there answers no; other
// troubles are logged, and answer no, too.
func (in *instruction) fileIs(r *http.Request, path []byte) bool {
	f := r.OpenFile(path, http.FileTest)
	if f.Err != 0 {
		if f.Err != syscall.ENOENT && f.Err != syscall.ENOTDIR && f.Err != syscall.ENAMETOOLONG {
			r.LogFileError(&f, path, http.LogCrit)
		}
		return false
	}
	switch in.test {
	case testFile:
		return f.IsFile
	case testDir:
		return f.IsDir
	case testExec:
		return f.IsExec
	}
	return f.IsFile || f.IsDir
}

// answer is `return`.
func (in *instruction) answer(r *http.Request) http.Code {
	if text, ok := in.value.Constant(); ok && len(text) == 0 && in.status >= http.StatusBadRequest {
		return in.status
	}
	switch in.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if rc := r.DiscardBody(); rc != http.OK {
			return rc
		}
		r.Redirect(in.status, in.value.Eval(r))
		return in.status
	}
	r.Out.Status = int(in.status) // what $status in the text says
	return r.SendResponse(in.status, nil, in.value.Eval(r))
}

// run applies a rewrite directive.
func (w *rewriteOp) run(r *http.Request, log bool) (matched bool, rc http.Code) {
	if !match(r, w.re, r.URI, log) {
		return false, http.Declined
	}
	r.SetInternal(true)
	r.ValidURI = false
	if w.status != 0 {
		target := w.location(r)
		if log {
			r.Logf(http.LogNotice, "rewritten redirect: \"%s\"", target)
		}
		r.Redirect(w.status, target)
		return true, w.status
	}
	uri := w.path.Eval(r)
	args := r.Args
	switch {
	case w.hasArgs:
		args = w.args.EvalQuoted(r)
		if w.addArgs && len(r.Args) > 0 {
			args = join(r, args, '&', r.Args)
		}
	case !w.addArgs:
		args = nil
	}
	if log {
		r.Logf(http.LogNotice, "rewritten data: \"%s\", args: \"%s\"", uri, args)
	}
	if len(uri) == 0 {
		r.Log(http.LogErr, "the rewritten URI has a zero length")
		return true, http.StatusInternalServerError
	}
	r.Args = args
	r.RewriteURI(uri)
	if w.stay {
		r.KeepLocation()
	}
	return true, http.Declined
}

// location is the target of a redirect: what was escaped for it is decoded as
// far as that is safe in a Location field.
func (w *rewriteOp) location(r *http.Request) []byte {
	src := w.path.EvalQuoted(r)
	dst := unescapeRedirect(r.Alloc(len(src))[:0], src)
	if !w.addArgs || len(r.Args) == 0 {
		return dst
	}
	sep := byte('?')
	if w.hasArgs {
		sep = '&'
	}
	return join(r, dst, sep, r.Args)
}

func join(r *http.Request, a []byte, sep byte, b []byte) []byte {
	out := append(r.Alloc(len(a) + 1 + len(b))[:0], a...)
	return append(append(out, sep), b...)
}

// unescapeRedirect appends src to dst. Up to the first question mark, escapes
// of printable characters above the percent sign are decoded; others stay, and
// the percent sign of a broken one is dropped.
func unescapeRedirect(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c == '?' {
			return append(dst, src[i:]...)
		}
		if c != '%' {
			dst = append(dst, c)
			continue
		}
		if i+1 == len(src) {
			break
		}
		i++
		hi, ok := hexDigit(src[i])
		if !ok {
			dst = append(dst, src[i])
			continue
		}
		if i+1 == len(src) {
			break
		}
		i++
		lo, ok := hexDigit(src[i])
		if !ok {
			continue
		}
		if c = hi<<4 | lo; c > '%' && c < 0x7f {
			dst = append(dst, c)
			if c == '?' && src[i] > '9' {
				return append(dst, src[i+1:]...)
			}
		} else {
			dst = append(dst, '%', src[i-1], src[i])
		}
	}
	return dst
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

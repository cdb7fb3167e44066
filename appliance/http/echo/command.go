package echo

import (
	"weir/appliance/http"
	"weir/netio/poll"
)

// duplicateBlock is how much text one link of echo_duplicate carries: all
// links share it.
const duplicateBlock = 16 << 10

// duplicate is echo_duplicate.
func (e *run) duplicate(c *locConf, s *step) http.Code {
	r := e.r
	arg, text := s.arg(r, 0), s.arg(r, 1)
	count, ok := parseCount(arg)
	if !ok {
		r.Logf(http.LogErr, "invalid size specified: \"%s\"", arg)
		return http.StatusInternalServerError
	}
	if count == 0 || len(text) == 0 {
		rc := e.sendHeader(c)
		if rc == http.Error || rc > http.OK {
			return rc
		}
		return http.OK
	}
	per := min(count, max(1, duplicateBlock/int64(len(text))))
	block := r.Alloc(int(per) * len(text))[:0]
	for range per {
		block = append(block, text...)
	}
	for count > 0 {
		n := min(count, per)
		l := r.Link()
		l.Mem = block[:int(n)*len(text)]
		e.out.Append(l)
		count -= n
	}
	return e.flush(c)
}

// maxCount bounds echo_duplicate.
const maxCount = 1 << 40

// parseCount reads a decimal number; underscores in it are ignored.
func parseCount(b []byte) (n int64, ok bool) {
	for _, c := range b {
		switch {
		case c == '_':
		case c < '0' || c > '9' || n > maxCount:
			return 0, false
		default:
			n = n*10 + int64(c-'0')
		}
	}
	return n, len(b) > 0
}

// startSleep is echo_sleep.
func (e *run) startSleep(s *step) http.Code {
	r := e.r
	arg := s.arg(r, 0)
	ms, ok := parseSeconds(arg)
	if !ok {
		r.Logf(http.LogErr, "invalid sleep duration \"%s\"", arg)
		return http.StatusBadRequest
	}
	e.waiting = true
	r.Worker().Loop.SetTimer(&e.sleep, ms)
	return http.Again
}

// Expired implements poll.TimerOwner: the sleep is over.
func (e *run) Expired(*poll.Timer) {
	e.waiting = false
	e.r.Client().Post(e.r)
}

// maxSeconds bounds echo_sleep.
const maxSeconds = 1 << 31

// parseSeconds reads a decimal number with up to three places as
// milliseconds; more places are dropped.
func parseSeconds(b []byte) (ms int64, ok bool) {
	places := -1
	digits := false
	for _, c := range b {
		switch {
		case c == '.' && places < 0:
			places = 0
		case c < '0' || c > '9' || ms > maxSeconds*1000:
			return 0, false
		case places < 0:
			ms, digits = ms*10+int64(c-'0'), true
		default:
			if places < 3 {
				ms = ms*10 + int64(c-'0')
				places++
			}
			digits = true
		}
	}
	for i := max(places, 0); i < 3; i++ {
		ms *= 10
	}
	return ms, digits
}

// readBody is echo_read_request_body, and what subrequests wait for.
func (e *run) readBody() http.Code {
	r := e.r
	if rc := r.ReadBody(gotBody); rc >= http.StatusSpecialResponse || rc == http.Error {
		return rc
	}
	r.Finalize(http.Done) // the reference that ReadBody took: the request has its own
	if e.body == bodyRead {
		return http.OK
	}
	e.body, e.waiting = bodyAwaited, true
	return http.Again
}

// gotBody goes on behind the request body.
func gotBody(r *http.Request) {
	e := stateOf(r)
	waited := e.body == bodyAwaited
	e.body = bodyRead
	if waited {
		e.waiting = false
		r.SetWriteHandler(resume)
		resume(r)
	}
}

// sendBody is echo_request_body.
func (e *run) sendBody(c *locConf) http.Code {
	r := e.r
	if r.Body().Size() == 0 {
		return http.OK
	}
	r.Body().AppendLinks(r.Worker().Buffers, &e.out)
	return e.flush(c)
}

// exec is echo_exec.
func (e *run) exec(s *step) http.Code {
	r := e.r
	uri, args := s.arg(r, 0), s.arg(r, 1)
	if len(uri) == 0 {
		return http.StatusBadRequest
	}
	path, query, ok := http.SplitURI(r.Copy(uri))
	if !ok {
		return http.Error
	}
	if len(s.args) < 2 {
		args = query
	}
	if path[0] != '@' {
		return r.InternalRedirect(path, args)
	}
	if len(args) > 0 {
		r.Logf(http.LogWarn, "querystring %s ignored when exec'ing named location %s", args, path)
	}
	return r.NamedRedirect(string(path))
}

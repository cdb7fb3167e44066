package upstream

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
	"weir/netio/sock"
)

// Failure is a set of reasons to go on with the next peer: the words of
// proxy_next_upstream and its like.
type Failure uint32

// Reasons.
const (
	FailError Failure = 1 << iota
	FailTimeout
	FailInvalidHeader
	Fail500
	Fail502
	Fail503
	Fail504
	Fail403
	Fail404
	Fail429
	FailUpdating
	FailNonIdempotent
	FailOff
	failNoLive
)

// FailureNames are the words of next_upstream directives.
var FailureNames = []conf.EnumValue[Failure]{
	{Name: "error", Value: FailError}, {Name: "timeout", Value: FailTimeout},
	{Name: "invalid_header", Value: FailInvalidHeader}, {Name: "non_idempotent", Value: FailNonIdempotent},
	{Name: "http_500", Value: Fail500}, {Name: "http_502", Value: Fail502}, {Name: "http_503", Value: Fail503},
	{Name: "http_504", Value: Fail504}, {Name: "http_403", Value: Fail403}, {Name: "http_404", Value: Fail404},
	{Name: "http_429", Value: Fail429}, {Name: "off", Value: FailOff},
}

// Ignored is a set of response fields that the server does not act on.
type Ignored uint32

// Fields of ignore_headers directives.
const (
	IgnoreRedirect Ignored = 1 << iota
	IgnoreExpires
	IgnoreLimitRate
	IgnoreBuffering
	IgnoreCharset
	IgnoreHTTPExpires
	IgnoreCacheControl
	IgnoreSetCookie
	IgnoreVary
)

// IgnoredNames are the words of ignore_headers directives.
var IgnoredNames = []conf.EnumValue[Ignored]{
	{Name: "X-Accel-Redirect", Value: IgnoreRedirect}, {Name: "X-Accel-Expires", Value: IgnoreExpires},
	{Name: "X-Accel-Limit-Rate", Value: IgnoreLimitRate}, {Name: "X-Accel-Buffering", Value: IgnoreBuffering},
	{Name: "X-Accel-Charset", Value: IgnoreCharset}, {Name: "Expires", Value: IgnoreHTTPExpires},
	{Name: "Cache-Control", Value: IgnoreCacheControl}, {Name: "Set-Cookie", Value: IgnoreSetCookie},
	{Name: "Vary", Value: IgnoreVary},
}

// Conf is what every module that passes requests to backends lets users set
// per location. Module "proxy" calls the fields proxy_connect_timeout and so
// on. Times are in milliseconds.
type Conf struct {
	ConnectTimeout, SendTimeout, ReadTimeout conf.Opt[int64]
	NextTimeout                              conf.Opt[int64]
	NextTries                                conf.Opt[int]
	Next                                     conf.Opt[Failure]

	Buffering, RequestBuffering conf.Opt[bool]
	BufferSize                  conf.Opt[int64]
	Buffers                     conf.Opt[conf.BufCount]
	BusySize, TempWriteSize     conf.Opt[int64]
	MaxTempSize                 conf.Opt[int64]
	TempPath                    conf.Opt[conf.TempDir]
	LimitRate                   conf.Opt[*http.Complex]

	IgnoreClientAbort, InterceptErrors conf.Opt[bool]
	ForceRanges, PassTrailers          conf.Opt[bool]
	PassRequestHeaders                 conf.Opt[bool]
	PassRequestBody                    conf.Opt[bool]

	SocketKeepalive conf.Opt[bool]
	RcvBuf, SndBuf  conf.Opt[int64]
	Bind            conf.Opt[*Bind]
	Store           conf.Opt[*Store]
	StoreAccess     conf.Opt[uint32]
	Ignore          conf.Opt[Ignored]
	HideNames       []string // hide_header
	PassNames       []string // pass_header
	hide            http1.HeaderSet
	hideNames       []string // of fields without an ID
	hideOdd         bool     // hideNames is not empty
	passOwn         bool     // Server or Date is the backend's, even where it has none
	acts            http1.HeaderSet

	TLS TLSConf

	Group *Group // nil when the address is known per request only
	Tag   uint64 // tells locations apart whose connections are not shared
}

// Bind is the local address of connections to backends.
type Bind struct {
	Addr        sock.Addr     // when it is constant
	Value       *http.Complex // when it is not
	Transparent bool
}

// Store is where responses are kept as files.
type Store struct {
	Path *http.Complex // nil: where root or alias says
}

// Merge inherits from the enclosing block. prefix is the module's: "proxy".
func (c *Conf) Merge(b *http.Builder, p *Conf, prefix string) error {
	c.ConnectTimeout.Merge(p.ConnectTimeout, 60_000)
	c.SendTimeout.Merge(p.SendTimeout, 60_000)
	c.ReadTimeout.Merge(p.ReadTimeout, 60_000)
	c.NextTimeout.Merge(p.NextTimeout, 0)
	c.NextTries.Merge(p.NextTries, 0)
	c.Next.Merge(p.Next, FailError|FailTimeout)
	if c.Next.V&FailOff != 0 {
		c.Next.V = FailOff
	}
	c.Buffering.Merge(p.Buffering, true)
	c.RequestBuffering.Merge(p.RequestBuffering, true)
	c.LimitRate.Merge(p.LimitRate, nil)
	c.TempPath.Merge(p.TempPath, conf.TempDir{Path: b.Cx().Path(prefix+"_temp", false), Levels: [conf.MaxLevels]int{1, 2}})
	c.IgnoreClientAbort.Merge(p.IgnoreClientAbort, false)
	c.InterceptErrors.Merge(p.InterceptErrors, false)
	c.ForceRanges.Merge(p.ForceRanges, false)
	c.PassTrailers.Merge(p.PassTrailers, false)
	c.PassRequestHeaders.Merge(p.PassRequestHeaders, true)
	c.PassRequestBody.Merge(p.PassRequestBody, true)
	c.SocketKeepalive.Merge(p.SocketKeepalive, false)
	c.RcvBuf.Merge(p.RcvBuf, 0)
	c.SndBuf.Merge(p.SndBuf, 0)
	c.Bind.Merge(p.Bind, nil)
	c.Store.Merge(p.Store, nil)
	c.StoreAccess.Merge(p.StoreAccess, 0o600)
	c.Ignore.Merge(p.Ignore, 0)
	c.TLS.merge(&p.TLS)
	conf.MergeList(&c.HideNames, p.HideNames)
	conf.MergeList(&c.PassNames, p.PassNames)
	return c.mergeBuffers(p, prefix)
}

// page is what the defaults of buffer sizes are made of.
const page = 4096

func (c *Conf) mergeBuffers(p *Conf, prefix string) error {
	c.BufferSize.Merge(p.BufferSize, page)
	c.Buffers.Merge(p.Buffers, conf.BufCount{Num: 8, Size: page})
	if c.Buffers.V.Num < 2 {
		return conf.Errorf("there must be at least 2 \"%s_buffers\"", prefix)
	}
	size := max(c.BufferSize.V, c.Buffers.V.Size)
	busy, write, temp := 2*size, 2*size, int64(1<<30)
	if !c.BusySize.Set {
		c.BusySize = p.BusySize
	}
	if c.BusySize.Set {
		busy = c.BusySize.V
	}
	if busy < size {
		return conf.Errorf("\"%s_busy_buffers_size\" must be equal to or greater than the maximum of the value of \"%s_buffer_size\" and one of the \"%s_buffers\"", prefix, prefix, prefix)
	}
	if busy > int64(c.Buffers.V.Num-1)*c.Buffers.V.Size {
		return conf.Errorf("\"%s_busy_buffers_size\" must be less than the size of all \"%s_buffers\" minus one buffer", prefix, prefix)
	}
	if !c.TempWriteSize.Set {
		c.TempWriteSize = p.TempWriteSize
	}
	if c.TempWriteSize.Set {
		write = c.TempWriteSize.V
	}
	if write < size {
		return conf.Errorf("\"%s_temp_file_write_size\" must be equal to or greater than the maximum of the value of \"%s_buffer_size\" and one of the \"%s_buffers\"", prefix, prefix, prefix)
	}
	if !c.MaxTempSize.Set {
		c.MaxTempSize = p.MaxTempSize
	}
	if c.MaxTempSize.Set {
		temp = c.MaxTempSize.V
	}
	if temp != 0 && temp < size {
		return conf.Errorf("\"%s_max_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to or greater than the maximum of the value of \"%s_buffer_size\" and one of the \"%s_buffers\"", prefix, prefix, prefix)
	}
	return nil
}

// maxTemp is the limit of the temporary file, 0 for none at all.
func (c *Conf) maxTemp() int64 { return c.MaxTempSize.Or(1 << 30) }

// HideHeaders works out which fields of responses stay here: the module's
// defaults and hide_header, without those of pass_header.
func (c *Conf) HideHeaders(defaults []string) {
	ids := make(map[http1.HeaderID]bool)
	names := make(map[string]bool)
	each := func(list []string, on bool) {
		for _, n := range list {
			if id := http1.LookupHeader([]byte(n)); id != http1.HeaderUnknown {
				ids[id] = on
			} else {
				names[lowerString(n)] = on
			}
		}
	}
	each(defaults, true)
	each(c.HideNames, true)
	each(c.PassNames, false)
	var hidden []http1.HeaderID
	for id, on := range ids {
		if on {
			hidden = append(hidden, id)
		}
	}
	c.hide = http1.SetOf(hidden...)
	c.hideNames = nil
	for n, on := range names {
		if on {
			c.hideNames = append(c.hideNames, n)
		}
	}
	c.hideOdd = len(c.hideNames) > 0
	c.passOwn = !ids[http1.HeaderServer] || !ids[http1.HeaderDate]
	c.acts = http1.SetOf(http1.HeaderXAccelRedirect, http1.HeaderXAccelLimitRate, http1.HeaderXAccelBuffering,
		http1.HeaderXAccelCharset)
}

// hidden reports whether a response field stays here.
func (c *Conf) hidden(id http1.HeaderID, name []byte) bool {
	if id != http1.HeaderUnknown {
		return c.hide.Has(id)
	}
	if !c.hideOdd {
		return false
	}
	for _, n := range c.hideNames {
		if http1.EqualFold(name, n) {
			return true
		}
	}
	return false
}

func lowerString(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

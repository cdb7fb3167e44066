package http

import (
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/netio/http1"
)

var (
	coreMainSlot MainSlot[coreMain]
	coreSrvSlot  SrvSlot[coreSrv]
	coreLocSlot  LocSlot[coreLoc]
)

// coreMain is what the core keeps per http block.
type coreMain struct {
	identity conf.Opt[Identity]
	hostname []byte // $hostname
}

// Identity is the name weir gives itself to clients.
type Identity uint8

// The identities of server_identity.
const (
	IdentityWeir Identity = iota
	IdentityNginx
)

// coreSrv is what the core keeps per server block.
type coreSrv struct {
	name          string
	nameBytes     []byte // the same, for variables
	headerTimeout conf.Opt[int64]
	headerBuffer  conf.Opt[int64]
	largeBuffers  conf.Opt[conf.BufCount]
	maxHeaders    conf.Opt[int]
	ignoreInvalid conf.Opt[bool]
	underscores   conf.Opt[bool]
	mergeSlashes  conf.Opt[bool]
	allowLF       conf.Opt[bool]
}

// Tokens says how much the Server field and error pages tell.
type Tokens uint8

// Values of server_tokens.
const (
	TokensOff Tokens = iota
	TokensOn
	TokensBuild
)

// Lingering is when a closing connection waits for the client's last bytes.
type Lingering uint8

// Values of lingering_close.
const (
	LingerOff Lingering = iota
	LingerOn
	LingerAlways
)

// coreLoc is what the core keeps per location. Fields are read by modules
// through methods of Location.
type coreLoc struct {
	errorLog    *errlog.Log
	debugLog    *errlog.Log // errorLog for clients that debug_connection names
	types       map[string][]byte
	defaultType conf.Opt[string]
	root        conf.Opt[*Complex]
	alias       bool
	aliasLen    int // length of the location name that alias replaces, -1 for an expression's
	rootItem    *conf.Item

	limitExcept    uint32 // methods (bit by http1.Method, the unknown ones among them) that limit_except applies to
	limitExceptLoc *Location
	internal       conf.Opt[bool]
	satisfyAny     conf.Opt[bool]
	authDelay      conf.Opt[int64]

	clientMaxBodySize conf.Opt[int64]
	bodyBufferSize    conf.Opt[int64]
	bodyTimeout       conf.Opt[int64]
	bodyTemp          conf.Opt[conf.TempDir]
	bodyInFile        conf.Opt[BodyInFile]
	bodySingle        conf.Opt[bool]

	sendfile         conf.Opt[bool]
	sendfileMaxChunk conf.Opt[int64]
	subOutput        conf.Opt[int64]
	aioThreads       conf.Opt[bool]
	nopush           conf.Opt[bool]
	nodelay          conf.Opt[bool]
	sendTimeout      conf.Opt[int64]
	sendLowat        conf.Opt[int64]
	postponeOutput   conf.Opt[int64]
	outputBuffers    conf.Opt[conf.BufCount]
	limitRate        conf.Opt[*Complex]
	limitRateAfter   conf.Opt[*Complex]

	keepaliveTime     conf.Opt[int64]
	keepaliveTimeout  conf.Opt[int64]
	keepaliveHeader   conf.Opt[int64]
	keepaliveMin      conf.Opt[int64]
	keepaliveRequests conf.Opt[int]
	keepaliveDisable  conf.Opt[uint8]

	lingering        conf.Opt[Lingering]
	lingeringTime    conf.Opt[int64]
	lingeringTimeout conf.Opt[int64]
	resetTimedout    conf.Opt[bool]

	absoluteRedirect conf.Opt[bool]
	nameInRedirect   conf.Opt[bool]
	portInRedirect   conf.Opt[bool]
	msiePadding      conf.Opt[bool]
	msieRefresh      conf.Opt[bool]
	logNotFound      conf.Opt[bool]
	logSubrequest    conf.Opt[bool]
	postAction       conf.Opt[string] // "" for none
	recursiveErrors  conf.Opt[bool]
	tokens           conf.Opt[Tokens]
	modifiedSince    conf.Opt[ModifiedSince]
	maxRanges        conf.Opt[int]
	chunkedEncoding  conf.Opt[bool]
	etag             conf.Opt[bool]
	errorPages       []*errorPage

	resolver        *resolverConf
	resolverTimeout conf.Opt[int64]
	openFiles       openFileConf

	identity Identity
}

// ModifiedSince is how If-Modified-Since is compared.
type ModifiedSince uint8

// Values of if_modified_since.
const (
	ModifiedOff ModifiedSince = iota
	ModifiedExact
	ModifiedBefore
)

// BodyInFile is whether request bodies go to a file always.
type BodyInFile uint8

// Values of client_body_in_file_only.
const (
	BodyFileOff BodyInFile = iota
	BodyFileOn
	BodyFileClean
)

const (
	disableMSIE6 uint8 = 1 << iota
	disableSafari
)

func mergeSrv(b *Builder, p, c *coreSrv) error {
	c.headerTimeout.Merge(p.headerTimeout, 60000)
	c.headerBuffer.Merge(p.headerBuffer, 1024)
	c.largeBuffers.Merge(p.largeBuffers, conf.BufCount{Num: 4, Size: 8192})
	c.maxHeaders.Merge(p.maxHeaders, 1000)
	c.ignoreInvalid.Merge(p.ignoreInvalid, true)
	c.underscores.Merge(p.underscores, false)
	c.mergeSlashes.Merge(p.mergeSlashes, true)
	c.allowLF.Merge(p.allowLF, b.gen.core.identity.V == IdentityNginx)
	return nil
}

func mergeLoc(b *Builder, p, c *coreLoc) error {
	if c.errorLog == nil {
		c.errorLog = p.errorLog
	}
	c.mergeFiles(p)
	c.mergeBody(b, p)
	c.mergeOutput(p)
	c.mergeConnection(p)
	c.mergeAnswers(p)
	if c.resolver == nil {
		c.resolver = p.resolver
	}
	c.resolverTimeout.Merge(p.resolverTimeout, 30000)
	c.openFiles.merge(&p.openFiles)
	c.identity = b.gen.core.identity.V
	return nil
}

func (c *coreLoc) mergeFiles(p *coreLoc) {
	if c.types == nil {
		c.types = p.types
	}
	if c.types == nil {
		c.types = builtinTypes
	}
	c.defaultType.Merge(p.defaultType, "text/plain")
	if !c.root.Set {
		c.root, c.alias, c.aliasLen = p.root, p.alias, p.aliasLen
		if !c.root.Set {
			c.root.Put(&Complex{text: "html", lit: []byte("html")})
		}
	}
	c.internal.Merge(p.internal, false)
	c.satisfyAny.Merge(p.satisfyAny, false)
	c.authDelay.Merge(p.authDelay, 0)
}

func (c *coreLoc) mergeBody(b *Builder, p *coreLoc) {
	c.clientMaxBodySize.Merge(p.clientMaxBodySize, 1<<20)
	c.bodyBufferSize.Merge(p.bodyBufferSize, 16<<10)
	c.bodyTimeout.Merge(p.bodyTimeout, 60000)
	c.bodyTemp.Merge(p.bodyTemp, conf.TempDir{Path: b.cx.Path("client_body_temp", false)})
	c.bodyInFile.Merge(p.bodyInFile, BodyFileOff)
	c.bodySingle.Merge(p.bodySingle, false)
}

func (c *coreLoc) mergeOutput(p *coreLoc) {
	c.sendfile.Merge(p.sendfile, false)
	c.sendfileMaxChunk.Merge(p.sendfileMaxChunk, 2<<20)
	c.subOutput.Merge(p.subOutput, 4096)
	c.aioThreads.Merge(p.aioThreads, false)
	c.nopush.Merge(p.nopush, false)
	c.nodelay.Merge(p.nodelay, true)
	c.sendTimeout.Merge(p.sendTimeout, 60000)
	c.sendLowat.Merge(p.sendLowat, 0)
	c.postponeOutput.Merge(p.postponeOutput, 1460)
	c.outputBuffers.Merge(p.outputBuffers, conf.BufCount{Num: 2, Size: 32 << 10})
	c.limitRate.Merge(p.limitRate, nil)
	c.limitRateAfter.Merge(p.limitRateAfter, nil)
}

func (c *coreLoc) mergeConnection(p *coreLoc) {
	c.keepaliveTime.Merge(p.keepaliveTime, 3600_000)
	c.keepaliveTimeout.Merge(p.keepaliveTimeout, 75_000)
	c.keepaliveHeader.Merge(p.keepaliveHeader, 0)
	c.keepaliveMin.Merge(p.keepaliveMin, 0)
	c.keepaliveRequests.Merge(p.keepaliveRequests, 1000)
	c.keepaliveDisable.Merge(p.keepaliveDisable, disableMSIE6)
	c.lingering.Merge(p.lingering, LingerOn)
	c.lingeringTime.Merge(p.lingeringTime, 30_000)
	c.lingeringTimeout.Merge(p.lingeringTimeout, 5000)
	c.resetTimedout.Merge(p.resetTimedout, false)
}

func (c *coreLoc) mergeAnswers(p *coreLoc) {
	c.absoluteRedirect.Merge(p.absoluteRedirect, true)
	c.nameInRedirect.Merge(p.nameInRedirect, false)
	c.portInRedirect.Merge(p.portInRedirect, true)
	c.msiePadding.Merge(p.msiePadding, true)
	c.msieRefresh.Merge(p.msieRefresh, false)
	c.logNotFound.Merge(p.logNotFound, true)
	c.logSubrequest.Merge(p.logSubrequest, false)
	c.postAction.Merge(p.postAction, "")
	c.recursiveErrors.Merge(p.recursiveErrors, false)
	c.tokens.Merge(p.tokens, TokensOn)
	c.modifiedSince.Merge(p.modifiedSince, ModifiedExact)
	c.maxRanges.Merge(p.maxRanges, 1<<31-1)
	c.chunkedEncoding.Merge(p.chunkedEncoding, true)
	c.etag.Merge(p.etag, true)
	if c.errorPages == nil {
		c.errorPages = p.errorPages
	}
}

// builtinTypes is used when no types block is in force.
var builtinTypes = map[string][]byte{
	"html": []byte("text/html"), "gif": []byte("image/gif"), "jpg": []byte("image/jpeg"),
}

// setTypes reads a types block: lines of a type followed by its extensions.
func setTypes(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	if c.types == nil {
		c.types = make(map[string][]byte)
	}
	return cx.Entries(it.Block, func(e *conf.Item) error {
		if e.Name == "include" {
			return nil // the parser has put the file's entries in its place
		}
		if len(e.Args) == 0 {
			return conf.Errorf("invalid number of arguments in \"%s\" directive", it.Name)
		}
		for _, ext := range e.Args {
			ext = strings.ToLower(ext)
			if old, dup := c.types[ext]; dup {
				cx.Warn("duplicate extension \"%s\", content type: \"%s\", previous content type: \"%s\"", ext, e.Name, old)
			}
			c.types[ext] = []byte(e.Name)
		}
		return nil
	})
}

// setRoot reads root and alias.
func setRoot(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	alias := it.Name == "alias"
	if c.root.Set {
		if c.alias == alias {
			return conf.Tail("is duplicate")
		}
		return conf.Errorf("\"%s\" directive is duplicate, \"%s\" directive was specified earlier", it.Name, other(alias))
	}
	l := ScopeOf(cx).at
	if alias && l.isNamed {
		return conf.Errorf("the \"alias\" directive cannot be used inside the named location")
	}
	text := it.Args[0]
	if strings.Contains(text, "$document_root") || strings.Contains(text, "${document_root}") {
		return conf.Errorf("the $document_root variable cannot be used in the \"%s\" directive", it.Name)
	}
	if strings.Contains(text, "$realpath_root") || strings.Contains(text, "${realpath_root}") {
		return conf.Errorf("the $realpath_root variable cannot be used in the \"%s\" directive", it.Name)
	}
	if !alias {
		text = strings.TrimSuffix(text, "/")
	}
	if !strings.HasPrefix(text, "$") {
		text = cx.Path(text, false)
	}
	v, err := BuilderOf(cx).CompileComplex(text)
	if err != nil {
		return err
	}
	c.root.Put(v)
	c.alias, c.rootItem = alias, it
	c.aliasLen = len(l.Name)
	if l.re != nil {
		c.aliasLen = -1
	}
	return nil
}

func other(alias bool) string {
	if alias {
		return "root"
	}
	return "alias"
}

// methodBits are the methods limit_except knows, besides HEAD which goes with
// GET.
var methodBits = map[string]uint32{
	"GET": 1<<http1.MethodGet | 1<<http1.MethodHead, "HEAD": 1 << http1.MethodHead, "POST": 1 << http1.MethodPost,
	"PUT": 1 << http1.MethodPut, "DELETE": 1 << http1.MethodDelete, "MKCOL": 1 << http1.MethodMkcol,
	"COPY": 1 << http1.MethodCopy, "MOVE": 1 << http1.MethodMove, "OPTIONS": 1 << http1.MethodOptions,
	"PROPFIND": 1 << http1.MethodPropfind, "PROPPATCH": 1 << http1.MethodProppatch,
	"LOCK": 1 << http1.MethodLock, "UNLOCK": 1 << http1.MethodUnlock, "PATCH": 1 << http1.MethodPatch,
}

// setLimitExcept reads limit_except: its block applies to all other methods.
func setLimitExcept(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	if c.limitExceptLoc != nil {
		return conf.Tail("is duplicate")
	}
	var allowed uint32
	for _, m := range it.Args {
		bits, ok := methodBits[strings.ToUpper(m)]
		if !ok {
			return conf.Errorf("invalid method \"%s\"", m)
		}
		allowed |= bits
	}
	l, err := BuilderOf(cx).Block(cx, it, conf.LimitExcept)
	if err != nil {
		return err
	}
	c.limitExcept, c.limitExceptLoc = ^allowed, l
	return nil
}

// setKeepaliveTimeout reads keepalive_timeout TIME [HEADER-SECONDS].
func setKeepaliveTimeout(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	if c.keepaliveTimeout.Set {
		return conf.Tail("is duplicate")
	}
	ms, ok := conf.ParseTime(it.Args[0], false)
	if !ok {
		return conf.Tail("invalid value")
	}
	c.keepaliveTimeout.Put(ms)
	if len(it.Args) == 1 {
		return nil
	}
	sec, ok := conf.ParseTime(it.Args[1], true)
	if !ok {
		return conf.Tail("invalid value")
	}
	c.keepaliveHeader.Put(sec)
	return nil
}

// setInternal reads internal, which takes no argument.
func setInternal(cx *conf.Cx, _ *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	if c.internal.Set {
		return conf.Tail("is duplicate")
	}
	c.internal.Put(true)
	return nil
}

// setErrorLog reads error_log at the http, server and location levels.
func setErrorLog(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	o, err := cycle.ErrorLog(cx, it)
	if err != nil {
		return err
	}
	var outputs []errlog.Output
	if c.errorLog != nil {
		outputs = c.errorLog.Outputs()
	}
	c.errorLog = errlog.New(append(outputs, o)...)
	return nil
}

// setSatisfy reads satisfy all|any.
func setSatisfy(cx *conf.Cx, it *conf.Item) error {
	return conf.Enum(func(c *coreLoc) *conf.Opt[bool] { return &c.satisfyAny },
		[]conf.EnumValue[bool]{{Name: "all", Value: false}, {Name: "any", Value: true}})(cx, it)
}

// parseRate reads a size for limit_rate out of a variable.
func parseRate(b []byte) int64 {
	n, ok := conf.ParseSize(string(b))
	if !ok {
		return 0
	}
	return n
}

// sizeValue compiles a size that may contain variables.
func sizeValue(field func(*coreLoc) *conf.Opt[*Complex]) conf.Setter {
	set := ComplexSetter(field)
	return func(cx *conf.Cx, it *conf.Item) error {
		if !HasVariables(it.Args[0]) {
			if _, ok := conf.ParseSize(it.Args[0]); !ok {
				return conf.Tail("invalid value")
			}
		}
		return set(cx, it)
	}
}

// AppendInt appends n in decimal.
func AppendInt(dst []byte, n int64) []byte { return itoa(dst, n) }

// itoa appends n in decimal.
func itoa(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

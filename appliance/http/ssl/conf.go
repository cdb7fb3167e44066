package ssl

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
)

// verifyMode is the value of ssl_verify_client.
type verifyMode uint8

const (
	verifyOff verifyMode = iota
	verifyOn
	verifyOptional
	verifyOptionalNoCA
)

var verifyNames = []conf.EnumValue[verifyMode]{
	{Name: "off", Value: verifyOff}, {Name: "on", Value: verifyOn}, {Name: "optional", Value: verifyOptional},
	{Name: "optional_no_ca", Value: verifyOptionalNoCA},
}

// cacheConf is the value of ssl_session_cache.
type cacheConf struct {
	name string // of a shared one
	size int64  // bytes; 0: no cache
}

// builtinSize is what "builtin" takes in bytes: OpenSSL's default of 20,480
// sessions would be more than anybody expects of a default.
const builtinSize = 8 << 20

// perSession is what a session is reckoned at where its count is given.
const perSession = 1024

// mainConf is the module's object of the http block.
type mainConf struct {
	files     certfile.Store
	clientSet bool // a variable of the client's offer is used: keep it
}

// srvConf is the configuration of a server.
type srvConf struct {
	certs, keys []string
	certCache   conf.Opt[*certfile.Cache]
	passwords   conf.Opt[[][]byte]

	protocols  conf.Opt[certfile.Protocols]
	ciphers    conf.Opt[string]
	curve      conf.Opt[string]
	prefer     conf.Opt[bool]
	bufferSize conf.Opt[int64]
	ktls       conf.Opt[bool] // unset: as ssl_conf_command says
	reject     conf.Opt[bool]

	verify      conf.Opt[verifyMode]
	depth       conf.Opt[int]
	clientCert  conf.Opt[string]
	trustedCert conf.Opt[string]
	crl         conf.Opt[string]

	cache      conf.Opt[cacheConf]
	tickets    conf.Opt[bool]
	ticketKeys []string
	timeout    conf.Opt[int64] // seconds

	echFiles []string
	keyLog   conf.Opt[string]

	ocsp          conf.Opt[ocspMode]
	ocspResponder conf.Opt[string]
	ocspCache     conf.Opt[cacheConf]

	stapling          conf.Opt[bool]
	staplingFile      conf.Opt[string]
	staplingResponder conf.Opt[string]
	staplingVerify    conf.Opt[bool]

	commands []conf.KeyVal

	ctx     *context // nil for a server without certificates
	scripts *Scripts // nil for none
}

var (
	mainSlot  http.MainSlot[mainConf]
	srvSlot   http.SrvSlot[srvConf]
	localSlot http.WorkerSlot[local]
)

// merge inherits from the http block.
func merge(_ *http.Builder, p, c *srvConf) error {
	conf.MergeList(&c.certs, p.certs)
	conf.MergeList(&c.keys, p.keys)
	c.certCache.Merge(p.certCache, nil)
	c.passwords.Merge(p.passwords, nil)
	c.protocols.Merge(p.protocols, certfile.Default)
	c.ciphers.Merge(p.ciphers, certfile.DefaultCiphers)
	c.curve.Merge(p.curve, "auto")
	c.prefer.Merge(p.prefer, false)
	c.bufferSize.Merge(p.bufferSize, 16<<10)
	if !c.ktls.Set {
		c.ktls = p.ktls
	}
	c.reject.Merge(p.reject, false)
	c.verify.Merge(p.verify, verifyOff)
	c.depth.Merge(p.depth, 1)
	c.clientCert.Merge(p.clientCert, "")
	c.trustedCert.Merge(p.trustedCert, "")
	c.crl.Merge(p.crl, "")
	c.cache.Merge(p.cache, cacheConf{})
	c.tickets.Merge(p.tickets, true)
	conf.MergeList(&c.ticketKeys, p.ticketKeys)
	c.timeout.Merge(p.timeout, 300)
	conf.MergeList(&c.echFiles, p.echFiles)
	c.keyLog.Merge(p.keyLog, "")
	c.ocsp.Merge(p.ocsp, ocspOff)
	c.ocspResponder.Merge(p.ocspResponder, "")
	c.ocspCache.Merge(p.ocspCache, cacheConf{})
	c.stapling.Merge(p.stapling, false)
	c.staplingFile.Merge(p.staplingFile, "")
	c.staplingResponder.Merge(p.staplingResponder, "")
	c.staplingVerify.Merge(p.staplingVerify, false)
	conf.MergeList(&c.commands, p.commands)
	if len(c.keys) < len(c.certs) {
		return conf.Errorf("no \"ssl_certificate_key\" is defined for certificate \"%s\"", c.certs[len(c.certs)-1])
	}
	return nil
}

// setCache reads ssl_session_cache.
func setCache(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[srvConf](cx)
	if c.cache.Set {
		return conf.Tail("is duplicate")
	}
	var v cacheConf
	for _, a := range it.Args {
		builtin, isBuiltin := strings.CutPrefix(a, "builtin:")
		shared, isShared := strings.CutPrefix(a, "shared:")
		switch {
		case a == "off" || a == "none":
			v = cacheConf{}
		case a == "builtin":
			v.size = max(v.size, builtinSize)
		case isBuiltin:
			n, ok := conf.ParseNum(builtin)
			if !ok {
				return conf.Errorf("invalid session cache \"%s\"", a)
			}
			v.size = max(v.size, int64(n)*perSession)
		case isShared:
			name, text, _ := strings.Cut(shared, ":")
			size, ok := conf.ParseSize(text)
			switch {
			case name == "" || !ok:
				return conf.Errorf("invalid session cache \"%s\"", a)
			case size < 8*4096:
				return conf.Errorf("session cache \"%s\" is too small", a)
			}
			v = cacheConf{name, size}
		default:
			return conf.Errorf("invalid session cache \"%s\"", a)
		}
	}
	c.cache.Put(v)
	return nil
}

// listen checks the servers of an address that listens with TLS.
func listens(def *http.Server, all []*http.Server) error {
	c := srvSlot.In(def)
	if len(c.certs) > 0 {
		return nil
	}
	if !c.reject.V {
		return noCertificate(def)
	}
	for _, v := range all {
		if c := srvSlot.In(v); len(c.certs) == 0 && !c.reject.V {
			return noCertificate(v)
		}
	}
	return nil
}

func noCertificate(v *http.Server) error {
	return conf.Errorf("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in %s:%d", v.File, v.Line)
}

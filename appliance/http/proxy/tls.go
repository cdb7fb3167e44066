package proxy

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
)

// tlsDirectives are those of TLS towards backends.
var tlsDirectives = []conf.Directive{
	{Name: "proxy_ssl_session_reuse", In: inAny, Args: conf.FlagArg, Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.up.TLS.SessionReuse }), Default: "on",
		Doc: "Resumes TLS sessions with backends. Certificates whose names have variables switch it off."},
	{Name: "proxy_ssl_protocols", In: inAny, Args: conf.OneMore, Set: conf.Bitmask(func(c *locConf) *conf.Opt[certfile.Protocols] { return &c.up.TLS.Protocols }, certfile.ProtocolNames),
		Syntax: "[SSLv2] [SSLv3] [TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]", Default: "TLSv1.2 TLSv1.3",
		Doc: "Sets the versions of TLS towards backends. Those before 1.2 are not spoken; naming them is warned of."},
	{Name: "proxy_ssl_ciphers", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.Ciphers }), Default: "DEFAULT",
		Doc: "Sets the cipher suites of TLS 1.2 towards backends, in OpenSSL's syntax. Only suites with AEAD are offered."},
	{Name: "proxy_ssl_name", In: inAny, Args: conf.Take1, Set: http.ComplexSetter(func(c *locConf) *conf.Opt[*http.Complex] { return &c.up.TLS.Name }), Default: "host of proxy_pass",
		Doc: "Sets the name that a backend's certificate must have and that proxy_ssl_server_name sends. A port behind it is dropped."},
	{Name: "proxy_ssl_server_name", In: inAny, Args: conf.FlagArg, Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.up.TLS.ServerName }), Default: "off",
		Doc: "Sends backends the name in the handshake (SNI), unless it is an address."},
	{Name: "proxy_ssl_verify", In: inAny, Args: conf.FlagArg, Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.up.TLS.Verify }), Default: "off",
		Doc: "Checks backends' certificates and their names."},
	{Name: "proxy_ssl_verify_depth", In: inAny, Args: conf.Take1, Set: conf.Num(func(c *locConf) *conf.Opt[int] { return &c.up.TLS.Depth }, 0, conf.NoMax), Default: "1",
		Doc: "Sets how many certificates may stand between a backend's and a trusted root."},
	{Name: "proxy_ssl_trusted_certificate", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.Trusted }),
		Doc: "Names a file with the certificates that proxy_ssl_verify trusts."},
	{Name: "proxy_ssl_crl", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.CRL }),
		Doc: "Names a file with revocation lists that backends' certificates are checked against."},
	{Name: "proxy_ssl_key_log", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.KeyLog }), Syntax: "file",
		Doc: "Names a file that the secrets of handshakes with backends are written to, by which recorded traffic can be read. For finding faults only."},
	{Name: "proxy_ssl_certificate", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.Cert }),
		Doc: "Names a file with the certificate for backends that ask for one. It may have variables; empty sends none."},
	{Name: "proxy_ssl_certificate_key", In: inAny, Args: conf.Take1, Set: conf.Str(func(c *locConf) *conf.Opt[string] { return &c.up.TLS.Key }),
		Doc: "Names a file with the key of proxy_ssl_certificate."},
	{Name: "proxy_ssl_certificate_cache", In: inAny, Args: conf.Take123, Default: "off",
		Set:    certfile.CacheSetter(func(c *locConf) *conf.Opt[*certfile.Cache] { return &c.up.TLS.CertCache }),
		Syntax: "off | max=n [inactive=time] [valid=time]",
		Doc:    "Keeps certificates whose names have variables."},
	{Name: "proxy_ssl_password_file", In: inAny, Args: conf.Take1,
		Set: certfile.Passwords(func(c *locConf) *conf.Opt[[][]byte] { return &c.up.TLS.Passwords }),
		Doc: "Names a file with passwords of encrypted keys, one per line, tried in turn."},
	{Name: "proxy_ssl_conf_command", In: inAny, Args: conf.Take2, Set: conf.KeyVals(func(c *locConf) *[]conf.KeyVal { return &c.up.TLS.Commands }), Syntax: "name value",
		Doc: "Sets what OpenSSL's configuration calls by that name, as ssl_conf_command does."},
}

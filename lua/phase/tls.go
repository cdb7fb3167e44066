package phase

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/lua/api"
	"weir/lua/secure"
)

// finishTLS makes what cosockets need for TLS. Files are read now, so that a mistake in them is one of the
// configuration.
func finishTLS(b *http.Builder) error {
	var maker secure.Maker
	for i, l := range b.Locations() {
		c := api.Locations.In(l)
		if i == 0 { // the http block inherits from nothing
			c.TLS.Merge(new(secure.Conf))
		}
		if err := maker.Finish(b, &c.TLS); err != nil {
			return err
		}
	}
	return nil
}

// tlsSettings is the table of the lua_ssl_* directives.
func tlsSettings() []conf.Directive {
	const in = conf.HTTP | conf.Server | conf.Location
	str := func(field func(c *secure.Conf) *conf.Opt[string]) conf.Setter {
		return conf.Str(func(c *set) *conf.Opt[string] { return field(&c.TLS) })
	}
	return []conf.Directive{
		{Name: "lua_ssl_protocols", In: in, Args: conf.OneMore, Default: "TLSv1.2 TLSv1.3", Set: conf.Bitmask(func(c *set) *conf.Opt[certfile.Protocols] { return &c.TLS.Protocols }, certfile.ProtocolNames),
			Doc: "Names the versions of TLS that cosockets offer; those before TLSv1.2 are not spoken."},
		{Name: "lua_ssl_ciphers", In: in, Args: conf.Take1, Default: "DEFAULT", Set: str(func(c *secure.Conf) *conf.Opt[string] { return &c.Ciphers }),
			Doc: "Names the cipher suites of TLSv1.2 that cosockets offer."},
		{Name: "lua_ssl_verify_depth", In: in, Args: conf.Take1, Default: "1", Set: conf.Num(func(c *set) *conf.Opt[int] { return &c.TLS.Depth }, 0, maxNum),
			Doc: "Limits the intermediate certificates of a server's chain that cosockets accept."},
		{Name: "lua_ssl_trusted_certificate", In: in, Args: conf.Take1, Syntax: "file", Set: str(func(c *secure.Conf) *conf.Opt[string] { return &c.Trusted }),
			Doc: "Names a file with the certificates that sslhandshake trusts when it verifies."},
		{Name: "lua_ssl_crl", In: in, Args: conf.Take1, Syntax: "file", Set: str(func(c *secure.Conf) *conf.Opt[string] { return &c.CRL }),
			Doc: "Names a file with revocation lists for certificates that sslhandshake verifies."},
		{Name: "lua_ssl_certificate", In: in, Args: conf.Take1, Syntax: "file", Set: conf.StrList(func(c *set) *[]string { return &c.TLS.Certs }),
			Doc: "Names a file with the certificate that cosockets show a server that asks. Given again, with a key of another type, the server gets one it can use."},
		{Name: "lua_ssl_certificate_key", In: in, Args: conf.Take1, Syntax: "file", Set: conf.StrList(func(c *set) *[]string { return &c.TLS.Keys }),
			Doc: "Names a file with the key of the certificate in the same place among lua_ssl_certificate."},
		{Name: "lua_ssl_key_log", In: in, Args: conf.Take1, Syntax: "file", Set: str(func(c *secure.Conf) *conf.Opt[string] { return &c.KeyLog }),
			Doc: "Names a file that the secrets of cosockets' handshakes are written to, by which recorded traffic can be read. For finding faults only."},
		{Name: "lua_ssl_conf_command", In: in, Args: conf.Take2, Syntax: "name value", Set: conf.KeyVals(func(c *set) *[]conf.KeyVal { return &c.TLS.Commands }),
			Doc: "Sets one of OpenSSL's configuration commands for TLS of cosockets."},
	}
}

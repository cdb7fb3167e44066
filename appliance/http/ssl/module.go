package ssl

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
)

// Module is TLS for clients. It stands early in the list: the core asks it
// about every address that listens with TLS.
var Module = http.Module{
	Name:         "http_ssl",
	Directives:   directives,
	Variables:    variables,
	Main:         http.NewMain(&mainSlot, nil, nil),
	Srv:          http.NewSrv(&srvSlot, nil, merge),
	Local:        http.NewLocal(&localSlot, newLocal),
	Prepare:      func(b *http.Builder) error { b.SetSecurity(security{}); return nil },
	Finish:       finish,
	ConfigureArg: "--with-http_ssl_module",
}

const inServer = conf.HTTP | conf.Server

var directives = []conf.Directive{
	{Name: "ssl_certificate", In: inServer, Args: conf.Take1, Set: conf.StrList(func(c *srvConf) *[]string { return &c.certs }),
		Syntax: "file | data:text",
		Doc:    "Names a file with the server's certificate and those of its issuers, in PEM. Given again, with a key of another type, clients get the one they can use. With variables it is read in each handshake."},
	{Name: "ssl_certificate_key", In: inServer, Args: conf.Take1, Set: conf.StrList(func(c *srvConf) *[]string { return &c.keys }),
		Syntax: "file | data:text",
		Doc:    "Names a file with the private key of the certificate in the same place among ssl_certificate. Encrypted ones need ssl_password_file. P-256 keys cost the least CPU per handshake."},
	{Name: "ssl_certificate_cache", In: inServer, Args: conf.Take123, Default: "off",
		Set:    certfile.CacheSetter(func(c *srvConf) *conf.Opt[*certfile.Cache] { return &c.certCache }),
		Syntax: "off | max=n [inactive=time] [valid=time]",
		Doc:    "Keeps certificates whose names have variables."},
	{Name: "ssl_password_file", In: inServer, Args: conf.Take1,
		Set: certfile.Passwords(func(c *srvConf) *conf.Opt[[][]byte] { return &c.passwords }),
		Doc: "Names a file with passwords of encrypted keys, one per line, tried in turn."},
	{Name: "ssl_certificate_compression", In: inServer, Args: conf.FlagArg, Default: "off",
		Set: offOnly("certificates are sent as they are"),
		Doc: "Has no effect: certificates are not compressed."},
	{Name: "ssl_dhparam", In: inServer, Args: conf.Take1, Set: conf.NoOp("finite-field Diffie-Hellman is not offered, clients use elliptic curves"),
		Doc: "Has no effect: finite-field Diffie-Hellman is not offered."},
	{Name: "ssl_ecdh_curve", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.curve }), Default: "auto",
		Doc: "Sets the groups of key exchange, separated by colons: X25519MLKEM768, X25519, prime256v1, secp384r1, secp521r1, SecP256r1MLKEM768, SecP384r1MLKEM1024."},
	{Name: "ssl_protocols", In: inServer, Args: conf.OneMore, Set: conf.Bitmask(func(c *srvConf) *conf.Opt[certfile.Protocols] { return &c.protocols }, certfile.ProtocolNames),
		Syntax: "[SSLv2] [SSLv3] [TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]", Default: "TLSv1.2 TLSv1.3",
		Doc: "Sets the versions of TLS. Those before 1.2 are not spoken; naming them is warned of."},
	{Name: "ssl_ciphers", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.ciphers }), Default: certfile.DefaultCiphers,
		Doc: "Sets the cipher suites of TLS 1.2 in OpenSSL's syntax. Only suites with AEAD are offered; among them the server's processor decides."},
	{Name: "ssl_buffer_size", In: inServer, Args: conf.Take1, Set: conf.Size(func(c *srvConf) *conf.Opt[int64] { return &c.bufferSize }), Default: "16k",
		Doc: "Limits the size of records. They start small in any case, so that the first bytes of a response are of use early."},
	{Name: "ssl_ktls", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.ktls }), Default: "off",
		Doc: "Leaves records to the kernel where it can, so that files are sent without passing through the server. It goes before `ssl_conf_command Options KTLS`, which means the same."},
	{Name: "ssl_verify_client", In: inServer, Args: conf.Take1, Set: conf.Enum(func(c *srvConf) *conf.Opt[verifyMode] { return &c.verify }, verifyNames),
		Syntax: "on | off | optional | optional_no_ca", Default: "off",
		Doc: "Asks clients for a certificate: required, checked if sent, or checked except for its issuer."},
	{Name: "ssl_verify_depth", In: inServer, Args: conf.Take1, Set: conf.Num(func(c *srvConf) *conf.Opt[int] { return &c.depth }, 0, conf.NoMax), Default: "1",
		Doc: "Sets how many certificates may stand between a client's and a trusted root."},
	{Name: "ssl_client_certificate", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.clientCert }),
		Doc: "Names a file with trusted certificates for clients' certificates; clients are told their names."},
	{Name: "ssl_trusted_certificate", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.trustedCert }),
		Doc: "Names a file with trusted certificates whose names clients are not told, for their certificates and for stapled responses."},
	{Name: "ssl_prefer_server_ciphers", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.prefer }), Default: "off",
		Doc: "Is taken; the server's order holds in any case, unless only the client lacks AES instructions."},
	{Name: "ssl_session_cache", In: inServer, Args: conf.Take12, Set: setCache,
		Syntax: "off | none | [builtin[:n]] [shared:name:size]", Default: "none",
		Doc: "Keeps sessions in memory for clients to resume, where ssl_session_tickets is off. All workers share every cache."},
	{Name: "ssl_session_tickets", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.tickets }), Default: "on",
		Doc: "Gives clients their sessions in encrypted tickets. The keys are shared by all workers and kept over reloads; they change with ssl_session_timeout."},
	{Name: "ssl_session_ticket_key", In: inServer, Args: conf.Take1, Set: conf.StrList(func(c *srvConf) *[]string { return &c.ticketKeys }),
		Doc: "Names a file of 48 or 80 random bytes that tickets are encrypted with. Further ones only decrypt. Hosts with the same file resume each other's sessions."},
	{Name: "ssl_session_timeout", In: inServer, Args: conf.Take1, Set: conf.Sec(func(c *srvConf) *conf.Opt[int64] { return &c.timeout }), Default: "5m",
		Doc: "Sets how long a session can be resumed; a week at most."},
	{Name: "ssl_crl", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.crl }),
		Doc: "Names a file with revocation lists that clients' certificates are checked against."},
	{Name: "ssl_ech_file", In: inServer, Args: conf.Take1, Set: conf.StrList(func(c *srvConf) *[]string { return &c.echFiles }), Syntax: "file",
		Doc: "Names a PEM file with a PRIVATE KEY and an ECHCONFIG, by which clients encrypt their hello (ECH, TLS 1.3). Clients with others than those of the first file are told of them. Of an address the default server's count."},
	{Name: "ssl_key_log", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.keyLog }), Syntax: "file",
		Doc: "Names a file that the secrets of clients' handshakes are written to, by which recorded traffic can be read. For finding faults only."},
	{Name: "ssl_ocsp", In: inServer, Args: conf.Take1, Set: conf.Enum(func(c *srvConf) *conf.Opt[ocspMode] { return &c.ocsp }, ocspNames), Syntax: "on | off | leaf", Default: "off",
		Doc: "Asks the responders of issuers whether clients' certificates have been revoked: all of a chain but the root, or with leaf the client's own. Clients wait for the answers; one that does not come counts as bad. Names of responders are looked up by the system."},
	{Name: "ssl_ocsp_responder", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.ocspResponder }), Syntax: "URL",
		Doc: "Sets the responder that ssl_ocsp asks, http:// only, instead of those in the certificates."},
	{Name: "ssl_ocsp_cache", In: inServer, Args: conf.Take1, Set: setOCSPCache, Syntax: "off | shared:name:size", Default: "off",
		Doc: "Keeps the answers to ssl_ocsp until there are newer ones. All workers share every cache."},
	{Name: "ssl_stapling", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.stapling }), Default: "off",
		Doc: "Sends clients a fresh statement of the issuer that the certificate is not revoked."},
	{Name: "ssl_stapling_file", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.staplingFile }),
		Doc: "Names a file with the statement, in DER, instead of asking the issuer's responder."},
	{Name: "ssl_stapling_responder", In: inServer, Args: conf.Take1, Set: conf.Str(func(c *srvConf) *conf.Opt[string] { return &c.staplingResponder }),
		Doc: "Sets the URL to ask, instead of the one in the certificate."},
	{Name: "ssl_stapling_verify", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.staplingVerify }), Default: "off",
		Doc: "Wants the issuer of the certificate, who signs statements or lets somebody sign them, to lead to a root of ssl_trusted_certificate. Without it those may be signed by any of ssl_trusted_certificate, too."},
	{Name: "ssl_early_data", In: inServer, Args: conf.FlagArg, Set: offOnly("TLS 1.3 early data is not taken, clients send it again after the handshake"), Default: "off",
		Doc: "Has no effect: early data is not taken."},
	{Name: "ssl_conf_command", In: inServer, Args: conf.Take2, Set: conf.KeyVals(func(c *srvConf) *[]conf.KeyVal { return &c.commands }), Syntax: "name value",
		Doc: "Sets what OpenSSL's configuration calls by that name: CipherString, Groups, Curves, MinProtocol, MaxProtocol, Certificate, PrivateKey, Options. Others are warned of."},
	{Name: "ssl_reject_handshake", In: inServer, Args: conf.FlagArg, Set: conf.Flag(func(c *srvConf) *conf.Opt[bool] { return &c.reject }), Default: "off",
		Doc: "Refuses handshakes in the server's name with the alert unrecognized_name."},
}

// offOnly is the setter of switches that can only be off: on is warned of.
func offOnly(why string) conf.Setter {
	warn := conf.NoOp(why)
	return func(cx *conf.Cx, it *conf.Item) error {
		switch it.Args[0] {
		case "off":
			return nil
		case "on":
			return warn(cx, it)
		}
		return conf.Errorf("invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", it.Args[0], it.Name)
	}
}

package proxyssl

import (
	"weir/appliance/http/upstream"
	"weir/lua/api"
	"weir/lua/tls"
	"weir/lua/vm"
)

// Family is the three modules.
var Family = api.Family{
	Name: "ngx.proxyssl",
	Doc:  "Handshakes with backends.",
	Tables: []api.Table{
		{Path: "ngx.proxyssl", Module: true, Funcs: []api.Func{
			{Name: "get_tls1_version", In: api.Any, Args: "()", Doc: "Returns the version of TLS towards the backend as a number, 0x0303 or 0x0304.", Run: version},
			{Name: "get_tls1_version_str", In: api.Any, Args: "()", Doc: "Returns it as TLSv1.2 or TLSv1.3.", Run: versionName},
		}},
		{Path: "ngx.ssl.proxysslcert", Module: true, Funcs: []api.Func{
			{Name: "clear_certs", In: api.Any, Args: "()", Doc: "Takes back the certificate and key that are set, those of proxy_ssl_certificate included.", Run: clearCerts},
			{Name: "set_der_cert", In: api.Any, Args: "(der)", Doc: "Sets the certificate to show the backend, in DER, those of its issuers behind it.", Run: setDERCert},
			{Name: "set_der_priv_key", In: api.Any, Args: "(der)", Doc: "Sets its private key, in DER.", Run: setDERKey},
			{Name: "set_cert", In: api.Any, Args: "(chain)", Doc: "Sets the certificate to what ngx.ssl.parse_pem_cert or parse_der_cert returned.", Run: setCert},
			{Name: "set_priv_key", In: api.Any, Args: "(key)", Doc: "Sets its private key to what ngx.ssl.parse_pem_priv_key or parse_der_priv_key returned.", Run: setKey},
		}},
		{Path: "ngx.ssl.proxysslverify", Module: true, Funcs: []api.Func{
			{Name: "get_verify_result", In: api.Any, Args: "()", Doc: "Returns OpenSSL's code of what the check has said, 0 for success.", Run: verifyResult},
			{Name: "set_verify_result", In: api.Any, Args: "(code)", Doc: "Sets what the check says; where proxy_ssl_verify is on, anything but 0 ends the try.", Run: setVerifyResult},
			{Name: "get_verify_cert", In: api.Any, Args: "()", Doc: "Returns the certificate that the backend sent, for functions of ngx.ssl.", Run: verifyCert},
		}},
	},
	Open: func(e *api.Env) { tls.SetVersions(e.VM.Loaded().GetString("ngx.proxyssl").AsTable()) },
}

// exchange is that of the request, or why there is none with a TLS connection.
func exchange(l *vm.State) (*upstream.Exchange, string) {
	c := api.Of(l)
	if c.R == nil {
		l.Errorf("no request found")
	}
	x := upstream.Of(c.R)
	switch {
	case x == nil:
		return nil, "bad request"
	case x.TLSVersion() == 0:
		return nil, "bad upstream connection"
	}
	return x, ""
}

// shaking is exchange within a handshake that runs scripts.
func shaking(l *vm.State) (*upstream.Exchange, string) {
	x, msg := exchange(l)
	if msg == "" && !x.Shaking() {
		return nil, "bad ssl conn"
	}
	return x, msg
}

func version(l *vm.State) int {
	x, msg := exchange(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	return l.Ret(vm.Int(int(x.TLSVersion())))
}

func versionName(l *vm.State) int {
	x, msg := exchange(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	return tls.RetVersion(l, int(x.TLSVersion()))
}

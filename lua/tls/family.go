package tls

import (
	"slices"

	"weir/lua/api"
)

// Family is the modules ngx.ssl, ngx.ssl.clienthello and ngx.ssl.session, and what lua-resty-http needs of resty.openssl.
var Family = api.Family{
	Name: "ngx.ssl",
	Doc:  "TLS of the client's connection: certificates, keys, the client's hello, sessions.",
	Tables: []api.Table{
		{Path: "ngx.ssl", Module: true, Funcs: slices.Concat(parseFuncs, connectionFuncs, certificateFuncs)},
		{Path: "ngx.ssl.clienthello", Module: true, Funcs: helloFuncs},
		{Path: "ngx.ssl.session", Module: true, Funcs: sessionFuncs},
		{Path: "resty.openssl.x509.chain", Module: true, Funcs: chainFuncs},
		{Path: "resty.openssl.x509", Module: true, Funcs: x509Funcs},
		{Path: "x509", Meta: x509Type, Funcs: x509Methods},
		{Path: "resty.openssl.pkey", Module: true, Funcs: pkeyFuncs},
	},
	Open: func(e *api.Env) { SetVersions(e.VM.Loaded().GetString("ngx.ssl").AsTable()) },
}

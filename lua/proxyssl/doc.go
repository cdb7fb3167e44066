// Package proxyssl is the modules ngx.proxyssl, ngx.ssl.proxysslcert and ngx.ssl.proxysslverify: what
// proxy_ssl_certificate_by_lua and proxy_ssl_verify_by_lua know of the handshake with a backend, and say about it.
//
//	upstream.Exchange ─ hook of the handshake ─► lua/phase runs the script ─► these functions ─► Exchange
//
// It owns nothing: what scripts set belongs to the handshake of the request's exchange. It must not know how
// handshakes go, nor how scripts are run. Everything runs on the worker's loop.
package proxyssl

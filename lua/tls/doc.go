// Package tls is the module ngx.ssl: certificates and private keys of scripts.
//
//	text ──► parse_pem_cert, parse_pem_priv_key ──► *Chain, *Key (cdata to Lua)
//
// It owns Chain and Key, which other modules take from scripts by AsChain and AsKey. It must not know how handshakes
// are done, nor directives. Everything runs on the worker's loop.
package tls

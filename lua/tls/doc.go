// Package tls is ngx.ssl, ngx.ssl.clienthello and ngx.ssl.session: what Lua knows of the TLS of a client's connection,
// and what it decides while the handshake lasts.
//
//	text ──► parse_pem_cert, parse_pem_priv_key ──► *Chain, *Key (cdata to Lua)
//	script of a handshake: Ctx.Place ──► Place.Conn ──┐
//	script of a request:   Ctx.R ──► ssl.Of ──────────┴─► ssl.Connection of appliance/http/ssl
//
// It owns Chain and Key, which other modules take from scripts by AsChain and AsKey, and Place, by which lua/phase says
// whose handshake a script runs in. It must not know how handshakes are done, nor directives: appliance/http/ssl is
// asked. Everything runs on the worker's loop or on the stack of a handshake.
package tls

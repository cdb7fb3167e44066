package phase_test

import (
	"strings"
	"testing"

	"weir/appliance/certs/certstest"
)

// TestStaplesGoWithWhateverCertificateIsSet holds set_ocsp_status_resp against the order of calls: OpenSSL keeps the staple with the
// connection.
func TestStaplesGoWithWhateverCertificateIsSet(t *testing.T) {
	chain, key := certstest.Issue(t, nil, "set").PEM(t)
	lines := strings.NewReplacer("CHAIN", chain, "KEY", key)
	const staple, set = `assert(require("ngx.ocsp").set_ocsp_status_resp("a response")) `,
		"local ssl = require 'ngx.ssl' assert(ssl.clear_certs()) assert(ssl.set_cert(ssl.parse_pem_cert([[CHAIN]]))) assert(ssl.set_priv_key(ssl.parse_pem_priv_key([[KEY]]))) "
	for _, c := range []struct{ name, scripts, want string }{
		{"the configuration's", "ssl_certificate_by_lua_block { " + staple + "}", "fallback"},
		{"set before", "ssl_certificate_by_lua_block { " + set + staple + "}", "set"},
		{"set after", "ssl_certificate_by_lua_block { " + staple + set + "}", "set"},
		{"in the hello", "ssl_client_hello_by_lua_block { " + staple + "}", "fallback"},
		{"in the hello, set later", "ssl_client_hello_by_lua_block { " + staple + "} ssl_certificate_by_lua_block { " + set + "}", "set"},
	} {
		s := secured(t, "server { listen %LISTEN% ssl; "+lines.Replace(c.scripts)+" }")
		conn, err := connect(s, "x")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		st := conn.ConnectionState()
		if cn := st.PeerCertificates[0].Subject.CommonName; cn != c.want || string(st.OCSPResponse) != "a response" {
			t.Errorf("%s: got %q of %q, want the staple of %q", c.name, st.OCSPResponse, cn, c.want)
		}
		conn.Close()
	}
}

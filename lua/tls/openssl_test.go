package tls

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"weir/appliance/certs/certstest"
	"weir/lua/api/apitest"
)

func TestACertificateIsHeldAgainstItsKey(t *testing.T) {
	mine := certstest.Issue(t, nil, "mine")
	cert, key := mine.PEM(t)
	otherCert, otherKey := certstest.Issue(t, nil, "other").PEM(t)
	sum := sha256.Sum256(mine.Cert.Raw)
	script := fmt.Sprintf(`
		local ssl, ffi = require "ngx.ssl", require "ffi"
		local x509, chain, pkey = require "resty.openssl.x509", require "resty.openssl.x509.chain", require "resty.openssl.pkey"
		local c = assert(ssl.parse_pem_cert(%q))
		local list = assert(chain.dup(ffi.cast("OPENSSL_STACK*", c)))
		local cert = assert(x509.dup(list[1].ctx))
		local mine = assert(pkey.new(ffi.cast("EVP_PKEY*", assert(ssl.parse_pem_priv_key(%q)))))
		local other = assert(pkey.new(assert(ssl.parse_pem_priv_key(%q))))
		ffi.gc(mine.ctx, nil)
		local hex = cert:digest("sha256"):gsub(".", function(b) return ("%%02x"):format(b:byte()) end)
		local ok, why = cert:check_private_key(other)
		return table.concat({#list, hex, tostring(cert:check_private_key(mine)), tostring(ok), why, #cert:digest(),
			tostring(cert:digest("none")), tostring(chain.dup(mine.ctx)), tostring(x509.dup({})), tostring(pkey.new(c)), tostring(pcall(ffi.cast, "int", 1)),
			tostring(pcall(ffi.gc, c, print))}, " ")`,
		cert+otherCert, key, otherKey)
	want := "2 " + hex.EncodeToString(sum[:]) + " true false key values mismatch 20 nil nil nil nil false false"
	if got := apitest.Eval(t, apitest.Env(t, &Family), script); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

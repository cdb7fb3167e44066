package tls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"weir/appliance/certs"
	"weir/lua/api/apitest"
)

func TestACertificateIsHeldAgainstItsKey(t *testing.T) {
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der := selfSigned(t, mine, "mine")
	keyPEM := func(k *ecdsa.PrivateKey) string {
		b, err := certs.MarshalKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pemOf("PRIVATE KEY", b)
	}
	sum := sha256.Sum256(der)
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
		pemOf("CERTIFICATE", der, selfSigned(t, other, "other")), keyPEM(mine), keyPEM(other))
	want := "2 " + hex.EncodeToString(sum[:]) + " true false key values mismatch 20 nil nil nil nil false false"
	if got := apitest.Eval(t, newEnv(t), script); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

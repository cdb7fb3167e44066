package tls

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"weir/appliance/certs/certstest"
	"weir/lua/api"
	"weir/lua/api/apitest"
	"weir/lua/vm"
)

func pemOf(kind string, der ...[]byte) string {
	var b bytes.Buffer
	for _, d := range der {
		_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: d}) // a buffer takes everything
	}
	return b.String()
}

func TestCertificatesAndKeysAreParsed(t *testing.T) {
	ec := certstest.Issue(t, nil, "one")
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, _ := x509.MarshalECPrivateKey(ec.Key)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(rs)
	one, two := ec.Cert.Raw, certstest.Issue(t, nil, "two").Cert.Raw
	e := apitest.Env(t, &Family)
	g := e.VM.Globals()
	g.SetString("chain", vm.String(pemOf("CERTIFICATE", one, two)))
	g.SetString("der", vm.String(string(one)+string(two)))
	g.SetString("eckey", vm.String(pemOf("EC PRIVATE KEY", ecDER)))
	g.SetString("ecder", vm.String(string(ecDER)))
	g.SetString("rsakey", vm.String(pemOf("PRIVATE KEY", pkcs8)))
	g.SetString("rsader", vm.String(string(x509.MarshalPKCS1PrivateKey(rs))))
	const head = `local ssl = require "ngx.ssl" local function show(...) return tostring((...)):gsub(": 0x.*", "") .. " " .. tostring(select(2, ...)) end `
	for _, c := range []struct{ name, src, want string }{
		{"a chain becomes DER", `return tostring(ssl.cert_pem_to_der(chain) == der)`, "true"},
		{"text without a certificate is refused", `return show(ssl.cert_pem_to_der("x"))`, "nil PEM_read_bio_X509_AUX() failed"},
		{"a key of an elliptic curve becomes SEC 1", `return tostring(ssl.priv_key_pem_to_der(eckey) == ecder)`, "true"},
		{"an RSA key becomes PKCS#1", `return tostring(ssl.priv_key_pem_to_der(rsakey) == rsader)`, "true"},
		{"text without a key is refused", `return show(ssl.priv_key_pem_to_der(chain))`, "nil PEM_read_bio_PrivateKey() failed"},
		{"a parsed chain is cdata", `return type(ssl.parse_pem_cert(chain)) .. type(ssl.parse_der_cert(der))`, "cdatacdata"},
		{"bad PEM is no chain", `return show(ssl.parse_pem_cert("no"))`, "nil PEM_read_bio_X509_AUX() failed"},
		{"bad DER is no chain", `return show(ssl.parse_der_cert("no"))`, "nil d2i_X509_bio() failed"},
		{"nothing is no chain", `return show(ssl.parse_der_cert(""))`, "nil invalid argument"},
		{"a parsed key is cdata", `return type(ssl.parse_pem_priv_key(rsakey)) .. type(ssl.parse_der_priv_key(ecder))`, "cdatacdata"},
		{"bad PEM is no key", `return show(ssl.parse_pem_priv_key("no"))`, "nil PEM_read_bio_PrivateKey() failed"},
		{"bad DER is no key", `return show(ssl.parse_der_priv_key("no"))`, "nil d2i_PrivateKey_bio() failed"},
		{"the module says its version", `return ssl.version`, api.CoreVersion},
		{"versions have names", `return ssl.TLS1_3_VERSION - ssl.SSL3_VERSION`, "4"},
	} {
		if got := apitest.Eval(t, e, head+c.src); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

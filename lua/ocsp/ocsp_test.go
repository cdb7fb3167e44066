package ocsp

import (
	"crypto"
	"crypto/x509"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/appliance/certs/certstest"
	"weir/lua/api/apitest"
	"weir/lua/vm"
)

func TestRespondersAreAskedAndAnswersChecked(t *testing.T) {
	authority, stranger := certstest.Issue(t, nil, "root", certstest.CA), certstest.Issue(t, nil, "other", certstest.CA)
	root, other := authority.Cert, stranger.Cert
	leaf := certstest.Issue(t, authority, "leaf", certstest.Responder("http://a.test/ocsp")).Cert
	silent := certstest.Issue(t, authority, "silent").Cert
	now := time.Now().Truncate(time.Second)
	answer := func(status int, until time.Time, embed *x509.Certificate, key crypto.Signer) vm.Value {
		raw, err := ocsp.CreateResponse(root, root, ocsp.Response{Status: status, SerialNumber: leaf.SerialNumber, ThisUpdate: now.Add(-2 * time.Hour),
			NextUpdate: until, RevokedAt: now, Certificate: embed}, key)
		if err != nil {
			t.Fatal(err)
		}
		return vm.String(string(raw))
	}
	e := apitest.Env(t, &Family)
	g := e.VM.Globals()
	for name, value := range map[string]vm.Value{
		"leaf": vm.String(string(leaf.Raw)), "root": vm.String(string(root.Raw)), "other": vm.String(string(other.Raw)), "silent": vm.String(string(silent.Raw)),
		"good": answer(ocsp.Good, now.Add(time.Hour), nil, authority.Key), "endless": answer(ocsp.Good, time.Time{}, nil, authority.Key),
		"old": answer(ocsp.Good, now.Add(-time.Hour), nil, authority.Key), "revoked": answer(ocsp.Revoked, now.Add(-time.Hour), nil, authority.Key),
		"forged": answer(ocsp.Good, now.Add(time.Hour), nil, stranger.Key), "brought": answer(ocsp.Good, now.Add(time.Hour), other, stranger.Key),
		"refused": vm.String(string(ocsp.TryLaterErrorResponse)), "until_": vm.Number(float64(now.Add(time.Hour).Unix())),
	} {
		g.SetString(name, value)
	}
	const head = `local o = require "ngx.ocsp" local function show(a, b) return tostring(a) .. " " .. tostring(b) end `
	const ask, create, check = `return show(o.get_ocsp_responder_from_der_chain(`, `return show(o.create_ocsp_request(`, `return show(o.validate_ocsp_response(`
	for _, c := range []struct{ name, src, want string }{
		{"the responder", ask + `leaf .. root))`, "http://a.test/ocsp nil"},
		{"a long URL is cut off", ask + `leaf .. root, 7))`, "http:// truncated"},
		{"a certificate without a responder", ask + `silent .. root))`, "nil nil"},
		{"no issuer", ask + `leaf))`, "nil no issuer certificate in chain"},
		{"another issuer", ask + `leaf .. other))`, "nil issuer certificate not next to leaf"},
		{"no chain", ask + `""))`, "nil d2i_X509_bio() failed"},
		{"a chain that breaks off", ask + `leaf .. "x"))`, "nil d2i_X509_bio() failed"},
		{"a question", `return #o.create_ocsp_request(leaf .. root) > 60 and "yes"`, "yes"},
		{"no room for a question", `return (select(2, o.create_ocsp_request(leaf .. root, 3)):gsub("%d+ >", "N >"))`, "output buffer too small: N > 3"},
		{"a question without an issuer", create + `leaf))`, "nil no issuer certificate in chain"},
		{"a good answer", `local ok, next = o.validate_ocsp_response(good, leaf .. root) return tostring(ok) .. " " .. tostring(next == until_)`, "true true"},
		{"an answer without an end", check + `endless, leaf .. root))`, "true nil"},
		{"an old answer", check + `old, leaf .. root))`, "nil OCSP_check_validity() failed"},
		{"the status before the time", check + `revoked, leaf .. root))`, `nil certificate status "revoked" in the OCSP response`},
		{"a signature of somebody else", check + `forged, leaf .. root))`, "nil OCSP_basic_verify() failed"},
		{"a certificate of somebody else in it", check + `brought, leaf .. root))`, "nil OCSP_basic_verify() failed"},
		{"an answer about another", check + `good, silent .. root))`, "nil certificate status not found in the OCSP response"},
		{"a refusal", check + `refused, leaf .. root))`, "nil OCSP response not successful (3: trylater)"},
		{"no answer", check + `"x", ""))`, "nil d2i_OCSP_RESPONSE() failed"},
		{"an answer and no issuer", check + `good, leaf))`, "nil no issuer certificate in chain"},
		{"a short error", check + `"x", leaf, 3))`, "nil d2i"},
	} {
		if got := apitest.Eval(t, e, head+c.src); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

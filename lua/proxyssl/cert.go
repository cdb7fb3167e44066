package proxyssl

import (
	"weir/appliance/certs"
	"weir/appliance/http/upstream"
	"weir/lua/api"
	"weir/lua/tls"
	"weir/lua/vm"
)

func clearCerts(l *vm.State) int {
	x, msg := shaking(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	x.ClearCertificate()
	return l.Ret(vm.True)
}

func setDERCert(l *vm.State) int {
	text := l.CheckString(1)
	x, msg := shaking(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	list, err := certs.ParseChainDER([]byte(text))
	if err != nil {
		return api.Fail(l, "d2i_X509_bio() failed")
	}
	x.SetCertificate(list)
	return l.Ret(vm.True)
}

func setCert(l *vm.State) int {
	chain := tls.AsChain(l.Arg(1))
	x, msg := shaking(l)
	switch {
	case msg != "":
		return api.Fail(l, msg)
	case chain == nil:
		return api.Fail(l, "invalid certificate chain")
	}
	x.SetCertificate(chain.Certs)
	return l.Ret(vm.True)
}

func setKey(l *vm.State) int {
	key := tls.AsKey(l.Arg(1))
	x, msg := shaking(l)
	switch {
	case msg != "":
		return api.Fail(l, msg)
	case key == nil:
		return api.Fail(l, "invalid private key")
	}
	x.SetKey(key.Signer)
	return l.Ret(vm.True)
}

func setDERKey(l *vm.State) int {
	text := l.CheckString(1)
	x, msg := shaking(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	key, err := certs.ParseKeyDER([]byte(text))
	if err != nil {
		return api.Fail(l, "d2i_PrivateKey_bio() failed")
	}
	x.SetKey(key)
	return l.Ret(vm.True)
}

// judging is the exchange whose backend's certificate proxy_ssl_verify_by_lua judges; elsewhere that is an error.
func judging(l *vm.State) (*upstream.Exchange, string) {
	c := api.Of(l)
	switch {
	case c.R == nil:
		l.Errorf("no request found")
	case c.Phase != api.ProxySSLVerify:
		l.Errorf("API disabled in the current context")
	}
	return shaking(l)
}

func verifyResult(l *vm.State) int {
	x, msg := judging(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	return l.Ret(vm.Int(x.VerifyResult().Code))
}

func setVerifyResult(l *vm.State) int {
	x, msg := judging(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	x.SetVerifyResult(l.CheckInt(1))
	return l.Ret(vm.True)
}

func verifyCert(l *vm.State) int {
	x, msg := judging(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	return l.Ret(l.VM().NewCdata(&tls.Chain{Certs: x.PeerCertificates()}).Value())
}

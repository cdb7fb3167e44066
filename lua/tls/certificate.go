package tls

import (
	"crypto"
	"crypto/x509"

	"weir/appliance/certs"
	"weir/lua/api"
	"weir/lua/vm"
)

var certificateFuncs = []api.Func{
	{Name: "clear_certs", In: api.SSLCert, Args: "()", Doc: "Takes back the certificates of the configuration.", Run: clearCerts},
	{Name: "set_cert", In: api.SSLCert, Args: "(chain)", Doc: "Sets the chain of the handshake; of each type of key the last one holds.", Run: func(l *vm.State) int {
		chain := AsChain(l.Arg(1))
		if chain == nil {
			return api.Fail(l, "invalid certificate chain")
		}
		return setChain(l, chain.Certs)
	}},
	{Name: "set_priv_key", In: api.SSLCert, Args: "(key)", Doc: "Sets the private key of the chain with its type of key.", Run: func(l *vm.State) int {
		key := AsKey(l.Arg(1))
		if key == nil {
			return api.Fail(l, "invalid private key")
		}
		return setKey(l, key.Signer)
	}},
	{Name: "set_der_cert", In: api.SSLCert, Args: "(der)", Doc: "Sets the chain of the handshake from DER, one certificate behind the other.", Run: func(l *vm.State) int {
		chain, err := certs.ParseChainDER([]byte(l.CheckString(1)))
		if err != nil {
			return api.Fail(l, badDERCert)
		}
		return setChain(l, chain)
	}},
	{Name: "set_der_priv_key", In: api.SSLCert, Args: "(der)", Doc: "Sets the private key of the handshake from DER.", Run: func(l *vm.State) int {
		key, err := certs.ParseKeyDER([]byte(l.CheckString(1)))
		if err != nil {
			return api.Fail(l, badDERKey)
		}
		return setKey(l, key)
	}},
	{Name: "verify_client", In: api.SSLCert, Args: "(issuers?, depth?, trusted?)", Doc: "Asks the client for its certificate and checks it; the outcome is $ssl_client_verify.", Run: verifyClient},
}

func clearCerts(l *vm.State) int {
	c, _ := here(l)
	if err := c.ClearCertificates(); err != nil {
		return api.Fail(l, badConn)
	}
	return l.Ret(vm.True)
}

func setChain(l *vm.State, chain []*x509.Certificate) int {
	c, _ := here(l)
	if err := c.SetChain(chain); err != nil {
		return api.Fail(l, "SSL_use_certificate() failed")
	}
	return l.Ret(vm.True)
}

func setKey(l *vm.State, key crypto.Signer) int {
	c, _ := here(l)
	if err := c.SetKey(key); err != nil {
		return api.Fail(l, "SSL_use_PrivateKey() failed")
	}
	return l.Ret(vm.True)
}

func verifyClient(l *vm.State) int {
	depth := -1
	if l.Arg(2).Truthy() {
		depth = l.CheckInt(2)
	}
	var issuers, trusted []*x509.Certificate
	if chain := AsChain(l.Arg(1)); chain != nil {
		issuers = chain.Certs
	}
	if chain := AsChain(l.Arg(3)); chain != nil {
		trusted = chain.Certs
	}
	c, _ := here(l)
	if err := c.VerifyClient(issuers, trusted, depth); err != nil {
		return api.Fail(l, badConn)
	}
	return l.Ret(vm.True)
}

package tls

import (
	"crypto"
	"crypto/x509"

	"weir/appliance/certs"
	"weir/lua/api"
	"weir/lua/vm"
)

// Chain is a chain of certificates that a script has parsed, the own one first. It is not changed.
type Chain struct{ Certs []*x509.Certificate }

// Key is a private key that a script has parsed.
type Key struct{ crypto.Signer }

// AsChain returns what parse_pem_cert or parse_der_cert made, nil for any other value.
func AsChain(v vm.Value) *Chain {
	c, _ := api.Held[*Chain](v)
	return c
}

// AsKey returns what parse_pem_priv_key or parse_der_priv_key made, nil for any other value.
func AsKey(v vm.Value) *Key {
	k, _ := api.Held[*Key](v)
	return k
}

var parseFuncs = []api.Func{
	{Name: "cert_pem_to_der", In: api.Any, Args: "(pem)", Doc: "Returns the certificates of PEM text in DER, one behind the other.", Run: certToDER},
	{Name: "priv_key_pem_to_der", In: api.Any, Args: "(pem, passphrase?)", Doc: "Returns the private key of PEM text in DER.", Run: keyToDER},
	{Name: "parse_pem_cert", In: api.Any, Args: "(pem)", Doc: "Returns the chain of PEM text for set_cert.", Run: parsePEMCert},
	{Name: "parse_pem_priv_key", In: api.Any, Args: "(pem)", Doc: "Returns the private key of PEM text for set_priv_key.", Run: parsePEMKey},
	{Name: "parse_der_cert", In: api.Any, Args: "(der)", Doc: "Returns the chain of DER, one certificate behind the other, for set_cert.", Run: parseDERCert},
	{Name: "parse_der_priv_key", In: api.Any, Args: "(der)", Doc: "Returns the private key of DER for set_priv_key.", Run: parseDERKey},
}

// What scripts are told is wrong: OpenSSL's functions, which OpenResty names.
const (
	badPEMCert = "PEM_read_bio_X509_AUX() failed"
	badPEMKey  = "PEM_read_bio_PrivateKey() failed"
	badDERCert = "d2i_X509_bio() failed"
	badDERKey  = "d2i_PrivateKey_bio() failed"
)

func certToDER(l *vm.State) int {
	chain, err := certs.ParseChain([]byte(l.CheckString(1)))
	if err != nil {
		return api.Fail(l, badPEMCert)
	}
	var der []byte
	for _, c := range chain {
		der = append(der, c.Raw...)
	}
	l.PushBytes(der)
	return 1
}

func keyToDER(l *vm.State) int {
	var passwords [][]byte
	if !l.Arg(2).IsNil() {
		passwords = [][]byte{[]byte(l.CheckString(2))}
	}
	key, _, err := certs.ParseKey([]byte(l.CheckString(1)), passwords)
	if err != nil {
		return api.Fail(l, badPEMKey)
	}
	der, err := certs.MarshalKey(key)
	if err != nil {
		return api.Fail(l, "i2d_PrivateKey() failed")
	}
	l.PushBytes(der)
	clear(der)
	return 1
}

func parsePEMCert(l *vm.State) int {
	chain, err := certs.ParseChain([]byte(l.CheckString(1)))
	if err != nil {
		return api.Fail(l, badPEMCert)
	}
	return retCdata(l, &Chain{chain})
}

func parsePEMKey(l *vm.State) int {
	key, _, err := certs.ParseKey([]byte(l.CheckString(1)), nil)
	if err != nil {
		return api.Fail(l, badPEMKey)
	}
	return retCdata(l, &Key{key})
}

func parseDERCert(l *vm.State) int {
	der := l.CheckString(1)
	if der == "" {
		return api.Fail(l, "invalid argument")
	}
	chain, err := certs.ParseChainDER([]byte(der))
	if err != nil {
		return api.Fail(l, badDERCert)
	}
	return retCdata(l, &Chain{chain})
}

func parseDERKey(l *vm.State) int {
	der := l.CheckString(1)
	if der == "" {
		return api.Fail(l, "invalid argument")
	}
	key, err := certs.ParseKeyDER([]byte(der))
	if err != nil {
		return api.Fail(l, badDERKey)
	}
	return retCdata(l, &Key{key})
}

// retCdata returns v to Lua as cdata.
func retCdata(l *vm.State, v any) int { return l.Ret(l.VM().NewCdata(v).Value()) }

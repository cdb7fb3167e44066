package tls

import (
	"crypto"
	"crypto/x509"

	"weir/lua/api"
	"weir/lua/vm"
)

// The part of lua-resty-openssl, whose originals are ffi, that lua-resty-http asks for client certificates: whether
// the key is that of the certificate, and a digest that tells connections of different certificates apart. What is
// looked at is what ngx.ssl has parsed.

var chainFuncs = []api.Func{
	{Name: "dup", In: api.Any, Args: "(chain)", Doc: "Returns a list of the certificates of a chain that ngx.ssl has parsed, each with a field ctx for resty.openssl.x509.", Run: dupChain},
}

var x509Funcs = []api.Func{
	{Name: "dup", In: api.Any, Args: "(ctx)", Doc: "Returns an object of a certificate.", Run: dupCert},
}

var x509Methods = []api.Func{
	{Name: "check_private_key", In: api.Any, Args: "(key)", Doc: "Reports whether an object of resty.openssl.pkey is the certificate's key.", Run: checkPrivateKey},
	{Name: "digest", In: api.Any, Args: "(name?)", Doc: "Returns the digest (sha1, sha256, sha384, sha512) of the certificate, in binary; sha1 where none is named.", Run: digest},
}

var pkeyFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(key)", Doc: "Returns an object of a private key that ngx.ssl has parsed.", Run: newPkey},
}

// x509Type is the objects of resty.openssl.x509.
const x509Type = "resty.openssl.x509:"

// object returns a table whose field ctx is cdata of v.
func object(l *vm.State, v any) *vm.Table {
	t := l.VM().NewTable(0, 1)
	t.SetString("ctx", l.VM().NewCdata(v).Value())
	return t
}

func dupChain(l *vm.State) int {
	c := AsChain(l.Arg(1))
	if c == nil {
		return api.Fail(l, "x509.chain.dup: expect a chain of ngx.ssl")
	}
	list := l.VM().NewTable(len(c.Certs), 0)
	for i := range c.Certs {
		list.SetInt(i+1, object(l, &Chain{c.Certs[i : i+1 : i+1]}).Value())
	}
	return l.Ret(list.Value())
}

func dupCert(l *vm.State) int {
	c := AsChain(l.Arg(1))
	if c == nil || len(c.Certs) == 0 {
		return api.Fail(l, "x509.dup: expect a certificate of ngx.ssl")
	}
	t := object(l, c)
	t.SetMetatable(l.VM(), l.VM().NewMetatable(x509Type))
	return l.Ret(t.Value())
}

func newPkey(l *vm.State) int {
	k := AsKey(l.Arg(1))
	if k == nil {
		return api.Fail(l, "pkey.new: expect a private key of ngx.ssl")
	}
	return l.Ret(object(l, k).Value())
}

// ctx returns the field of that name of an argument.
func ctx(l *vm.State, n int) vm.Value {
	if t := l.Arg(n).AsTable(); t != nil {
		return t.GetString("ctx")
	}
	return vm.Nil
}

// self returns the certificate that a method is called with.
func self(l *vm.State) *x509.Certificate {
	c := AsChain(ctx(l, 1))
	if c == nil {
		l.Errorf("not a certificate")
	}
	return c.Certs[0]
}

func checkPrivateKey(l *vm.State) int {
	cert, key := self(l), AsKey(ctx(l, 2))
	pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if key == nil || !ok || !pub.Equal(key.Public()) {
		l.Push(vm.False)
		l.PushString("key values mismatch")
		return 2
	}
	return l.Ret(vm.True)
}

// hashes are the digests by name.
var hashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

func digest(l *vm.State) int {
	cert := self(l)
	name, _ := l.Arg(2).AsString()
	if name == "" {
		name = "sha1"
	}
	h, ok := hashes[name]
	if !ok || !h.Available() {
		return api.Fail(l, "invalid digest type \""+name+"\"")
	}
	sum := h.New()
	sum.Write(cert.Raw)
	l.PushBytes(sum.Sum(nil))
	return 1
}

package resty

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"weir/lua/api"
	"weir/lua/vm"
)

// digest is one of the modules that compute a digest step by step.
type digest struct {
	name string
	new  func() hash.Hash
}

var digests = [...]digest{
	{"md5", md5.New}, {"sha1", sha1.New}, {"sha224", sha256.New224}, {"sha256", sha256.New},
	{"sha384", sha512.New384}, {"sha512", sha512.New},
}

// funcs returns the rows of the module.
func (d digest) funcs() []api.Func {
	create := func(l *vm.State) int { return l.Ret(object(l, "resty."+d.name, d.new()).Value()) }
	return []api.Func{
		{Name: "new", In: api.Any, Args: "()", Run: create, Doc: "Begins a digest."},
		{Name: "update", In: api.Any, Args: "(text, len?)", Run: digestUpdate, Doc: "Adds a text, or its first bytes, to the digest."},
		{Name: "final", In: api.Any, Args: "()", Run: digestFinal, Doc: "Returns the digest as bytes."},
		{Name: "reset", In: api.Any, Args: "()", Run: digestReset, Doc: "Begins anew."},
	}
}

func digestUpdate(l *vm.State) int {
	h := native[hash.Hash](l)
	s := l.CheckString(2)
	if n := l.OptInt(3, len(s)); n >= 0 && n < len(s) {
		s = s[:n]
	}
	buf := append(l.VM().TakeBuf(), s...)
	h.Write(buf)
	l.VM().KeepBuf(buf)
	return bool1(l, true)
}

func digestFinal(l *vm.State) int {
	h := native[hash.Hash](l)
	buf := h.Sum(l.VM().TakeBuf())
	l.PushBytes(buf)
	l.VM().KeepBuf(buf)
	return 1
}

func digestReset(l *vm.State) int {
	native[hash.Hash](l).Reset()
	return bool1(l, true)
}

var stringFuncs = []api.Func{
	{Name: "to_hex", In: api.Any, Args: "(text)", Run: toHex, Doc: "Returns the bytes of a text in hexadecimal."},
	{Name: "atoi", In: api.Any, Args: "(text)", Run: atoi, Doc: "Returns the number that a text of digits is, -1 for anything else."},
}

func toHex(l *vm.State) int {
	buf := append(l.VM().TakeBuf(), l.CheckString(1)...)
	n := len(buf)
	buf = hex.AppendEncode(buf, buf[:n:n])
	l.PushBytes(buf[n:])
	l.VM().KeepBuf(buf)
	return 1
}

func atoi(l *vm.State) int {
	s := l.CheckString(1)
	n := 0
	if s == "" {
		n = -1
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > (1<<63-1-9)/10 {
			n = -1
			break
		}
		n = 10*n + int(s[i]-'0')
	}
	l.PushInt(n)
	return 1
}

var randomFuncs = []api.Func{
	{Name: "bytes", In: api.Any, Args: "(len, strong?)", Run: randomBytes, Doc: "Returns so many random bytes, which are always fit for keys."},
}

// maxRandom bounds what one call returns.
const maxRandom = 1 << 24

func randomBytes(l *vm.State) int {
	n := l.CheckInt(1)
	if n < 0 || n > maxRandom {
		l.ArgError(1, "invalid length")
	}
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	l.PushBytes(b)
	return 1
}

package resty

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"weir/lua/api"
	"weir/lua/vm"
)

var aesFuncs = []api.Func{
	{Name: "cipher", In: api.Any, Args: "(size?, mode?)", Run: aesCipher, Doc: "Describes a cipher: 128, 192 or 256 bits; cbc, ecb, cfb1, cfb8, cfb128, ofb, ctr or gcm."},
	{Name: "new", In: api.Any, Args: "(key, salt?, cipher?, hash?, rounds?, iv_len?, padding?)", Run: aesNew,
		Doc: "Makes a cipher whose key and vector are derived from a password, or given by a table of iv and method in place of the hash."},
	{Name: "encrypt", In: api.Any, Args: "(text, aad?)", Run: aesEncrypt, Doc: "Encrypts a text; for gcm it returns a table of the text and its tag."},
	{Name: "decrypt", In: api.Any, Args: "(text, tag?, aad?)", Run: aesDecrypt, Doc: "Decrypts a text, or returns nil and an error."},
}

// aesHashes are the fields of aes.hash.
var aesHashes = []digest{
	{"md5", md5.New}, {"sha1", sha1.New}, {"sha224", sha256.New224}, {"sha256", sha256.New}, {"sha384", sha512.New384}, {"sha512", sha512.New},
}

const ivLen = aes.BlockSize

// aesMode is a mode of operation with the length of the vector that is derived for it.
type aesMode struct {
	name string
	iv   int
}

var aesModes = []aesMode{
	{"ecb", 0}, {"cbc", ivLen}, {"cfb1", ivLen}, {"cfb8", ivLen}, {"cfb128", ivLen}, {"ofb", ivLen}, {"ctr", ivLen}, {"gcm", 12},
}

func openAES(e *api.Env) {
	t := vm.NewTable(0, len(aesHashes))
	for i := range aesHashes {
		t.SetString(aesHashes[i].name, e.VM.NewUserdata(&aesHashes[i], nil).Value())
	}
	module(e, "resty.aes").SetString("hash", t.Value())
}

// aesKey is an object of resty.aes.
type aesKey struct {
	block   cipher.Block
	mode    string
	iv      []byte // of the block's size, but for gcm
	padding bool
}

func aesCipher(l *vm.State) int {
	size, mode := l.OptInt(1, 128), l.OptString(2, "cbc")
	for i := range aesModes {
		if aesModes[i].name != mode || size != 128 && size != 192 && size != 256 {
			continue
		}
		t := l.VM().NewTable(0, 3)
		t.SetString("size", vm.Int(size))
		t.SetString("cipher", vm.String(mode))
		t.SetString("method", l.VM().NewUserdata(&aesModes[i], nil).Value())
		return l.Ret(t.Value())
	}
	return l.Ret(vm.Nil)
}

// aesNew is aes:new(...): argument 1 is the module.
func aesNew(l *vm.State) int {
	bits, mode := 128, &aesModes[1]
	if c := l.Arg(4); c.Truthy() {
		t := l.CheckTable(4)
		bits = int(field(t, "size"))
		var ok bool
		if mode, ok = api.Held[*aesMode](t.GetString("method")); !ok || bits != 128 && bits != 192 && bits != 256 {
			l.ArgError(4, "bad cipher")
		}
	}
	a := &aesKey{mode: mode.name, padding: l.Arg(8).IsNil() || l.Arg(8).Truthy()}
	size := bits / 8
	key := make([]byte, size)
	iv := make([]byte, max(size, ivLen))
	n := l.OptInt(7, size)
	var msg string
	if t := l.Arg(5).AsTable(); t != nil {
		n, msg = given(l, t, key, iv)
	} else {
		msg = derived(l, mode, key, iv)
	}
	if msg != "" {
		return api.Fail(l, msg)
	}
	a.block, _ = aes.NewCipher(key) // the length is one that is allowed
	a.iv = iv[:ivLen]
	if a.mode == "gcm" {
		if n < 1 || n > len(iv) {
			return api.Fail(l, "failed to set IV length")
		}
		a.iv = iv[:n]
	}
	return l.Ret(object(l, "resty.aes", a).Value())
}

// given takes key and vector as the table in place of the hash says; it returns the vector's length.
func given(l *vm.State, t *vm.Table, key, iv []byte) (n int, msg string) {
	v, ok := t.GetString("iv").AsString()
	if !ok {
		return 0, "iv is needed"
	}
	if len(v) > len(key) {
		return 0, "bad iv length"
	}
	k := l.CheckString(2)
	if m := t.GetString("method"); m.Truthy() {
		l.Push(m)
		l.PushString(k)
		l.Call(1, 1)
		k, _ = l.Pop1().AsString()
	}
	if len(k) != len(key) {
		return 0, "bad key length"
	}
	copy(key, k)
	copy(iv, v)
	return len(v), ""
}

// derived makes key and vector of a password as OpenSSL's EVP_BytesToKey does: digests of the last digest, the
// password and the salt, one behind the other.
func derived(l *vm.State, mode *aesMode, key, iv []byte) (msg string) {
	d := &aesHashes[0]
	if v := l.Arg(5); v.Truthy() {
		var ok bool
		if d, ok = api.Held[*digest](v); !ok {
			l.ArgError(5, "bad hash")
		}
	}
	password, salt := l.CheckString(2), ""
	if l.Arg(3).Truthy() {
		if salt = l.CheckString(3); len(salt) != 8 {
			return "salt must be 8 characters or nil"
		}
	}
	out := stretch(d.new(), password, salt, l.OptInt(6, 1), len(key)+mode.iv)
	copy(key, out)
	copy(iv[:mode.iv], out[len(key):])
	return ""
}

// maxRounds bounds the work of one call.
const maxRounds = 1 << 20

func stretch(h hash.Hash, password, salt string, rounds, n int) []byte {
	var out, last []byte
	for len(out) < n {
		h.Reset()
		h.Write(last)
		h.Write([]byte(password))
		h.Write([]byte(salt))
		last = h.Sum(nil)
		for range min(rounds, maxRounds) - 1 {
			h.Reset()
			h.Write(last)
			last = h.Sum(last[:0])
		}
		out = append(out, last...)
	}
	return out[:n]
}

// aesSelf returns the object that encrypt and decrypt are called on.
func aesSelf(l *vm.State) *aesKey {
	if v := l.Arg(1); !v.IsTable() {
		l.Errorf("bad argument #1 self: table expected, got %s", v.TypeName())
	}
	return native[*aesKey](l)
}

func aesEncrypt(l *vm.State) int {
	a := aesSelf(l)
	text := []byte(l.CheckString(2))
	if a.mode == "gcm" {
		sealed := a.gcm().Seal(nil, a.iv, text, a.additional(l, 3))
		n := len(text)
		t := l.VM().NewTable(2, 0)
		t.SetInt(1, vm.String(string(sealed[:n])))
		t.SetInt(2, vm.String(string(sealed[n:])))
		return l.Ret(t.Value())
	}
	if a.mode == "cbc" || a.mode == "ecb" {
		if a.padding {
			text = pad(text)
		}
		if len(text)%aes.BlockSize != 0 {
			return api.Fail(l, "EVP_EncryptFinal_ex failed")
		}
	}
	a.crypt(text, true)
	l.PushBytes(text)
	return 1
}

func aesDecrypt(l *vm.State) int {
	a := aesSelf(l)
	text := []byte(l.CheckString(2))
	if a.mode == "gcm" {
		plain, err := a.gcm().Open(nil, a.iv, append(text, l.OptString(3, "")...), a.additional(l, 4))
		if err != nil {
			return api.Fail(l, "EVP_DecryptFinal_ex failed")
		}
		l.PushBytes(plain)
		return 1
	}
	blocks := a.mode == "cbc" || a.mode == "ecb"
	if blocks && len(text)%aes.BlockSize != 0 {
		return api.Fail(l, "EVP_DecryptFinal_ex failed")
	}
	a.crypt(text, false)
	if blocks && a.padding {
		var ok bool
		if text, ok = unpad(text); !ok {
			return api.Fail(l, "EVP_DecryptFinal_ex failed")
		}
	}
	l.PushBytes(text)
	return 1
}

// gcm returns the mode with vectors of the length in use, as OpenSSL allows any.
func (a *aesKey) gcm() cipher.AEAD {
	g, err := cipher.NewGCMWithNonceSize(a.block, len(a.iv))
	if err != nil {
		panic("BUG: " + err.Error()) // the length was checked
	}
	return g
}

func (a *aesKey) additional(l *vm.State, n int) []byte { return []byte(l.OptString(n, "")) }

// crypt encrypts or decrypts in place. Both directions begin with the vector.
func (a *aesKey) crypt(text []byte, encrypt bool) {
	iv := append([]byte(nil), a.iv...)
	switch a.mode {
	case "cbc":
		if encrypt {
			cipher.NewCBCEncrypter(a.block, iv).CryptBlocks(text, text)
		} else {
			cipher.NewCBCDecrypter(a.block, iv).CryptBlocks(text, text)
		}
	case "ecb":
		for ; len(text) > 0; text = text[aes.BlockSize:] {
			if encrypt {
				a.block.Encrypt(text, text)
			} else {
				a.block.Decrypt(text, text)
			}
		}
	case "ctr":
		cipher.NewCTR(a.block, iv).XORKeyStream(text, text)
	case "ofb", "cfb128":
		a.feedback(text, iv, encrypt)
	case "cfb8":
		a.shiftBytes(text, iv, encrypt)
	case "cfb1":
		a.shiftBits(text, iv, encrypt)
	}
}

// feedback is OFB, and CFB by whole blocks: the vector encrypted is the next key stream, and the next vector is that
// stream (OFB) or the text that was encrypted (CFB).
func (a *aesKey) feedback(text, iv []byte, encrypt bool) {
	for len(text) > 0 {
		a.block.Encrypt(iv, iv)
		n := min(len(text), len(iv))
		for i := range n {
			in := text[i]
			text[i] ^= iv[i]
			switch {
			case a.mode == "ofb":
			case encrypt:
				iv[i] = text[i]
			default:
				iv[i] = in
			}
		}
		text = text[n:]
	}
}

// shiftBytes is CFB by bytes: each byte of encrypted text is shifted into the vector.
func (a *aesKey) shiftBytes(text, iv []byte, encrypt bool) {
	var stream [aes.BlockSize]byte
	for i, in := range text {
		a.block.Encrypt(stream[:], iv)
		text[i] = in ^ stream[0]
		if encrypt {
			in = text[i]
		}
		copy(iv, iv[1:])
		iv[len(iv)-1] = in
	}
}

// shiftBits is CFB by bits, the highest of a byte first.
func (a *aesKey) shiftBits(text, iv []byte, encrypt bool) {
	var stream [aes.BlockSize]byte
	for i, in := range text {
		out := byte(0)
		for bit := 7; bit >= 0; bit-- {
			a.block.Encrypt(stream[:], iv)
			was := in >> bit & 1
			is := was ^ stream[0]>>7
			out |= is << bit
			if encrypt {
				was = is
			}
			for j := range iv {
				next := was
				if j+1 < len(iv) {
					next = iv[j+1] >> 7
				}
				iv[j] = iv[j]<<1 | next
			}
		}
		text[i] = out
	}
}

// pad adds what PKCS #7 (RFC 5652, section 6.3) does.
func pad(text []byte) []byte {
	n := aes.BlockSize - len(text)%aes.BlockSize
	for range n {
		text = append(text, byte(n))
	}
	return text
}

func unpad(text []byte) ([]byte, bool) {
	if len(text) == 0 {
		return nil, false
	}
	n := int(text[len(text)-1])
	if n == 0 || n > aes.BlockSize || n > len(text) {
		return nil, false
	}
	for _, b := range text[len(text)-n:] {
		if int(b) != n {
			return nil, false
		}
	}
	return text[:len(text)-n], true
}

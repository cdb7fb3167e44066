package setmisc

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	mathrand "math/rand/v2"
	"slices"
	"strconv"

	"weir/appliance/http"
)

// Function is what a set_* directive works its value out with.
type Function struct {
	Name string
	// Args is how many arguments Run takes.
	Args int
	// Run returns the value, valid until the request ends; false: the
	// arguments are wrong, and the error log says so. args are valid during the
	// call.
	Run func(r *http.Request, args [][]byte) ([]byte, bool)

	own      bool // the first argument is the variable that is set
	explicit bool // the argument is never left out
	syntax   string
	doc      string
}

// Lookup returns the function of the directive called name, nil for none.
func Lookup(name string) *Function {
	i := slices.IndexFunc(functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &functions[i]
}

var functions = []Function{
	{Name: "set_escape_uri", Args: 1, Run: escapeURI, syntax: one, doc: "Sets a variable to a text escaped for a URI."},
	{Name: "set_unescape_uri", Args: 1, Run: unescapeURI, syntax: one, doc: "Sets a variable to a text with the escapes of a URI decoded, a plus as a space."},
	{Name: "set_quote_sql_str", Args: 1, Run: quoteSQL, syntax: one, doc: "Sets a variable to a text quoted for MySQL."},
	{Name: "set_quote_pgsql_str", Args: 1, Run: quotePgSQL, syntax: one, doc: "Sets a variable to a text quoted for PostgreSQL."},
	{Name: "set_quote_json_str", Args: 1, Run: quoteJSON, syntax: one, doc: "Sets a variable to a text quoted for JSON, null for an empty one."},
	{Name: "set_encode_base64", Args: 1, Run: encodeBase64(base64.StdEncoding), syntax: one, doc: "Sets a variable to a text in base64."},
	{Name: "set_decode_base64", Args: 1, Run: decodeBase64("set_decode_base64", base64.RawStdEncoding), syntax: one, doc: "Sets a variable to what a text in base64 stands for."},
	{Name: "set_encode_base64url", Args: 1, Run: encodeBase64(base64.RawURLEncoding), syntax: one, doc: "Sets a variable to a text in base64 for URLs, without padding."},
	{Name: "set_decode_base64url", Args: 1, Run: decodeBase64("set_decode_base64url", base64.RawURLEncoding), syntax: one, doc: "Sets a variable to what a text in base64 for URLs stands for."},
	{Name: "set_encode_base32", Args: 1, Run: encodeBase32, syntax: one, doc: "Sets a variable to a text in base32, with the digits of set_base32_alphabet."},
	{Name: "set_decode_base32", Args: 1, Run: decodeBase32, syntax: one, doc: "Sets a variable to what a text in base32 stands for, empty if it is none."},
	{Name: "set_encode_hex", Args: 1, Run: encodeHex, syntax: one, doc: "Sets a variable to a text in hexadecimal."},
	{Name: "set_decode_hex", Args: 1, Run: decodeHex, syntax: one, doc: "Sets a variable to what a text in hexadecimal stands for."},
	{Name: "set_md5", Args: 1, Run: hashMD5, syntax: one, doc: "Sets a variable to the MD5 of a text, in hexadecimal."},
	{Name: "set_sha1", Args: 1, Run: hashSHA1, syntax: one, doc: "Sets a variable to the SHA-1 of a text, in hexadecimal."},
	{Name: "set_hmac_sha1", Args: 2, Run: hmacSHA1, syntax: "$variable key text", doc: "Sets a variable to the HMAC-SHA1 of a text, 20 bytes."},
	{Name: "set_hmac_sha256", Args: 2, Run: hmacSHA256, syntax: "$variable key text", doc: "Sets a variable to the HMAC-SHA256 of a text, 32 bytes."},
	{Name: "set_random", Args: 2, Run: random, syntax: "$variable from to", doc: "Sets a variable to a random number between two, both included."},
	{Name: "set_secure_random_alphanum", Args: 1, Run: secureRandom(alphanum), syntax: "$variable length", doc: "Sets a variable to 1 to 64 random letters and digits that nobody can guess."},
	{Name: "set_secure_random_lcalpha", Args: 1, Run: secureRandom(alphanum[:26]), syntax: "$variable length", doc: "Sets a variable to 1 to 64 random lower-case letters that nobody can guess."},
	{Name: "set_rotate", Args: 3, Run: rotate, own: true, syntax: "$variable from to", doc: "Sets a variable to the next number between two, in turn."},
	{Name: "set_if_empty", Args: 2, Run: ifEmpty, own: true, syntax: "$variable value", doc: "Sets a variable that has no value or an empty one."},
	{Name: "set_local_today", Args: 0, Run: localToday, syntax: "$variable", doc: "Sets a variable to the date, as year-month-day."},
	{Name: "set_formatted_gmt_time", Args: 1, Run: formattedTime(false), explicit: true, syntax: "$variable format", doc: "Sets a variable to the time in UTC, in a format of strftime()."},
	{Name: "set_formatted_local_time", Args: 1, Run: formattedTime(true), explicit: true, syntax: "$variable format", doc: "Sets a variable to the local time, in a format of strftime()."},
}

const one = "$variable [text]"

func encodeBase64(enc *base64.Encoding) func(*http.Request, [][]byte) ([]byte, bool) {
	return func(r *http.Request, args [][]byte) ([]byte, bool) {
		out := r.Alloc(enc.EncodedLen(len(args[0])))
		enc.Encode(out, args[0])
		return out, true
	}
}

// decodeBase64 takes padded and unpadded text. Bytes behind an equals sign do
// not count.
func decodeBase64(name string, enc *base64.Encoding) func(*http.Request, [][]byte) ([]byte, bool) {
	return func(r *http.Request, args [][]byte) ([]byte, bool) {
		src := args[0]
		bad := false
		for i, c := range src {
			if c == '=' {
				src = src[:i]
				break
			}
			bad = bad || c == '\r' || c == '\n' // the decoder would skip it
		}
		out := r.Alloc(enc.DecodedLen(len(src)))
		n, err := enc.Decode(out, src)
		if err != nil || bad {
			r.Logf(http.LogErr, "%s: invalid value", name)
			return nil, false
		}
		return out[:n], true
	}
}

func encodeHex(r *http.Request, args [][]byte) ([]byte, bool) {
	out := r.Alloc(2 * len(args[0]))
	hex.Encode(out, args[0])
	return out, true
}

func decodeHex(r *http.Request, args [][]byte) ([]byte, bool) {
	out := r.Alloc(len(args[0]) / 2)
	if _, err := hex.Decode(out, args[0]); err != nil {
		r.Log(http.LogErr, "set_decode_hex: invalid value")
		return nil, false
	}
	return out, true
}

func hashMD5(r *http.Request, args [][]byte) ([]byte, bool) {
	sum := md5.Sum(args[0])
	return hex.AppendEncode(r.Alloc(2 * len(sum))[:0], sum[:]), true
}

func hashSHA1(r *http.Request, args [][]byte) ([]byte, bool) {
	sum := sha1.Sum(args[0])
	return hex.AppendEncode(r.Alloc(2 * len(sum))[:0], sum[:]), true
}

func hmacSHA1(r *http.Request, args [][]byte) ([]byte, bool) {
	h := hmac.New(sha1.New, args[0])
	h.Write(args[1])
	return h.Sum(r.Alloc(sha1.Size)[:0]), true
}

func hmacSHA256(r *http.Request, args [][]byte) ([]byte, bool) {
	h := hmac.New(sha256.New, args[0])
	h.Write(args[1])
	return h.Sum(r.Alloc(sha256.Size)[:0]), true
}

// number reads an argument that must be a decimal number.
func number(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<53 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}

// bounds reads the from and to of a function.
func bounds(r *http.Request, name, quote string, args [][]byte) (from, to int64, ok bool) {
	if from, ok = number(args[0]); !ok {
		r.Logf(http.LogErr, "%s: bad \"from\" argument%s%s%s", name, quote, args[0], quote[len(quote)-1:])
		return 0, 0, false
	}
	if to, ok = number(args[1]); !ok {
		r.Logf(http.LogErr, "%s: bad \"to\" argument%s%s%s", name, quote, args[1], quote[len(quote)-1:])
		return 0, 0, false
	}
	return min(from, to), max(from, to), true
}

func random(r *http.Request, args [][]byte) ([]byte, bool) {
	from, to, ok := bounds(r, "set_random", ": ", args)
	if !ok {
		return nil, false
	}
	return strconv.AppendInt(r.Alloc(20)[:0], from+mathrand.Int64N(to-from+1), 10), true
}

const alphanum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// secureRandom draws from an alphabet, each of its bytes as likely as the
// others.
func secureRandom(alphabet string) func(*http.Request, [][]byte) ([]byte, bool) {
	even := byte(256 / len(alphabet) * len(alphabet))
	return func(r *http.Request, args [][]byte) ([]byte, bool) {
		n, ok := number(args[0])
		if !ok || n < 1 || n > 64 {
			r.Logf(http.LogErr, "set_random: bad \"length\" argument: %s", args[0])
			return nil, false
		}
		out, pool := r.Alloc(int(n))[:0], r.Alloc(64)
		for int64(len(out)) < n {
			_, _ = rand.Read(pool) // it never fails
			for _, b := range pool {
				if b < even && int64(len(out)) < n {
					out = append(out, alphabet[int(b)%len(alphabet)])
				}
			}
		}
		return out, true
	}
}

// rotate counts from the variable's value, or else from the last one of the
// location.
func rotate(r *http.Request, args [][]byte) ([]byte, bool) {
	from, to, ok := bounds(r, "set_rotate", ` value: "`, args[1:])
	if !ok {
		return nil, false
	}
	c := loc.Of(r)
	last := from - 1
	if n := c.rotated.Load(); n > 0 {
		last = n - 1
	}
	if len(args[0]) > 0 {
		if n, ok := number(args[0]); ok {
			last = n
		} else {
			r.Logf(http.LogErr, "set_rotate: bad current value: \"%s\"", args[0])
		}
	}
	next := last + 1
	if next > to || next < from {
		next = from
	}
	c.rotated.Store(next + 1)
	return strconv.AppendInt(r.Alloc(20)[:0], next, 10), true
}

func ifEmpty(_ *http.Request, args [][]byte) ([]byte, bool) {
	if len(args[0]) > 0 {
		return args[0], true
	}
	return args[1], true
}

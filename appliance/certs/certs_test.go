package certs

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/appliance/certs/certstest"
)

func TestCiphersReadsOpenSSLsSyntax(t *testing.T) {
	const aead = "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 " +
		"ECDHE-RSA-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256"
	for _, c := range []struct{ list, want, missing string }{
		{"HIGH:!aNULL:!MD5", aead + " AES256-GCM-SHA384 AES128-GCM-SHA256", ""},
		{"DEFAULT:@SECLEVEL=0", aead + " AES256-GCM-SHA384 AES128-GCM-SHA256", ""},
		{"EECDH+AESGCM:!RSA", "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"ECDHE+CHACHA20 aRSA+AESGCM+kRSA", "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 AES256-GCM-SHA384 AES128-GCM-SHA256", ""},
		{"ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:DHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384 AES128-SHA"},
		{"ALL:!ECDSA:!kRSA:-CHACHA20:@STRENGTH", "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"!AES128:ECDHE+AESGCM+aRSA", "ECDHE-RSA-AES256-GCM-SHA384", ""},
		{"-AES128:ECDHE+AESGCM+aRSA", "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"DEFAULT:ECCdraft", aead + " AES256-GCM-SHA384 AES128-GCM-SHA256", ""},
		{"RC4+RSA", "", "RC4+RSA"},
	} {
		ids, missing, err := Ciphers(c.list)
		var names []string
		for _, id := range ids {
			names = append(names, CipherName(id))
		}
		if got := strings.Join(names, " "); err != nil || got != c.want {
			t.Errorf("%q selects %q (%v), want %q", c.list, got, err, c.want)
		}
		if got := strings.Join(missing, " "); got != c.missing {
			t.Errorf("%q lacks %q, want %q", c.list, got, c.missing)
		}
	}
	for _, bad := range []string{"", "nothing", "!ALL", "HIGH:!HIGH", "ECDHE+nothing"} {
		if ids, _, err := Ciphers(bad); err != ErrNoCipher {
			t.Errorf("%q selects %v (%v), want no cipher match", bad, ids, err)
		}
	}
}

func TestCurvesReadsNamesAndSkipsOptionalOnes(t *testing.T) {
	for _, c := range []struct {
		list    string
		want    []tls.CurveID
		missing string
		bad     bool
	}{
		{list: "auto"},
		{list: "X25519:prime256v1:secp384r1", want: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}},
		{list: "X25519MLKEM768:P-521", want: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP521}},
		{list: "?unknown:?X448:*X25519/P-256", want: []tls.CurveID{tls.X25519, tls.CurveP256}},
		{list: "X448:X25519", want: []tls.CurveID{tls.X25519}, missing: "X448"},
		{list: "X25519:unknown", bad: true},
		{list: "?unknown", bad: true},
	} {
		got, missing, err := Curves(c.list)
		if (err != nil) != c.bad || !slices.Equal(got, c.want) || strings.Join(missing, " ") != c.missing {
			t.Errorf("%q: got %v, missing %v, error %v; want %v, %q, error %v", c.list, got, missing, err, c.want, c.missing, c.bad)
		}
	}
	if n := CurveName(tls.CurveP256); n != "prime256v1" {
		t.Errorf("P-256 is called %q", n)
	}
	if n := CurveName(0x1a2); n != "0x01a2" {
		t.Errorf("an unknown group is called %q", n)
	}
}

// encryptPKCS8 is the reverse of decryptPKCS8 with what OpenSSL uses today.
func encryptPKCS8(t testing.TB, der []byte, password string) []byte {
	salt, iv := []byte("saltsalt"), []byte("0123456789abcdef")
	key, err := pbkdf2.Key(sha256.New, password, salt, 2048, 32)
	if err != nil {
		t.Fatal(err)
	}
	blk, _ := aes.NewCipher(key)
	pad := 16 - len(der)%16
	for range pad {
		der = append(der, byte(pad))
	}
	out := make([]byte, len(der))
	cipher.NewCBCEncrypter(blk, iv).CryptBlocks(out, der)
	must := func(v any) asn1.RawValue {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: b}
	}
	kdf := must(struct {
		Salt       []byte
		Iterations int
		PRF        pkix.AlgorithmIdentifier
	}{salt, 2048, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, Parameters: asn1.NullRawValue}})
	params := must(pbes2Params{
		KDF:        pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, Parameters: kdf},
		Encryption: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: must(iv)},
	})
	return must(encryptedKey{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, Parameters: params}, out}).FullBytes
}

func pemText(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestParseKeyReadsEveryFormat(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	pkcs8 := func(k any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	sec1, _ := x509.MarshalECPrivateKey(ec)
	//lint:ignore SA1019 keys of this kind are what is read
	legacy, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs), []byte("right"), x509.PEMCipherAES128)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 keys of this kind are what is read
	des, _ := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", sec1, []byte("right"), x509.PEMCipher3DES)
	sealed := pemText("ENCRYPTED PRIVATE KEY", encryptPKCS8(t, pkcs8(ec), "right"))
	wrong, right := []byte("wrong"), []byte("right")
	for _, c := range []struct {
		name string
		text []byte
		pass [][]byte
		want crypto.Signer
		err  error
	}{
		{"PKCS#8 ECDSA", pemText("PRIVATE KEY", pkcs8(ec)), nil, ec, nil},
		{"PKCS#8 Ed25519", pemText("PRIVATE KEY", pkcs8(ed)), nil, ed, nil},
		{"PKCS#1", pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs)), nil, rs, nil},
		{"SEC 1 behind its parameters", append(pemText("EC PARAMETERS", []byte{6, 1, 0}), pemText("EC PRIVATE KEY", sec1)...), nil, ec, nil},
		{"traditional, encrypted", pem.EncodeToMemory(legacy), [][]byte{wrong, right}, rs, nil},
		{"traditional, triple DES", pem.EncodeToMemory(des), [][]byte{right}, ec, nil},
		{"PKCS#8, encrypted", sealed, [][]byte{wrong, right}, ec, nil},
		{"a wrong password", sealed, [][]byte{wrong}, nil, ErrPassword},
		{"no password", sealed, nil, nil, ErrNoPassword},
		{"nothing", nil, nil, nil, errNoStart},
		{"no key", pemText("PRIVATE KEY", []byte("x")), nil, nil, errNoPrivate},
	} {
		key, encrypted, err := ParseKey(c.text, c.pass)
		if err != c.err {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
			continue
		}
		if c.want != nil && !c.want.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Errorf("%s: another key came out", c.name)
		}
		if c.err == nil && encrypted != (c.pass != nil) {
			t.Errorf("%s: encrypted is %v", c.name, encrypted)
		}
	}
}

func TestPairsAreCheckedAndOrdered(t *testing.T) {
	a, b := certstest.Issue(t, nil, "a"), certstest.Issue(t, nil, "b")
	if _, err := NewPair([]*x509.Certificate{a.Cert}, b.Key); err != ErrMismatch {
		t.Errorf("another's key: %v, want a mismatch", err)
	}
	pa, err := NewPair([]*x509.Certificate{a.Cert}, a.Key)
	if err != nil {
		t.Fatal(err)
	}
	pb, _ := NewPair([]*x509.Certificate{b.Cert}, b.Key)
	rs := &tls.Certificate{Leaf: &x509.Certificate{PublicKeyAlgorithm: x509.RSA}}
	if got := Order([]*tls.Certificate{rs, pa, pb}); len(got) != 2 || got[0] != pb || got[1] != rs {
		t.Errorf("RSA and two ECDSA certificates come out as %v", got)
	}
	trusted := pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(slices.Clone(a.Cert.Raw), 0x30, 0)})
	if chain, err := ParseChain(append(trusted, pemText("CERTIFICATE", b.Cert.Raw)...)); err != nil || len(chain) != 2 {
		t.Errorf("a trusted certificate and another: %d, %v", len(chain), err)
	}
	if chain, err := ParseChainDER(append(slices.Clone(a.Cert.Raw), b.Cert.Raw...)); err != nil || len(chain) != 2 || !chain[0].Equal(a.Cert) {
		t.Errorf("two certificates in DER: %d, %v", len(chain), err)
	}
	if _, err := ParseChainDER(nil); err != errNoCert {
		t.Errorf("no DER: %v", err)
	}
	if _, err := ParseChain([]byte("no PEM")); err != errNoStart {
		t.Errorf("no PEM: %v", err)
	}
}

func TestVerifyNumbersWhatIsWrong(t *testing.T) {
	root := certstest.Issue(t, nil, "root", certstest.CA)
	inner := certstest.Issue(t, root, "inner", certstest.CA)
	leaf := certstest.Issue(t, inner, "leaf")
	other := certstest.Issue(t, nil, "other", certstest.CA)
	plain := certstest.Issue(t, nil, "plain")
	old := certstest.Issue(t, root, "old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	future := certstest.Issue(t, root, "future", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	server := certstest.Issue(t, root, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	byPlain := certstest.Issue(t, plain, "by plain")
	chain := func(list ...*certstest.Pair) (out []*x509.Certificate) {
		for _, a := range list {
			out = append(out, a.Cert)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		trust []*x509.Certificate
		chain []*x509.Certificate
		depth int
		want  Result
	}{
		{"chain with its intermediate", chain(root), chain(leaf, inner), 1, Result{}},
		{"intermediate trusted, not sent", chain(root, inner), chain(leaf), 1, Result{}},
		{"too deep", chain(root), chain(leaf, inner), 0, chainTooLong},
		{"issued by the root, depth 0", chain(root), chain(inner), 0, Result{}},
		{"the root itself", chain(root), chain(root), 0, Result{}},
		{"trusted without being a CA", chain(plain), chain(plain), 1, Result{}},
		{"self-signed", chain(root), chain(other), 1, selfSignedLeaf},
		{"self-signed root sent", chain(other), chain(leaf, inner, root), 1, selfSignedChain},
		{"intermediate missing", chain(root), chain(leaf), 1, noFirst},
		{"root missing", nil, chain(leaf, inner), 1, noLocalIssuer},
		{"intermediate trusted without its root", chain(inner), chain(leaf), 1, noLocalIssuer},
		{"expired", chain(root), chain(old), 1, expired},
		{"not yet valid", chain(root), chain(future), 1, notYetValid},
		{"for servers", chain(root), chain(server), 1, wrongPurpose},
		{"issued by a certificate that is no CA", chain(plain), chain(byPlain), 1, invalidCA},
	} {
		v := Verifier{Depth: c.depth}
		v.Trust(c.trust)
		if got := v.Verify(c.chain, x509.ExtKeyUsageClientAuth, time.Now()); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if !selfSignedLeaf.Optional() || expired.Optional() {
		t.Error("optional_no_ca passes what it should not, or not what it should")
	}
}

func TestRevocationListsMustCoverTheChain(t *testing.T) {
	root := certstest.Issue(t, nil, "root", certstest.CA)
	good, bad := certstest.Issue(t, root, "good"), certstest.Issue(t, root, "bad")
	crl := func(next time.Duration) *x509.RevocationList {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(next),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: bad.Cert.SerialNumber, RevocationTime: time.Now()}},
		}, root.Cert, root.Key)
		if err != nil {
			t.Fatal(err)
		}
		lists, err := ParseCRLs(pemText("X509 CRL", der))
		if err != nil {
			t.Fatal(err)
		}
		return lists[0]
	}
	other := certstest.Issue(t, nil, "other", certstest.CA)
	for _, c := range []struct {
		name string
		leaf *certstest.Pair
		crl  *x509.RevocationList
		want Result
	}{
		{"good", good, crl(time.Hour), Result{}},
		{"revoked", bad, crl(time.Hour), revoked},
		{"an old list", good, crl(-time.Minute), crlExpired},
		{"a list of another", other, crl(time.Hour), noCRL},
	} {
		v := Verifier{Depth: 1, CRLs: []*x509.RevocationList{c.crl}}
		v.Trust([]*x509.Certificate{root.Cert, other.Cert})
		if got := v.Verify([]*x509.Certificate{c.leaf.Cert}, x509.ExtKeyUsageClientAuth, time.Now()); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestListsOfVersion1AreRead(t *testing.T) {
	root := certstest.Issue(t, nil, "root", certstest.CA)
	bad := certstest.Issue(t, root, "bad")
	alg := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
	tbs, err := asn1.Marshal(struct {
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		ThisUpdate time.Time
		NextUpdate time.Time
		Revoked    []entryV1
	}{alg, asn1.RawValue{FullBytes: root.Cert.RawSubject}, time.Now().UTC(), time.Now().Add(time.Hour).UTC(),
		[]entryV1{{bad.Cert.SerialNumber, time.Now().UTC()}}})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(tbs)
	sig, err := root.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, alg, asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}})
	if err != nil {
		t.Fatal(err)
	}
	lists, err := ParseCRLs(pemText("X509 CRL", der))
	if err != nil {
		t.Fatal(err)
	}
	v := Verifier{Depth: 1, CRLs: lists}
	v.Trust([]*x509.Certificate{root.Cert})
	if got := v.Verify([]*x509.Certificate{bad.Cert}, x509.ExtKeyUsageClientAuth, time.Now()); got != revoked {
		t.Errorf("%v, want revoked", got)
	}
}

func TestMatchesHostFallsBackToTheCommonName(t *testing.T) {
	named := certstest.Issue(t, nil, "cn.example.com", func(c *x509.Certificate) { c.DNSNames = []string{"a.example.com", "*.b.example.com"} }).Cert
	bare := certstest.Issue(t, nil, "*.example.com").Cert
	for _, c := range []struct {
		cert *x509.Certificate
		host string
		want bool
	}{
		{named, "a.example.com", true}, {named, "x.b.example.com", true}, {named, "cn.example.com", false},
		{bare, "x.example.com", true}, {bare, "X.Example.com.", true}, {bare, "example.com", false},
		{bare, "x.y.example.com", false}, {bare, "", false}, {bare, "127.0.0.1", false},
	} {
		if got := MatchesHost(c.cert, c.host); got != c.want {
			t.Errorf("%s for %q: %v", c.cert.Subject, c.host, got)
		}
	}
}

func TestNamesAreWrittenAsOpenSSLWritesThem(t *testing.T) {
	name := pkix.Name{Country: []string{"US"}, Organization: []string{`A, "B"`}, CommonName: "#x y "}
	name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "a@b"})
	name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "z"})
	raw, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Name(raw), `1.2.3=#13017A,emailAddress=a@b,CN=\#x y\ ,O=A\, \"B\",C=US`; got != want {
		t.Errorf("RFC 2253: %s, want %s", got, want)
	}
	if got, want := OnelineName(raw), `/C=US/O=A, "B"/CN=#x y /emailAddress=a@b/1.2.3=z`; got != want {
		t.Errorf("one line: %s, want %s", got, want)
	}
	if got := Name([]byte("junk")) + OnelineName(nil); got != "" {
		t.Errorf("a broken name gives %q", got)
	}
}

// resume makes two connections with a client that keeps sessions, to servers
// with the given settings, and reports whether the second one was resumed.
func resume(t *testing.T, first, second *Sessions, version uint16) bool {
	t.Helper()
	a := certstest.Issue(t, nil, "localhost")
	pair, err := NewPair([]*x509.Certificate{a.Cert}, a.Key)
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "x", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	resumed := false
	for _, s := range []*Sessions{first, second} {
		server := &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: version, MaxVersion: version,
			WrapSession: func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
				b, _, err := s.Wrap(cs, ss)
				return b, err
			},
			UnwrapSession: func(b []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
				ss, _ := s.Unwrap(b, cs)
				return ss, nil
			}}
		l, err := tls.Listen("tcp", "127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _ = c.Write([]byte("x"))
				c.Close()
			}
		}()
		c, err := tls.Dial("tcp", l.Addr().String(), client)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Read(make([]byte, 1))
		resumed = c.ConnectionState().DidResume
		c.Close()
		l.Close()
	}
	return resumed
}

func TestSessionsAreResumedWhereTheyBelong(t *testing.T) {
	keys := NewTicketKeys(nil, time.Hour)
	file := [][]byte{[]byte(strings.Repeat("k", 48))}
	base := Sessions{Timeout: time.Hour, Keys: keys}
	with := func(change func(*Sessions)) *Sessions { s := base; change(&s); return &s }
	cache := NewCache(1 << 20)
	for _, c := range []struct {
		name          string
		first, second *Sessions
		want          bool
	}{
		{"tickets", &base, &base, true},
		{"another context", &base, with(func(s *Sessions) { s.Context[0] = 1 }), false},
		{"other keys", &base, with(func(s *Sessions) { s.Keys = NewTicketKeys(nil, time.Hour) }), false},
		{"the same file", with(func(s *Sessions) { s.Keys = NewTicketKeys(file, 0) }), with(func(s *Sessions) { s.Keys = NewTicketKeys(file, 0) }), true},
		{"too old", &base, with(func(s *Sessions) { s.Timeout = -time.Second }), false},
		{"a cache", with(func(s *Sessions) { s.Cache = cache }), with(func(s *Sessions) { s.Cache = cache }), true},
		{"another cache", with(func(s *Sessions) { s.Cache = cache }), with(func(s *Sessions) { s.Cache = NewCache(1 << 20) }), false},
	} {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			if got := resume(t, c.first, c.second, v); got != c.want {
				t.Errorf("%s, %s: resumed %v, want %v", c.name, tls.VersionName(v), got, c.want)
			}
		}
	}
}

func TestTicketKeysChange(t *testing.T) {
	k := NewTicketKeys(nil, time.Minute)
	now := time.Now()
	first := k.current(now)
	if k.current(now.Add(time.Minute)) != first {
		t.Error("a key is replaced before its time")
	}
	second := k.current(now.Add(2 * time.Minute))
	if second == first || len(k.keys) != 2 {
		t.Errorf("after its time there are %d keys, and the first is still used: %v", len(k.keys), second == first)
	}
	k.current(now.Add(4 * time.Minute))
	if len(k.keys) != 2 || k.keys[1] != second {
		t.Errorf("%d keys are kept, want the newest and the one before", len(k.keys))
	}
	f := NewTicketKeys([][]byte{[]byte(strings.Repeat("a", 48)), []byte(strings.Repeat("b", 80))}, 0)
	if f.current(now.Add(1000*time.Hour)) != f.keys[0] || len(f.keys) != 2 {
		t.Error("keys of files change")
	}
}

func TestTheCacheStaysWithinItsBytes(t *testing.T) {
	c := NewCache(10 * (sessionCost + 100))
	for i := range 100 {
		c.put([IDSize]byte{byte(i)}, make([]byte, 100))
		c.get([IDSize]byte{0}) // used all the time, so it stays
	}
	if n := c.Len(); n != 10 {
		t.Errorf("%d sessions in a cache for 10", n)
	}
	if c.get([IDSize]byte{0}) == nil || c.get([IDSize]byte{99}) == nil || c.get([IDSize]byte{50}) != nil {
		t.Error("the wrong sessions were dropped")
	}
}

func FuzzParse(f *testing.F) {
	a := certstest.Issue(f, nil, "x")
	der, _ := x509.MarshalPKCS8PrivateKey(a.Key)
	f.Add(pemText("PRIVATE KEY", der))
	f.Add(pemText("ENCRYPTED PRIVATE KEY", encryptPKCS8(f, der, "p")))
	f.Add(pemText("TRUSTED CERTIFICATE", a.Cert.Raw))
	f.Add([]byte("ECDHE+AESGCM:!kRSA"))
	f.Add(a.Cert.RawSubject)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		_, _, _ = ParseKey(b, [][]byte{[]byte("p")})
		_, _ = ParseChain(b)
		_, _ = ParseCRLs(b)
		_, _, _ = Ciphers(string(b))
		_, _, _ = Curves(string(b))
		_ = Name(b) + OnelineName(b)
	})
}

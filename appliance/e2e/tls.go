package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// issued is a certificate that a cert section made.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// makeCert makes the certificate and key of a section and writes NAME.crt,
// with those of its issuers behind it, and NAME.key.
func (p *place) makeCert(s section) error {
	key, err := newKey(s)
	if err != nil {
		return err
	}
	cn := s.opts["cn"]
	if cn == "" {
		cn = s.name
	}
	p.serial++
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(p.serial), Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100*24*time.Hour + time.Hour),
		BasicConstraintsValid: true, IsCA: s.has("ca"), DNSNames: lines(s.text),
	}
	if s.has("ca") {
		tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if s.has("expired") {
		tmpl.NotAfter = time.Now().Add(-time.Minute)
	}
	parent, signer := tmpl, key
	if s.has("by") {
		by := p.certs[s.opts["by"]]
		if by == nil {
			return fmt.Errorf("there is no certificate %q yet", s.opts["by"])
		}
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	if p.certs == nil {
		p.certs = map[string]*issued{}
	}
	p.certs[s.name] = &issued{cert, key}
	return p.writePair(s, key, der)
}

func newKey(s section) (crypto.Signer, error) {
	switch s.opts["key"] {
	case "", "ec":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("unknown kind of key %q", s.opts["key"])
}

func (p *place) writePair(s section, key crypto.Signer, der []byte) error {
	var chain bytes.Buffer
	pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	for by := s.opts["by"]; by != "" && !bytes.Equal(p.certs[by].cert.RawIssuer, p.certs[by].cert.RawSubject); by = p.certs[by].cert.Issuer.CommonName {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: p.certs[by].cert.Raw})
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}
	if pw := s.opts["password"]; pw != "" {
		k, ok := key.(*ecdsa.PrivateKey)
		if !ok {
			return errors.New("only EC keys are encrypted")
		}
		sec1, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 the server must read such keys
		if block, err = x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", sec1, []byte(pw), x509.PEMCipherAES128); err != nil {
			return err
		}
	}
	if err := p.write(section{name: s.name + ".key", text: string(pem.EncodeToMemory(block))}); err != nil {
		return err
	}
	return p.write(section{name: s.name + ".crt", text: chain.String()})
}

// makeCRL writes NAME.crl, a list of the certificates named in the section,
// signed by NAME's key.
func (p *place) makeCRL(s section) error {
	by := p.certs[s.name]
	if by == nil {
		return fmt.Errorf("there is no certificate %q yet", s.name)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, name := range lines(s.text) {
		c := p.certs[name]
		if c == nil {
			return fmt.Errorf("there is no certificate %q yet", name)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.cert.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, by.cert, by.key)
	if err != nil {
		return err
	}
	return p.write(section{name: s.name + ".crl", text: string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))})
}

// oneSession is a cache for the session of the connection before.
type oneSession struct{ state *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool)  { return o.state, o.state != nil }
func (o *oneSession) Put(_ string, state *tls.ClientSessionState) { o.state = state }

// secure makes the connection a TLS one as the section's options say. It
// returns the error of the handshake.
func (c *client) secure(s section, dir string) (net.Conn, error) {
	f := &tls.Config{InsecureSkipVerify: true, ServerName: s.opts["tls"]}
	switch s.opts["version"] {
	case "1.2":
		f.MaxVersion = tls.VersionTLS12
	case "1.3":
		f.MinVersion = tls.VersionTLS13
	}
	if alpn := s.opts["alpn"]; alpn != "" {
		f.NextProtos = strings.Split(alpn, ",")
	}
	if s.has("rsa") { // a client that knows no other certificates
		f.MaxVersion = tls.VersionTLS12
		f.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}
	if name := s.opts["cert"]; name != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err != nil {
			return nil, err
		}
		// It is sent whether the server has named its issuer or not.
		f.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if !s.has("resume") {
		c.session = &oneSession{}
	}
	f.ClientSessionCache = c.session
	t := tls.Client(c.conn, f)
	t.SetDeadline(time.Now().Add(c.limit))
	return t, t.Handshake()
}

// certificate compares the subject of the server's certificate.
func (c *client) certificate(s section) error {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return errors.New("the connection has no TLS")
	}
	peer := t.ConnectionState().PeerCertificates
	if len(peer) == 0 {
		return errors.New("the server sent no certificate")
	}
	if got, want := peer[0].Subject.CommonName, strings.TrimSpace(s.text); got != want {
		return fmt.Errorf("got the certificate of %q, want that of %q", got, want)
	}
	return nil
}

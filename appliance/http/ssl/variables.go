package ssl

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"time"

	"weir/appliance/certs"
	"weir/appliance/http"
	"weir/netio/tlsio"
)

// shown works a variable out; "" is no value.
type shown func(t *tlsio.Conn, s *Connection) string

// ofCert works out a variable of the client's certificate.
type ofCert func(c *x509.Certificate) string

// variable makes a row for what depends on the connection alone.
func row(name, doc string, get shown) http.Variable {
	return http.Variable{Name: name, Flags: http.VarChangeable, Get: getShown, Data: get, Doc: doc}
}

func certRow(name, doc string, get ofCert) http.Variable {
	return row(name, doc, func(t *tlsio.Conn, _ *Connection) string {
		if len(t.Info.Peer) == 0 {
			return ""
		}
		return get(t.Info.Peer[0])
	})
}

func getShown(r *http.Request, v *http.Value, d *http.Variable) {
	t := r.Client().TLS()
	if t == nil {
		v.Missing()
		return
	}
	text := d.Data.(shown)(t, t.Data.(*Connection))
	if text == "" {
		v.Missing()
		return
	}
	v.Is(r.CopyString(text))
}

var variables = []http.Variable{
	row("ssl_protocol", "The version of TLS: TLSv1.2 or TLSv1.3.", func(t *tlsio.Conn, _ *Connection) string {
		if t.Info.Version == tls.VersionTLS13 {
			return "TLSv1.3"
		}
		return "TLSv1.2"
	}),
	row("ssl_cipher", "The name of the cipher suite.", func(t *tlsio.Conn, _ *Connection) string { return certs.CipherName(t.Info.Suite) }),
	row("ssl_ciphers", "The cipher suites the client offered, separated by colons.", func(_ *tlsio.Conn, s *Connection) string {
		if s.offer == nil {
			return ""
		}
		return join(s.offer.ciphers, certs.CipherName)
	}),
	row("ssl_curve", "The group of the key exchange.", func(t *tlsio.Conn, _ *Connection) string {
		if t.Info.Curve == 0 {
			return ""
		}
		return certs.CurveName(t.Info.Curve)
	}),
	row("ssl_curves", "The groups the client offered, separated by colons.", func(_ *tlsio.Conn, s *Connection) string {
		if s.offer == nil {
			return ""
		}
		return join(s.offer.curves, certs.CurveName)
	}),
	row("ssl_sigalgs", "The signature schemes the client offered, separated by colons.", func(_ *tlsio.Conn, s *Connection) string {
		if s.offer == nil {
			return ""
		}
		return join(s.offer.schemes, schemeName)
	}),
	row("ssl_session_id", "The identifier of the session.", func(_ *tlsio.Conn, s *Connection) string {
		if s.id == nil {
			return ""
		}
		return hex.EncodeToString(s.id[:])
	}),
	row("ssl_session_reused", "r when the session was resumed, else a dot.", func(t *tlsio.Conn, _ *Connection) string {
		if t.Info.Resumed {
			return "r"
		}
		return "."
	}),
	row("ssl_early_data", "Empty: early data is not taken.", func(*tlsio.Conn, *Connection) string { return "" }),
	row("ssl_ech_status", "SUCCESS when the client's hello was encrypted (ECH), GREASE when that was for no key of the server's, else NOT_TRIED.", func(t *tlsio.Conn, s *Connection) string {
		switch {
		case t.Info.ECH:
			return "SUCCESS"
		case s.ech != nil:
			return "GREASE"
		}
		return "NOT_TRIED"
	}),
	row("ssl_ech_outer_server_name", "The name that could be read in an encrypted hello (ECH).", func(t *tlsio.Conn, s *Connection) string {
		if !t.Info.ECH {
			return ""
		}
		return *s.ech
	}),
	{Name: "ssl_server_name", Flags: http.VarChangeable, Get: getServerName, Doc: "The name the client asked for in the handshake."},
	row("ssl_alpn_protocol", "The protocol agreed on in the handshake.", func(t *tlsio.Conn, _ *Connection) string { return t.Info.ALPN }),
	row("ssl_client_verify", "SUCCESS, FAILED: and a reason, or NONE when the client sent no certificate.", func(t *tlsio.Conn, s *Connection) string {
		switch {
		case len(t.Info.Peer) == 0:
			return "NONE"
		case s.result.OK():
			return "SUCCESS"
		}
		return "FAILED:" + s.result.Text
	}),
	certRow("ssl_client_cert", "The client's certificate in PEM, with a tab before every line but the first.", func(c *x509.Certificate) string {
		return strings.ReplaceAll(strings.TrimSuffix(pemOf(c), "\n"), "\n", "\n\t")
	}),
	certRow("ssl_client_raw_cert", "The client's certificate in PEM.", pemOf),
	certRow("ssl_client_escaped_cert", "The client's certificate in PEM, escaped for a URI.", func(c *x509.Certificate) string {
		text := pemOf(c)
		return string(http.EscapeURI(make([]byte, 0, 3*len(text)), []byte(text), http.EscapeComponent))
	}),
	certRow("ssl_client_s_dn", "The subject of the client's certificate as in RFC 2253.", func(c *x509.Certificate) string { return certs.Name(c.RawSubject) }),
	certRow("ssl_client_i_dn", "The issuer of the client's certificate as in RFC 2253.", func(c *x509.Certificate) string { return certs.Name(c.RawIssuer) }),
	certRow("ssl_client_s_dn_legacy", "The subject of the client's certificate with slashes.", func(c *x509.Certificate) string { return certs.OnelineName(c.RawSubject) }),
	certRow("ssl_client_i_dn_legacy", "The issuer of the client's certificate with slashes.", func(c *x509.Certificate) string { return certs.OnelineName(c.RawIssuer) }),
	certRow("ssl_client_serial", "The serial number of the client's certificate, hexadecimal.", func(c *x509.Certificate) string {
		b := c.SerialNumber.Bytes()
		if len(b) == 0 {
			return "00"
		}
		return strings.ToUpper(hex.EncodeToString(b))
	}),
	certRow("ssl_client_fingerprint", "The SHA-1 fingerprint of the client's certificate.", func(c *x509.Certificate) string {
		sum := sha1.Sum(c.Raw)
		return hex.EncodeToString(sum[:])
	}),
	certRow("ssl_client_v_start", "When the client's certificate begins to be valid.", func(c *x509.Certificate) string { return dateOf(c.NotBefore) }),
	certRow("ssl_client_v_end", "When the client's certificate ends.", func(c *x509.Certificate) string { return dateOf(c.NotAfter) }),
	certRow("ssl_client_v_remain", "The whole days until the client's certificate ends.", func(c *x509.Certificate) string {
		return strconv.Itoa(int(max(0, time.Until(c.NotAfter)) / (24 * time.Hour)))
	}),
}

// getServerName also works in the handshake, for names of certificates.
func getServerName(r *http.Request, v *http.Value, _ *http.Variable) {
	name := ""
	if t := r.Client().TLS(); t != nil {
		name = t.Info.ServerName
	} else if h := localSlot.Of(r.Worker()).hello; h != nil {
		name = h.ServerName
	}
	if name == "" {
		v.Missing()
		return
	}
	v.Is(r.CopyString(name))
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// dateOf writes a time as OpenSSL's ASN1_TIME_print does.
func dateOf(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

func join[T ~uint16](list []T, name func(T) string) string {
	var b strings.Builder
	for i, x := range list {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(name(x))
	}
	return b.String()
}

// schemeNames are OpenSSL's names of signature schemes.
var schemeNames = map[tls.SignatureScheme]string{
	tls.PKCS1WithSHA1: "rsa_pkcs1_sha1", tls.PKCS1WithSHA256: "rsa_pkcs1_sha256", tls.PKCS1WithSHA384: "rsa_pkcs1_sha384",
	tls.PKCS1WithSHA512: "rsa_pkcs1_sha512", tls.PSSWithSHA256: "rsa_pss_rsae_sha256", tls.PSSWithSHA384: "rsa_pss_rsae_sha384",
	tls.PSSWithSHA512: "rsa_pss_rsae_sha512", tls.ECDSAWithP256AndSHA256: "ecdsa_secp256r1_sha256",
	tls.ECDSAWithP384AndSHA384: "ecdsa_secp384r1_sha384", tls.ECDSAWithP521AndSHA512: "ecdsa_secp521r1_sha512",
	tls.Ed25519: "ed25519", tls.ECDSAWithSHA1: "ecdsa_sha1", 0x0808: "ed448", 0x0809: "rsa_pss_pss_sha256",
	0x080a: "rsa_pss_pss_sha384", 0x080b: "rsa_pss_pss_sha512",
}

func schemeName(s tls.SignatureScheme) string {
	if n, ok := schemeNames[s]; ok {
		return n
	}
	return fmt.Sprintf("0x%04x", uint16(s))
}

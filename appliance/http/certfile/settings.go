package certfile

import (
	"crypto/tls"
	"strings"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/http"
)

// Protocols is a set of versions, as ssl_protocols and its like give it.
type Protocols uint8

// Versions. Those before TLSv12 are names only.
const (
	SSLv2 Protocols = 1 << iota
	SSLv3
	TLSv1
	TLSv11
	TLSv12
	TLSv13
)

// DefaultCiphers is the value of ssl_ciphers when it is not given: which
// suites with forward secrecy and AEAD those are, the processor decides.
const DefaultCiphers = "HIGH:!aNULL:!MD5"

// Default is the value of protocols directives that are not given.
const Default = TLSv12 | TLSv13

// ProtocolNames are the words of protocols directives, in order of age.
var ProtocolNames = []conf.EnumValue[Protocols]{
	{Name: "SSLv2", Value: SSLv2}, {Name: "SSLv3", Value: SSLv3}, {Name: "TLSv1", Value: TLSv1},
	{Name: "TLSv1.1", Value: TLSv11}, {Name: "TLSv1.2", Value: TLSv12}, {Name: "TLSv1.3", Value: TLSv13},
}

// Versions is the range that crypto/tls is given; ok is false when nothing
// that weir speaks is left.
func (p Protocols) Versions() (low, high uint16, ok bool) {
	switch p & Default {
	case TLSv12:
		return tls.VersionTLS12, tls.VersionTLS12, true
	case TLSv13:
		return tls.VersionTLS13, tls.VersionTLS13, true
	case Default:
		return tls.VersionTLS12, tls.VersionTLS13, true
	}
	return 0, 0, false
}

// Settings is what directives say of versions, suites and groups.
type Settings struct {
	Prefix    string // of the directives: "ssl", "proxy_ssl"
	Protocols Protocols
	Ciphers   string
	Curve     string // "auto" leaves it to crypto/tls
	// What commands have set, if they have.
	Tickets   conf.Opt[bool]
	KTLS      bool
	Cert, Key string
}

// Warn warns once per configuration.
func (s *Store) Warn(b *http.Builder, msg string) {
	if s.warned[msg] {
		return
	}
	if s.warned == nil {
		s.warned = make(map[string]bool)
	}
	s.warned[msg] = true
	b.Cx().Warn("%s", msg)
}

// Apply puts settings into a configuration. What crypto/tls lacks is warned of.
func (s *Store) Apply(b *http.Builder, set *Settings, t *tls.Config) error {
	var ok bool
	if t.MinVersion, t.MaxVersion, ok = set.Protocols.Versions(); !ok {
		return conf.Errorf("\"%s_protocols\" names neither TLSv1.2 nor TLSv1.3, and no others are spoken", set.Prefix)
	}
	if set.Protocols&^Default != 0 {
		s.Warn(b, "\""+set.Prefix+"_protocols\" names versions before TLSv1.2, which are not spoken: peers that have nothing newer cannot connect")
	}
	ids, missing, err := certs.Ciphers(set.Ciphers)
	if err != nil {
		return conf.Errorf("SSL_CTX_set_cipher_list(\"%s\") failed (SSL: %w)", set.Ciphers, err)
	}
	if len(missing) > 0 {
		s.Warn(b, "\""+set.Prefix+"_ciphers\" names suites that are not offered, others are used: "+strings.Join(missing, ", "))
	}
	if len(ids) == 0 && t.MinVersion == tls.VersionTLS12 {
		if t.MaxVersion == tls.VersionTLS12 {
			return conf.Errorf("\"%s_ciphers\" leaves no suite for TLSv1.2: \"%s\"", set.Prefix, set.Ciphers)
		}
		t.MinVersion = tls.VersionTLS13
	}
	t.CipherSuites = ids
	if set.Ciphers == DefaultCiphers {
		t.CipherSuites = nil // the processor's choice
	}
	if t.CurvePreferences, missing, err = certs.Curves(set.Curve); err != nil || len(missing) > 0 && len(t.CurvePreferences) == 0 {
		return conf.Errorf("SSL_CTX_set1_curves_list(\"%s\") failed", set.Curve)
	}
	if len(missing) > 0 {
		s.Warn(b, "\"ssl_ecdh_curve\" names groups that are not offered, others are used: "+strings.Join(missing, ", "))
	}
	return nil
}

package certfile

import (
	"slices"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// unused are commands of OpenSSL that weir has nothing for.
var unused = []string{"ciphersuites", "signaturealgorithms", "clientsignaturealgorithms", "numtickets", "recordpadding", "dhparameters",
	"chaincafile", "chaincapath", "verifycafile", "verifymode", "encryptthenmac", "protocol"}

// Commands applies ssl_conf_command and its like to settings.
func (s *Store) Commands(b *http.Builder, set *Settings, list []conf.KeyVal) error {
	for _, kv := range list {
		failed := conf.Errorf("SSL_CONF_cmd(\"%s\", \"%s\") failed", kv.Key, kv.Value)
		switch key := strings.ToLower(kv.Key); key {
		case "cipherstring":
			set.Ciphers = kv.Value
		case "groups", "curves":
			set.Curve = kv.Value
		case "minprotocol", "maxprotocol":
			if !set.limit(kv.Value, key == "minprotocol") {
				return failed
			}
		case "certificate":
			set.Cert = kv.Value
		case "privatekey":
			set.Key = kv.Value
		case "options":
			s.options(b, set, kv.Value)
		default:
			if !slices.Contains(unused, key) {
				return failed
			}
			s.Warn(b, "\""+set.Prefix+"_conf_command "+kv.Key+"\" has no effect: crypto/tls decides it")
		}
	}
	return nil
}

// limit takes versions older than the named one away, or newer ones.
func (set *Settings) limit(name string, older bool) bool {
	for i, n := range ProtocolNames {
		if !strings.EqualFold(n.Name, name) {
			continue
		}
		for j, o := range ProtocolNames {
			if older && j < i || !older && j > i {
				set.Protocols &^= o.Value
			}
		}
		return true
	}
	return false
}

// options applies a list of OpenSSL's options: KTLS and session tickets are
// weir's business, and what is so in any case is passed over.
func (s *Store) options(b *http.Builder, set *Settings, list string) {
	for o := range strings.SplitSeq(list, ",") {
		o = strings.TrimSpace(o)
		on := !strings.HasPrefix(o, "-")
		name := strings.TrimLeft(o, "+-")
		switch strings.ToLower(name) {
		case "ktls":
			set.KTLS = on
		case "sessionticket":
			set.Tickets.Put(on)
		case "serverpreference", "prioritizechacha", "norenegotiation", "ecdhsingle", "dhsingle":
		default:
			s.Warn(b, "\""+set.Prefix+"_conf_command Options "+name+"\" has no effect")
		}
	}
}

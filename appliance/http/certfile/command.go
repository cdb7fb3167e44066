package ssl

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// setCommand collects ssl_conf_command.
func setCommand(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[srvConf](cx)
	c.commands = append(c.commands, conf.KeyVal{Key: it.Args[0], Value: it.Args[1]})
	return nil
}

// knownCommands are those of OpenSSL that weir has nothing for.
var knownCommands = []string{"Ciphersuites", "SignatureAlgorithms", "ClientSignatureAlgorithms", "NumTickets", "RecordPadding", "DHParameters",
	"Certificate", "PrivateKey", "ChainCAFile", "ChainCAPath", "VerifyCAFile", "VerifyMode", "EncryptThenMac", "Protocol"}

// setCommands applies ssl_conf_command. It runs before what it changes is
// looked at.
func (ctx *context) setCommands(b *http.Builder, c *srvConf) error {
	for _, kv := range c.commands {
		failed := conf.Errorf("SSL_CONF_cmd(\"%s\", \"%s\") failed", kv.Key, kv.Value)
		switch {
		case is(kv.Key, "CipherString"):
			c.ciphers.V = kv.Value
		case is(kv.Key, "Groups"), is(kv.Key, "Curves"):
			c.curve.V = kv.Value
		case is(kv.Key, "MinProtocol"), is(kv.Key, "MaxProtocol"):
			if !limit(&c.protocols.V, kv) {
				return failed
			}
		case is(kv.Key, "Options"):
			ctx.options(b, c, kv.Value)
		default:
			known := false
			for _, k := range knownCommands {
				known = known || is(kv.Key, k)
			}
			if !known {
				return failed
			}
			warnOnce(b, "command:"+kv.Key, "\"ssl_conf_command "+kv.Key+"\" has no effect: that is not OpenSSL's to decide here")
		}
	}
	return nil
}

func is(a, b string) bool { return strings.EqualFold(a, b) }

// limit takes versions below a minimum or above a maximum away.
func limit(p *protocols, kv conf.KeyVal) bool {
	for i, n := range protocolNames {
		if !is(n.Name, kv.Value) {
			continue
		}
		for j, o := range protocolNames {
			if is(kv.Key, "MinProtocol") && j < i || is(kv.Key, "MaxProtocol") && j > i {
				*p &^= o.Value
			}
		}
		return true
	}
	return false
}

// options applies a list of OpenSSL's options: KTLS and session tickets are
// weir's business, what concerns parts that are not there is passed over.
func (ctx *context) options(b *http.Builder, c *srvConf, list string) {
	for o := range strings.SplitSeq(list, ",") {
		o = strings.TrimSpace(o)
		on := !strings.HasPrefix(o, "-")
		name := strings.TrimLeft(o, "+-")
		switch {
		case is(name, "KTLS"):
			ctx.conf.KTLS = on
		case is(name, "SessionTicket"):
			c.tickets.V = c.tickets.V && on
		case is(name, "ServerPreference"), is(name, "PrioritizeChaCha"), is(name, "NoRenegotiation"), is(name, "ECDHSingle"), is(name, "DHSingle"):
			// That is how it is in any case.
		default:
			warnOnce(b, "option:"+name, "\"ssl_conf_command Options "+name+"\" has no effect")
		}
	}
}

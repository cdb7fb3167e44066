package ssl

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/tlsio"
)

// staple is the OCSP response of one certificate.
type staple struct{}

func (ctx *context) setStapling(b *http.Builder, c *srvConf) error {
	if c.stapling.V {
		return conf.Errorf("\"ssl_stapling\" is not built in yet")
	}
	return nil
}

func (ctx *context) stapled(h *tlsio.Handshake) *tlsio.Config { return ctx.conf }

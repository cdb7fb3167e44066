package phase

import (
	"strconv"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/lua/api"
)

// balancer is balancer_by_lua of one upstream block.
type balancer struct{ script *code }

func setBalancer(file bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		text, line, err := source(it, 0)
		if err != nil {
			return err
		}
		s, err := newScript(cx, it, api.Balancer, "balancer_by_lua", text, line, file)
		if err != nil {
			return err
		}
		return upstream.SetBalancer(cx, &balancer{s})
	}
}

func setBalancerKeepalive(cx *conf.Cx, it *conf.Item) error {
	n, err := strconv.ParseUint(it.Args[0], 10, 31)
	if err != nil || n == 0 {
		return conf.Errorf("invalid value \"%s\" in \"%s\" directive", it.Args[0], it.Name)
	}
	return upstream.SetBalancerKeepalive(cx, int(n))
}

// Choose implements upstream.Balancer.
func (b *balancer) Choose(x *upstream.Exchange) http.Code {
	c := api.For(x.R)
	if relaxed(x.R) {
		return b.chooseRelaxed(c, x)
	}
	exited, code := c.Exited, c.ExitCode
	c.Exited = false
	ok := aside(c, b.script, nil, 0, nil)
	left, to := c.Exited, http.Code(c.ExitCode)
	c.Exited, c.ExitCode = exited, code
	return verdict(c, x, ok, left, to)
}

// verdict is what the end of balancer_by_lua means for the try. left says that it called ngx.exit, with to.
func verdict(c *api.Ctx, x *upstream.Exchange, ok, left bool, to http.Code) http.Code {
	switch {
	case !ok:
		return http.Error
	case !left, to == http.OK:
		return chosen(c, x)
	case to == http.Busy, to == http.Declined, to >= http.StatusSpecialResponse:
		return to
	case to > http.OK, to == http.Error:
		return http.Error
	}
	return chosen(c, x)
}

// chosen lets a script leave the choice to the block's servers, if there are any.
func chosen(c *api.Ctx, x *upstream.Exchange) http.Code {
	if x.HasPeer() || x.HasServers() {
		return http.OK
	}
	c.Log(http.LogErr, "lua balancer: no peer set")
	return http.Error
}

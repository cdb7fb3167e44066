package access

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

var loc http.LocSlot[locConf]

// Module is the module of allow and deny.
var Module = http.Module{
	Name: "http_access",
	Directives: []conf.Directive{
		{Name: "allow", In: contexts, Args: conf.Take1, Set: setRule, Syntax: "address | CIDR | unix: | all",
			Doc: "Lets clients of the given addresses in."},
		{Name: "deny", In: contexts, Args: conf.Take1, Set: setRule, Syntax: "address | CIDR | unix: | all",
			Doc: "Keeps clients of the given addresses out. Rules are checked in order until one fits."},
	},
	Loc:      http.NewLoc(&loc, nil, merge),
	Handlers: []http.PhaseHandler{{Phase: http.Access, Run: check, Used: used}},
}

const contexts = conf.HTTP | conf.Server | conf.Location | conf.LimitExcept

type locConf struct {
	rules []rule
}

// rule is one allow or deny.
type rule struct {
	net  http.CIDR
	all  bool
	deny bool
}

func merge(_ *http.Builder, p, c *locConf) error {
	conf.MergeList(&c.rules, p.rules)
	return nil
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).rules != nil {
			return true
		}
	}
	return false
}

func setRule(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	r := rule{deny: it.Name == "deny"}
	if s := it.Args[0]; s == "all" {
		r.all = true
	} else {
		n, masked, ok := http.ParseCIDR(s)
		if !ok {
			return conf.Errorf("invalid parameter \"%s\"", s)
		}
		if masked {
			cx.Warn("low address bits of %s are meaningless", s)
		}
		r.net = n
	}
	c.rules = append(c.rules, r)
	return nil
}

// check applies the first rule that fits the client.
func check(r *http.Request) http.Code {
	rules := loc.Of(r).rules
	if rules == nil {
		return http.Declined
	}
	a := r.Client().Remote()
	for i := range rules {
		ru := &rules[i]
		if !ru.all && !ru.net.Contains(a) {
			continue
		}
		if !ru.deny {
			return http.OK
		}
		if !r.SatisfyAny() {
			r.Log(http.LogErr, "access forbidden by rule")
		}
		return http.StatusForbidden
	}
	return http.Declined
}

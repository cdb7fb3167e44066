package setmisc

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/rewrite"
)

// setList reads upstream_list.
func setList(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	name := it.Args[0]
	if m.lists[name] != nil {
		return conf.Errorf("duplicate upstream list \"%s\"", name)
	}
	var list [][]byte
	for _, s := range it.Args[1:] {
		list = append(list, []byte(s))
	}
	if m.lists == nil {
		m.lists = make(map[string][][]byte)
	}
	m.lists[name] = list
	return nil
}

// setHashedUpstream reads set_hashed_upstream $variable list key.
func setHashedUpstream(cx *conf.Cx, it *conf.Item) error {
	index, err := rewrite.TargetVariable(cx, it.Args[0])
	if err != nil {
		return err
	}
	b := http.BuilderOf(cx)
	m := main.In(b)
	if name := it.Args[1]; !http.HasVariables(name) && m.lists[name] == nil {
		return conf.Errorf("set_hashed_upstream: upstream list \"%s\" not defined yet", name)
	}
	name, err := b.CompileComplex(it.Args[1])
	if err != nil {
		return err
	}
	key, err := b.CompileComplex(it.Args[2])
	if err != nil {
		return err
	}
	rewrite.Append(cx, func(r *http.Request) http.Code {
		which := name.Eval(r)
		list := m.lists[string(which)]
		if list == nil {
			r.Logf(http.LogErr, "set_hashed_upstream: upstream list \"%s\" not defined yet", which)
			return http.StatusInternalServerError
		}
		r.SetVar(index, list[hash(key.Eval(r))%uint32(len(list))])
		return http.Declined
	})
	return nil
}

// hash is nginx's hash of configuration words, without case, in 32 bits.
func hash(b []byte) (h uint32) {
	for _, c := range b {
		if c-'A' < 26 {
			c |= 0x20
		}
		h = h*31 + uint32(c)
	}
	return h
}

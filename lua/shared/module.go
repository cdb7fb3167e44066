package shared

import (
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/lua/shdict"
)

// Module has the directive lua_shared_dict.
var Module = http.Module{
	Name: "http_lua_shdict",
	Main: http.NewMain(&dicts, nil, nil),
	Directives: []conf.Directive{
		{Name: "lua_shared_dict", In: conf.HTTP, Args: conf.Take2, Set: setDict, Syntax: "name size",
			Doc: "Makes a dictionary of that many bytes that all workers share, found in ngx.shared. A reload keeps it while name and size stay."},
	},
}

var dicts http.MainSlot[config]

// config is the dictionaries of a configuration.
type config struct{ all []*shdict.Dict }

func setDict(cx *conf.Cx, it *conf.Item) error {
	name := it.Args[0]
	if name == "" {
		return conf.Errorf("invalid lua shared dict name \"%s\"", name)
	}
	size, ok := conf.ParseSize(it.Args[1])
	if !ok || size < shdict.MinSize || size > shdict.MaxSize {
		return conf.Errorf("invalid lua shared dict size \"%s\"", it.Args[1])
	}
	c := conf.Target[config](cx)
	for _, d := range c.all {
		if d.Name() == name {
			return conf.Errorf("lua_shared_dict \"%s\" is already defined as \"%s\"", name, name)
		}
	}
	id := cycle.ZoneID{Kind: "lua_shared_dict", Name: name, Size: size}
	z, err := cycle.Of(cx).Zone(id, func() (any, error) { return shdict.New(name, size) })
	if err != nil {
		return err
	}
	c.all = append(c.all, z.(*shdict.Dict))
	return nil
}

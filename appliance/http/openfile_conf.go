package http

import (
	"strings"

	"weir/appliance/conf"
)

// openFileConf is what open_file_cache, its companions and disable_symlinks
// set.
type openFileConf struct {
	cache    conf.Opt[*fileCacheConf] // nil: off
	valid    conf.Opt[int64]          // seconds
	minUses  conf.Opt[int]
	errors   conf.Opt[bool]
	symlinks conf.Opt[symlinks]
	from     *Complex // part of names whose links are followed; nil: none
}

// symlinks says which symbolic links are not followed.
type symlinks uint8

const (
	symlinksAll     symlinks = iota // disable_symlinks off
	symlinksOfOwner                 // if_not_owner
	symlinksNone                    // on
)

func (c *openFileConf) merge(p *openFileConf) {
	c.cache.Merge(p.cache, nil)
	c.valid.Merge(p.valid, 60)
	c.minUses.Merge(p.minUses, 1)
	c.errors.Merge(p.errors, false)
	if !c.symlinks.Set {
		c.from = p.from
	}
	c.symlinks.Merge(p.symlinks, symlinksAll)
}

// setOpenFileCache reads open_file_cache off | max=N [inactive=time].
func setOpenFileCache(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	o := &c.openFiles.cache
	if o.Set {
		return conf.Tail("is duplicate")
	}
	f := &fileCacheConf{gen: BuilderOf(cx).gen, inactive: 60}
	for _, arg := range it.Args {
		ok := true
		switch name, value, _ := strings.Cut(arg, "="); {
		case arg == "off":
			f = nil
		case name == "max":
			n, valid := conf.ParseNum(value)
			if ok = valid && n > 0; ok && f != nil {
				f.max = n
			}
		case name == "inactive":
			sec, valid := conf.ParseTime(value, true)
			if ok = valid; ok && f != nil {
				f.inactive = sec
			}
		default:
			ok = false
		}
		if !ok {
			return conf.Errorf("invalid \"open_file_cache\" parameter \"%s\"", arg)
		}
	}
	if f != nil && f.max == 0 {
		return conf.Errorf("\"open_file_cache\" must have the \"max\" parameter")
	}
	o.Put(f)
	return nil
}

// setDisableSymlinks reads disable_symlinks off | on | if_not_owner
// [from=part].
func setDisableSymlinks(cx *conf.Cx, it *conf.Item) error {
	f := &conf.Target[coreLoc](cx).openFiles
	if f.symlinks.Set {
		return conf.Tail("is duplicate")
	}
	for _, arg := range it.Args {
		switch arg {
		case "off":
			f.symlinks.Put(symlinksAll)
		case "if_not_owner":
			f.symlinks.Put(symlinksOfOwner)
		case "on":
			f.symlinks.Put(symlinksNone)
		default:
			part, ok := strings.CutPrefix(arg, "from=")
			if !ok {
				return conf.Errorf("invalid parameter \"%s\"", arg)
			}
			v, err := BuilderOf(cx).CompileComplex(part)
			if err != nil {
				return err
			}
			f.from = v
		}
	}
	switch {
	case !f.symlinks.Set:
		return conf.Errorf("\"%s\" must have \"off\", \"on\" or \"if_not_owner\" parameter", it.Name)
	case len(it.Args) == 2 && f.from == nil:
		return conf.Errorf("duplicate parameters \"%s %s\"", it.Args[0], it.Args[1])
	case f.from != nil && f.symlinks.V == symlinksAll:
		return conf.Errorf("\"from=\" cannot be used with \"off\" parameter")
	}
	return nil
}

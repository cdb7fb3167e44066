package http

import "weir/appliance/conf"

// openFileConf is what open_file_cache and its companions set.
type openFileConf struct {
	valid   conf.Opt[int64]
	minUses conf.Opt[int]
	errors  conf.Opt[bool]
}

func (c *openFileConf) merge(p *openFileConf) {
	c.valid.Merge(p.valid, 60)
	c.minUses.Merge(p.minUses, 1)
	c.errors.Merge(p.errors, false)
}

func setOpenFileCache(*conf.Cx, *conf.Item) error { return nil }

func setDisableSymlinks(*conf.Cx, *conf.Item) error { return nil }

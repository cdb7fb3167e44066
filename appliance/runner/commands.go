package runner

import (
	"strings"

	"weir/appliance/cycle"
)

// For returns what the modules of a configuration run commands by: with that
// environment and in that directory.
func (c *Client) For(env []string, dir string) cycle.Commands {
	b := &bound{c: c, env: env, dir: dir, search: defaultPath}
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			b.search = path
		}
	}
	return b
}

// bound is a Client with what a configuration gives to all commands.
type bound struct {
	c           *Client
	env         []string
	dir, search string
}

// Start implements cycle.Commands.
func (b *bound) Start(cmd *cycle.Command, changed func()) (cycle.Process, error) {
	env := cmd.Env
	if env == nil {
		env = b.env
	}
	return b.c.start(&order{dir: b.dir, search: b.search, args: cmd.Args, env: env}, cmd.Files, changed)
}

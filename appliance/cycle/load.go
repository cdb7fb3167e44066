package cycle

import (
	"errors"
	"os"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/errlog"
)

// LoadOptions say where a configuration comes from and what it replaces.
type LoadOptions struct {
	Prefix   string // of -p, made absolute by Resolve; with a slash at the end
	ConfFile string // full path
	ErrorLog string // of -e; "" is standard error
	Globals  string // of -g

	Root       bool        // see Cycle.Root
	Check      bool        // see Cycle.Check
	Steering   Steering    // see Cycle.Steering
	FilterLink FilterLink  // see Cycle.FilterLink
	Snapshot   *Snapshot   // take directives and files from here, not from the disk
	Count      int         // see Cycle.Generation
	Old        *Cycle      // the cycle that this one will replace; nil for the first
	Log        *errlog.Log // receives warnings; nil drops them
	Master     int         // see Cycle.Master; 0: this process
	// Commands, if set, makes Cycle.Commands once Core is known.
	Commands func(c *Cycle) Commands
	// OpenLogs, if set, is called when Cycle.Log is known and before modules
	// finish their part: what they run then (init_by_lua) may log.
	OpenLogs func(c *Cycle)
}

// Load reads a configuration and applies it. All independent errors are
// reported together, as conf.Errors.
func Load(table *conf.Table, o LoadOptions) (*Cycle, error) {
	c := &Cycle{
		Prefix:     o.Prefix,
		ConfFile:   o.ConfFile,
		Generation: o.Count,
		ConfPrefix: o.ConfFile[:strings.LastIndexByte(o.ConfFile, '/')+1],
		Check:      o.Check,
		Root:       o.Root,
		Steering:   o.Steering,
		FilterLink: o.FilterLink,
		Master:     o.Master,
		old:        o.Old,
		byPath:     make(map[string]*errlog.File),
		zones:      make(map[ZoneID]any),
		read:       make(map[string][]byte),
	}
	if c.Master == 0 {
		c.Master = os.Getpid()
	}
	if c.Steering == (Steering{}) {
		c.Steering = Steering{Mode: "off", Rung: "off"}
	}
	if s := o.Snapshot; s != nil {
		c.Tree, c.read, c.readOnly = s.Tree, s.Files, true
	} else {
		tree, err := conf.Parse(o.ConfFile, conf.Options{Prefix: c.ConfPrefix, RawBlock: table.RawBlock, Globals: o.Globals})
		if tree == nil {
			return nil, err
		}
		c.Tree = tree // errors of the text stand in the tree and are met by the walk
	}
	warn := func(level, msg string) {
		if o.Log != nil {
			l, _ := errlog.ParseLevel(level)
			o.Log.Write(l, 0, []byte(msg))
		}
	}
	cx := &conf.Cx{Table: table, Prefix: c.Prefix, ConfPrefix: c.ConfPrefix, Log: warn, Data: c}
	scope := conf.ScopeFunc(func(any) []any { return []any{&c.main, c} })
	if err := cx.Walk(c.Tree.Items, conf.Main, scope); err != nil {
		return nil, err
	}
	if err := c.finish(o, warn); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Cycle) finish(o LoadOptions, warn func(level, msg string)) error {
	if !c.main.eventsSeen {
		return errors.New("no \"events\" section in configuration")
	}
	c.Core = c.main.core(c)
	if msg := c.main.checkAffinity(c.Core.Workers); msg != "" {
		warn("warn", msg)
	}
	c.Events = c.events.settings()
	c.Log = c.mainLog(o.ErrorLog)
	if o.OpenLogs != nil {
		o.OpenLogs(c)
	}
	if o.Commands != nil {
		c.Commands = o.Commands(c)
	}
	var errs []error
	for _, hook := range c.hooks {
		if err := hook(); err != nil {
			errs = append(errs, err)
		}
	}
	c.hooks = nil
	return errors.Join(errs...)
}

// Forget lets go of the cycle that c has replaced, so that it can be collected.
func (c *Cycle) Forget() { c.old = nil }

// Strip lets go of all that serving needs and the master, which only opens and
// binds for c, does not: the directives, what was built of them, zones. Take
// the Snapshot before.
func (c *Cycle) Strip() {
	c.old, c.Tree, c.HTTP = nil, nil, nil
	c.zones, c.hooks = nil, nil
	c.Wipe()
	for _, l := range c.Listens {
		l.Service = nil
	}
}

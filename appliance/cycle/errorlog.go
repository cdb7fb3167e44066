package cycle

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/errlog"
)

func setErrorLog(cx *conf.Cx, it *conf.Item) error {
	o, err := ErrorLog(cx, it)
	if err != nil {
		return err
	}
	c := Of(cx)
	c.outputs = append(c.outputs, o)
	return nil
}

// ErrorLog reads an error_log directive's arguments, in any block.
func ErrorLog(cx *conf.Cx, it *conf.Item) (errlog.Output, error) {
	t, err := logTarget(cx, it.Arg(0))
	if err != nil {
		return errlog.Output{}, err
	}
	level, err := logLevel(it.Args[1:])
	return errlog.Output{Target: t, Level: level}, err
}

func logTarget(cx *conf.Cx, where string) (errlog.Target, error) {
	if where == "stderr" {
		return errlog.Target{}, nil
	}
	if size, ok := strings.CutPrefix(where, "memory:"); ok {
		n, ok := conf.ParseSize(size)
		if !ok || n < errlog.MaxLine || n > 1<<30 {
			return errlog.Target{}, conf.Errorf("invalid buffer size %q", size)
		}
		return errlog.Target{Memory: errlog.NewMemory(int(n))}, nil
	}
	if params, ok := strings.CutPrefix(where, "syslog:"); ok {
		s, err := errlog.ParseSyslog(params)
		return errlog.Target{Syslog: s}, err
	}
	return errlog.Target{File: Of(cx).OpenFile(cx.Path(where, false))}, nil
}

// logLevel reads the words after the target. Debug masks may be several.
func logLevel(words []string) (errlog.Level, error) {
	if len(words) == 0 {
		return errlog.Error, nil
	}
	level := errlog.Stderr
	masks := false
	for _, w := range words {
		l, ok := errlog.ParseLevel(w)
		mask := strings.HasPrefix(w, "debug_")
		switch {
		case !ok, mask && level != errlog.Stderr && !masks:
			return 0, conf.Errorf("invalid log level %q", w)
		case !mask && level != errlog.Stderr:
			return 0, conf.Errorf("duplicate log level %q", w)
		}
		level, masks = l, mask
	}
	return level, nil
}

// mainLog makes the main log. As with nginx there is always a file among its
// outputs: without one in the configuration it is the -e file at level error.
func (c *Cycle) mainLog(errorLog string) *errlog.Log {
	outputs := c.outputs
	for _, o := range outputs {
		if o.Target.File != nil || o.Target == (errlog.Target{}) {
			return errlog.New(outputs...)
		}
	}
	def := errlog.Output{Level: errlog.Error}
	if errorLog != "" {
		def.Target.File = c.OpenFile(c.Path(errorLog))
	}
	return errlog.New(append(outputs, def)...)
}

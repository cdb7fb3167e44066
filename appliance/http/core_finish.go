package http

import (
	"os"
	"strings"
)

// finishCore completes what could not be known while blocks were read.
func finishCore(b *Builder) error {
	for _, l := range b.blocks {
		l.defaultType = []byte(l.core.defaultType.V)
		if l.core.bodyTemp.V.Path != "" { // the http block itself serves nothing and has no defaults
			b.gen.Cycle.AddTempPath(l.core.bodyTemp.V)
		}
	}
	g := b.gen
	g.core.hostname = []byte(strings.ToLower(hostname()))
	for _, v := range g.Servers {
		v.core.nameBytes = []byte(v.core.name)
	}
	g.Cycle.OnFinish(func() error {
		for _, l := range b.blocks {
			if l.core.errorLog == nil {
				l.core.errorLog = g.Cycle.Log
			}
			l.core.debugLog = l.core.errorLog
			if g.Cycle.Events.DebugsAny() {
				l.core.debugLog = l.core.errorLog.Debugging()
			}
		}
		return nil
	})
	return nil
}

// hostname is what $hostname stands for, in configuration and requests.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

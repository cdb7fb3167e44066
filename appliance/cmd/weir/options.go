package main

import (
	"errors"
	"fmt"

	"weir/appliance/master"
)

// options are nginx's command line.
type options struct {
	version, help, configure bool // -v, -h, -V; the latter two show the version as well
	test, dump, quiet        bool
	signal                   string
	prefix, confFile         string
	errorLog                 string // "" is standard error
	globals                  string
}

// parseOptions reads a command line as nginx does: letters may share a dash, and
// the value of an option is the rest of its word or the next word.
func parseOptions(args []string) (*options, error) {
	o := &options{prefix: defaultPrefix, confFile: defaultConfFile, errorLog: defaultErrorLog}
	for i := 1; i < len(args); i++ {
		word := args[i]
		if word == "" || word[0] != '-' {
			return nil, fmt.Errorf("invalid option: \"%s\"", word)
		}
		for j := 1; j < len(word); j++ {
			if o.flag(word[j]) {
				continue
			}
			into, want := o.valued(word[j])
			if into == nil {
				return nil, fmt.Errorf("invalid option: \"%c\"", word[j])
			}
			value := word[j+1:]
			if value == "" {
				if i++; i >= len(args) {
					return nil, errors.New(want)
				}
				value = args[i]
			}
			*into = value
			if into == &o.signal && !master.IsCommand(value) {
				return nil, fmt.Errorf("invalid option: \"-s %s\"", value)
			}
			break
		}
	}
	if o.errorLog == "stderr" {
		o.errorLog = ""
	}
	return o, nil
}

// flag applies an option without a value.
func (o *options) flag(letter byte) bool {
	switch letter {
	case '?', 'h':
		o.version, o.help = true, true
	case 'v':
		o.version = true
	case 'V':
		o.version, o.configure = true, true
	case 't':
		o.test = true
	case 'T':
		o.test, o.dump = true, true
	case 'q':
		o.quiet = true
	default:
		return false
	}
	return true
}

// valued finds where an option's value goes, and the complaint when there is
// none.
func (o *options) valued(letter byte) (into *string, want string) {
	switch letter {
	case 'p':
		return &o.prefix, `option "-p" requires directory name`
	case 'c':
		return &o.confFile, `option "-c" requires file name`
	case 'e':
		return &o.errorLog, `option "-e" requires file name`
	case 'g':
		return &o.globals, `option "-g" requires parameter`
	case 's':
		return &o.signal, `option "-s" requires parameter`
	}
	return nil, ""
}

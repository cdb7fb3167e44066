package http

import (
	"bytes"
	"slices"
	"strings"

	"weir/appliance/conf"
)

// TypeSet is a list of content types, as charset_types and its like name them.
// It is immutable once the configuration is read.
type TypeSet struct {
	all   bool
	names []string // lower case
}

// NewTypeSet makes a set of the given types.
func NewTypeSet(names ...string) *TypeSet { return &TypeSet{names: names} }

// TypesSetter reads a list of types, or an asterisk for all of them. first is
// always in the set.
func TypesSetter[T any](field func(*T) *conf.Opt[*TypeSet], first string) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		f := field(conf.Target[T](cx))
		if !f.Set {
			f.Put(NewTypeSet(first))
		}
		for _, name := range it.Args {
			if name == "*" {
				f.V.all = true
				return nil
			}
			if name = strings.ToLower(name); slices.Contains(f.V.names, name) {
				cx.Warn("duplicate MIME type \"%s\"", name)
				continue
			}
			f.V.names = append(f.V.names, name)
		}
		return nil
	}
}

// Has reports whether the content type, parameters left aside, is in the set.
// A response without one is in no set.
func (s *TypeSet) Has(contentType []byte) bool {
	t := MediaType(contentType)
	if len(t) == 0 {
		return false
	}
	if s.all {
		return true
	}
	for _, n := range s.names {
		if len(n) == len(t) && equalFoldString(t, n) {
			return true
		}
	}
	return false
}

// equalFoldString compares b with s, which is lower case.
func equalFoldString(b []byte, s string) bool {
	for i := range b {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}

// MediaType is a content type without its parameters.
func MediaType(contentType []byte) []byte {
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	return bytes.TrimRight(contentType, " ")
}

package http

import "strings"

// HostIndex maps host names to values: exact names, "*.example.com",
// ".example.com" (the name and all below it) and "www.example.*". It is filled
// while the configuration is read and only read afterwards.
type HostIndex[V any] struct {
	exact map[string]V
	head  map[string]V // by what follows "*."
	dot   map[string]V // by what follows ".", for the bare name
	tail  map[string]V // by what stands before ".*"
}

// Add puts a lower-case name into the index. It returns false when the name
// is there already; the first value stays.
func (x *HostIndex[V]) Add(name string, v V) bool {
	switch {
	case strings.HasPrefix(name, "*."):
		return put(&x.head, name[2:], v)
	case len(name) > 1 && name[0] == '.':
		if _, dup := x.exact[name[1:]]; dup {
			return false
		}
		return put(&x.head, name[1:], v) && put(&x.dot, name[1:], v)
	case strings.HasSuffix(name, ".*"):
		return put(&x.tail, name[:len(name)-2], v)
	}
	return x.AddExact(name, v)
}

// AddExact is Add that takes the name as it is, asterisks and all.
func (x *HostIndex[V]) AddExact(name string, v V) bool {
	if _, dup := x.dot[name]; dup {
		return false
	}
	return put(&x.exact, name, v)
}

func put[V any](m *map[string]V, key string, v V) bool {
	if *m == nil {
		*m = make(map[string]V)
	}
	if _, dup := (*m)[key]; dup {
		return false
	}
	(*m)[key] = v
	return true
}

// Empty reports whether no name was added.
func (x *HostIndex[V]) Empty() bool {
	return x.exact == nil && x.head == nil && x.tail == nil
}

// Find looks a lower-case host up: the exact name, the longest name with an
// asterisk in front, the longest with one at the end.
func (x *HostIndex[V]) Find(host []byte) (v V, ok bool) {
	if v, ok = x.exact[string(host)]; ok {
		return v, true
	}
	if v, ok = x.dot[string(host)]; ok {
		return v, true
	}
	if x.head != nil {
		for i := 1; i < len(host); i++ {
			if host[i] == '.' {
				if v, ok = x.head[string(host[i+1:])]; ok {
					return v, true
				}
			}
		}
	}
	if x.tail != nil {
		for i := len(host) - 1; i > 0; i-- {
			if host[i] == '.' {
				if v, ok = x.tail[string(host[:i])]; ok {
					return v, true
				}
			}
		}
	}
	return v, false
}

// ValidHostPattern reports whether an asterisk stands only where HostIndex
// takes one.
func ValidHostPattern(name string) bool {
	if strings.HasPrefix(name, "*.") && strings.HasSuffix(name, ".*") {
		return false
	}
	body := strings.TrimSuffix(strings.TrimPrefix(name, "*."), ".*")
	return !strings.Contains(body, "*") && !strings.Contains(name, "..")
}

// Lower returns b in lower case: b itself when it is, else a copy that is
// valid until the request ends.
func Lower(r *Request, b []byte) []byte {
	for i, c := range b {
		if c-'A' < 26 {
			low := r.Copy(b)
			toLower(low[i:])
			return low
		}
	}
	return b
}

package conf

import "strings"

// StrList appends the first argument to a list.
func StrList[T any](field func(*T) *[]string) Setter {
	return func(cx *Cx, it *Item) error {
		l := field(Target[T](cx))
		*l = append(*l, it.Arg(0))
		return nil
	}
}

// KeyVal is a pair of arguments.
type KeyVal struct {
	Key, Value string
}

// KeyVals appends the first two arguments to a list of pairs.
func KeyVals[T any](field func(*T) *[]KeyVal) Setter {
	return func(cx *Cx, it *Item) error {
		l := field(Target[T](cx))
		*l = append(*l, KeyVal{it.Arg(0), it.Arg(1)})
		return nil
	}
}

// BufCount is a number of buffers and the size of each in bytes.
type BufCount struct {
	Num  int
	Size int64
}

// Bufs sets number and size of buffers, both at least 1.
func Bufs[T any](field func(*T) *Opt[BufCount]) Setter {
	return single(field, func(it *Item) (BufCount, error) {
		num, ok1 := ParseNum(it.Arg(0))
		size, ok2 := ParseSize(it.Arg(1))
		if !ok1 || !ok2 || num == 0 || size == 0 {
			return BufCount{}, errInvalidValue
		}
		return BufCount{num, size}, nil
	})
}

// MaxLevels is the number of directory levels a TempDir may have.
const MaxLevels = 3

// TempDir is a directory for temporary files, spread over levels of subdirectories.
type TempDir struct {
	Path   string         // full name, without a slash at the end
	Levels [MaxLevels]int // digits of a file's number that name the directory of each level; 0 ends

	File string // where it was configured, for messages when it cannot be made
	Line int
}

// TempPath sets a TempDir: path [level1 [level2 [level3]]]. A relative path is below the
// prefix.
func TempPath[T any](field func(*T) *Opt[TempDir]) Setter {
	return func(cx *Cx, it *Item) error {
		o := field(Target[T](cx))
		if o.Set {
			return errDuplicate
		}
		if it.Arg(0) == "" {
			return errInvalidValue
		}
		d := TempDir{Path: cx.Path(strings.TrimSuffix(it.Arg(0), "/"), false), File: it.File, Line: it.End}
		if it.Arg(0) == "/" {
			d.Path = "/"
		}
		levels := it.Args[1:]
		total := 0
		for i, arg := range levels {
			n, ok := ParseNum(arg)
			if !ok || n == 0 || i == MaxLevels || n > maxLevelDigits {
				return errInvalidValue
			}
			d.Levels[i] = n
			total += n
		}
		if total > maxLevelDigits {
			return errInvalidValue
		}
		o.Put(d)
		return nil
	}
}

// maxLevelDigits is the number of digits in a temporary file's name.
const maxLevelDigits = 10

// Access sets file permissions from words as user:rw, group:r, all:r. The owner has at
// least read and write unless a user word says otherwise.
func Access[T any](field func(*T) *Opt[uint32]) Setter {
	return single(field, func(it *Item) (uint32, error) {
		user, mode := uint32(0o600), uint32(0)
		for _, arg := range it.Args {
			who, what, _ := strings.Cut(arg, ":")
			shift, ok1 := lookupExact(accessWho, who)
			right, ok2 := lookupExact(accessRight, what)
			if !ok1 || !ok2 {
				return 0, Errorf(`invalid value "%s"`, arg)
			}
			if who == "user" {
				user = 0
			}
			mode |= right << shift
		}
		return user | mode, nil
	})
}

var (
	accessWho   = []EnumValue[uint32]{{"user", 6}, {"group", 3}, {"all", 0}}
	accessRight = []EnumValue[uint32]{{"r", 4}, {"rw", 6}}
)

func lookupExact[V any](values []EnumValue[V], word string) (v V, ok bool) {
	for i := range values {
		if values[i].Name == word {
			return values[i].Value, true
		}
	}
	return v, false
}

package conf

import "strings"

// The typed setters of this file are made for a field of a configuration struct, which
// takes the place of nginx's offsetof:
//
//	conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.sendfile })
//
// The struct is looked up by Target; a field that is already set makes "is duplicate".

var (
	errDuplicate    = Tail("is duplicate")
	errInvalidValue = Tail("invalid value")
	errNumber       = Tail("invalid number")
)

// single is the setter for one Opt field whose value comes from the first argument.
func single[T, V any](field func(*T) *Opt[V], parse func(it *Item) (V, error)) Setter {
	return func(cx *Cx, it *Item) error {
		o := field(Target[T](cx))
		if o.Set {
			return errDuplicate
		}
		v, err := parse(it)
		if err != nil {
			return err
		}
		o.Put(v)
		return nil
	}
}

// parsed adapts a Parse function to single.
func parsed[V any](parse func(string) (V, bool), failed error) func(*Item) (V, error) {
	return func(it *Item) (V, error) {
		v, ok := parse(it.Arg(0))
		if !ok {
			return v, failed
		}
		return v, nil
	}
}

// Flag sets a switch from "on" or "off".
func Flag[T any](field func(*T) *Opt[bool]) Setter {
	return single(field, flag)
}

func flag(it *Item) (bool, error) {
	on, ok := ParseFlag(it.Arg(0))
	if !ok {
		return false, Errorf(`invalid value "%s" in "%s" directive, it must be "on" or "off"`, it.Arg(0), it.Name)
	}
	return on, nil
}

// Size sets a number of bytes: digits with k or m.
func Size[T any](field func(*T) *Opt[int64]) Setter {
	return single(field, parsed(ParseSize, errInvalidValue))
}

// Off sets a file offset or body size: digits with k, m or g.
func Off[T any](field func(*T) *Opt[int64]) Setter {
	return single(field, parsed(ParseOffset, errInvalidValue))
}

// Msec sets a time in milliseconds.
func Msec[T any](field func(*T) *Opt[int64]) Setter {
	return single(field, parsed(func(s string) (int64, bool) { return ParseTime(s, false) }, errInvalidValue))
}

// Sec sets a time in seconds.
func Sec[T any](field func(*T) *Opt[int64]) Setter {
	return single(field, parsed(func(s string) (int64, bool) { return ParseTime(s, true) }, errInvalidValue))
}

// NoMax as the upper bound of Num means that there is none.
const NoMax = -1

// Num sets a number of low to high, both included.
func Num[T any](field func(*T) *Opt[int], low, high int) Setter {
	return single(field, func(it *Item) (int, error) {
		n, ok := ParseNum(it.Arg(0))
		switch {
		case !ok:
			return 0, errNumber
		case high == NoMax && n < low:
			return 0, Errorf("value must be equal to or greater than %d", low)
		case high != NoMax && (n < low || n > high):
			return 0, Errorf("value must be between %d and %d", low, high)
		}
		return n, nil
	})
}

// Str sets a string as it is.
func Str[T any](field func(*T) *Opt[string]) Setter {
	return single(field, func(it *Item) (string, error) { return it.Arg(0), nil })
}

// EnumValue is one word of Enum or Bitmask and what it stands for.
type EnumValue[V any] struct {
	Name  string
	Value V
}

// Enum sets one of the named values; the word may be in any case.
func Enum[T, V any](field func(*T) *Opt[V], values []EnumValue[V]) Setter {
	return single(field, func(it *Item) (V, error) {
		v, ok := lookup(values, it.Arg(0))
		if !ok {
			return v, Errorf(`invalid value "%s"`, it.Arg(0))
		}
		return v, nil
	})
}

func lookup[V any](values []EnumValue[V], word string) (v V, ok bool) {
	for i := range values {
		if strings.EqualFold(values[i].Name, word) {
			return values[i].Value, true
		}
	}
	return v, false
}

// Bits is what a Bitmask may be kept in.
type Bits interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// Bitmask adds the bits of all words to the field; a bit that is already there is warned of.
// The directive may be repeated.
func Bitmask[T any, V Bits](field func(*T) *Opt[V], values []EnumValue[V]) Setter {
	return func(cx *Cx, it *Item) error {
		o := field(Target[T](cx))
		for _, word := range it.Args {
			bit, ok := lookup(values, word)
			if !ok {
				return Errorf(`invalid value "%s"`, word)
			}
			if o.V&bit != 0 {
				cx.Warn(`duplicate value "%s"`, word)
			}
			o.Put(o.V | bit)
		}
		return nil
	}
}

// Block is the setter of a directive with a block; fn walks it.Block as it needs.
func Block(fn func(cx *Cx, it *Item) error) Setter { return fn }

// After runs check when set has succeeded, for what nginx calls a post handler.
func After(set, check Setter) Setter {
	return func(cx *Cx, it *Item) error {
		if err := set(cx, it); err != nil {
			return err
		}
		return check(cx, it)
	}
}

// Deprecated warns that another directive should be used and goes on with set.
func Deprecated(instead string, set Setter) Setter {
	return func(cx *Cx, it *Item) error {
		cx.Warn(`the "%s" directive is deprecated, use the "%s" directive instead`, it.Name, instead)
		return set(cx, it)
	}
}

// NoOp accepts a directive that has nothing to do in weir. It warns once per configuration,
// however often the directive stands there: `the "X" directive has no effect: WHY`.
func NoOp(why string) Setter {
	return func(cx *Cx, it *Item) error {
		if !cx.warned[it.Name] {
			cx.warned[it.Name] = true
			cx.Warn(`the "%s" directive has no effect: %s`, it.Name, why)
		}
		return nil
	}
}

// NoOpFlag is NoOp for a switch, which must still be "on" or "off".
func NoOpFlag(why string) Setter { return noOpChecked(why, flag) }

// NoOpNum is NoOp for a number.
func NoOpNum(why string) Setter { return noOpChecked(why, parsed(ParseNum, errNumber)) }

// NoOpSize is NoOp for a number of bytes.
func NoOpSize(why string) Setter { return noOpChecked(why, parsed(ParseSize, errInvalidValue)) }

func noOpChecked[V any](why string, parse func(*Item) (V, error)) Setter {
	warn := NoOp(why)
	return func(cx *Cx, it *Item) error {
		if _, err := parse(it); err != nil {
			return err
		}
		return warn(cx, it)
	}
}

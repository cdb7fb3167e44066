package conf

// Opt is a value that knows whether it was set: the field type of configuration objects.
type Opt[T any] struct {
	V   T
	Set bool
}

// Put sets the value.
func (o *Opt[T]) Put(v T) { o.V, o.Set = v, true }

// Or returns the value, or def when it is unset.
func (o Opt[T]) Or(def T) T {
	if o.Set {
		return o.V
	}
	return def
}

// Merge fills an unset value from the enclosing block, which must have been merged before,
// or else from the default. Afterwards it counts as set, so that what an outer block was
// given, or fell back to, is what inner blocks inherit.
func (o *Opt[T]) Merge(prev Opt[T], def T) {
	if !o.Set {
		o.Put(prev.Or(def))
	}
}

// MergeList gives a block that has no entries of its own (nil, not merely empty) those of
// the enclosing block. The list is shared: it must not be appended to afterwards.
func MergeList[T any](own *[]T, prev []T) {
	if *own == nil {
		*own = prev
	}
}

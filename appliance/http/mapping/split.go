package mapping

import (
	"encoding/binary"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// SplitClients is the module of the split_clients directive.
var SplitClients = http.Module{
	Name: "http_split_clients",
	Directives: []conf.Directive{
		{Name: "split_clients", In: conf.HTTP, Args: conf.Take2 | conf.HasBlock, Set: setSplit, Syntax: "string $variable { ... }",
			Doc: "Defines a variable that splits requests into groups of given shares, by a hash of the string."},
	},
}

// split is one split_clients block.
type split struct {
	source *http.Complex
	parts  []share
}

// share is one group: hashes below limit that no group before it has.
type share struct {
	limit uint32
	all   bool // "*": whatever is left
	value *http.Complex
}

func setSplit(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	s := &split{}
	var err error
	if s.source, err = b.CompileComplex(it.Args[0]); err != nil {
		return err
	}
	name, ok := strings.CutPrefix(it.Args[1], "$")
	if !ok || name == "" {
		return conf.Errorf("invalid variable name \"%s\"", it.Args[1])
	}
	v, err := b.DefineVariable(name, http.VarChangeable)
	if err != nil {
		return err
	}
	sum, last := uint64(0), uint64(0)
	err = cx.Entries(it.Block, func(e *conf.Item) error {
		if len(e.Args) != 1 {
			return conf.Errorf("invalid number of the split_clients parameters")
		}
		value, err := b.CompileComplex(e.Args[0])
		if err != nil {
			return err
		}
		if e.Name == "*" {
			s.parts = append(s.parts, share{all: true, value: value})
			return nil
		}
		n, ok := percent(e.Name)
		if !ok {
			return conf.Errorf("invalid percent value \"%s\"", e.Name)
		}
		if sum += n; sum > 10000 {
			return conf.Errorf("percent total is greater than 100%%")
		}
		last = last + n*0xffffffff/10000
		s.parts = append(s.parts, share{limit: uint32(last), value: value})
		return nil
	})
	v.Data, v.Get = s, getSplit
	return err
}

// percent reads "12.34%" as hundredths of a percent.
func percent(s string) (uint64, bool) {
	s, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, false
	}
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", 2-len(frac)), 10, 16)
	return n, err == nil && n > 0 && n <= 10000
}

func getSplit(r *http.Request, v *http.Value, d *http.Variable) {
	s := d.Data.(*split)
	h := murmur2(s.source.Eval(r))
	for i := range s.parts {
		if p := &s.parts[i]; p.all || h < p.limit {
			v.Is(p.value.Eval(r))
			return
		}
	}
	v.Missing()
}

// murmur2 is MurmurHash2 with seed 0, the hash nginx splits clients by: the
// same client lands in the same group.
func murmur2(b []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

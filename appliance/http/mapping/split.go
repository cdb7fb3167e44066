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
		{Name: "split_clients", In: conf.HTTP, Args: conf.Take2 | conf.HasBlock, Set: setSplit, Syntax: "string $variable",
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
	all   bool // "*", or the last of shares that make 100%: whatever is left
	value []byte
}

func setSplit(cx *conf.Cx, it *conf.Item) error {
	source, v, err := sourceAndVariable(cx, it)
	if err != nil {
		return err
	}
	s := &split{source: source}
	sum, last := uint64(0), uint64(0)
	err = cx.Entries(it.Block, func(e *conf.Item) error {
		if len(e.Args) != 1 {
			return conf.Errorf("invalid number of the split_clients parameters")
		}
		n := uint64(0)
		if e.Name != "*" {
			var ok bool
			if n, ok = percent(e.Name); !ok {
				return conf.Errorf("invalid percent value \"%s\"", e.Name)
			}
		}
		if sum += n; n == 0 {
			sum = whole
		}
		if sum > whole {
			return conf.Errorf("percent total is greater than 100%%")
		}
		last += n * 0xffffffff / whole
		s.parts = append(s.parts, share{limit: uint32(last), all: sum == whole, value: []byte(e.Args[0])})
		return nil
	})
	v.Data, v.Get = s, getSplit
	return err
}

// whole is 100% in the hundredths of a percent that percent returns.
const whole = 10000

// percent reads "12.34%" as hundredths of a percent.
func percent(s string) (uint64, bool) {
	s, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, false
	}
	units, frac, _ := strings.Cut(s, ".")
	if len(frac) > 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(units+frac+strings.Repeat("0", 2-len(frac)), 10, 31)
	return n, err == nil && n > 0
}

func getSplit(r *http.Request, v *http.Value, d *http.Variable) {
	s := d.Data.(*split)
	v.Is(s.find(murmur2(s.source.Eval(r))))
}

// find returns the value for a hash; shares that leave something over leave
// it empty.
func (s *split) find(hash uint32) []byte {
	for i := range s.parts {
		if p := &s.parts[i]; p.all || hash < p.limit {
			return p.value
		}
	}
	return nil
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

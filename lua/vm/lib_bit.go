package vm

import (
	"math/bits"
	"strconv"
)

// toBit reduces a number to 32 bits as bit.tobit does: modulo 2^32, rounded to nearest.
func toBit(f float64) int32 {
	if i := int64(f); float64(i) == f {
		return int32(uint32(uint64(i)))
	}
	// Adding 2^52 + 2^51 rounds to nearest even and leaves the bits at the bottom of the mantissa.
	return int32(uint32(int64(f + 6755399441055744.0 - 6755399441055744.0)))
}

func (l *State) checkBit(n int) int32 { return toBit(l.CheckNumber(n)) }

func bitFold(op func(a, b int32) int32) Func {
	return func(l *State) int {
		v := l.checkBit(1)
		for i, n := 2, l.Top(); i <= n; i++ {
			v = op(v, l.checkBit(i))
		}
		return l.ret(Number(float64(v)))
	}
}

func bitShift(op func(v uint32, n int) uint32) Func {
	return func(l *State) int {
		return l.ret(Number(float64(int32(op(uint32(l.checkBit(1)), int(l.checkBit(2)&31))))))
	}
}

func (vm *VM) openBit() {
	vm.library("bit", []fn{
		{"tobit", func(l *State) int { return l.ret(Number(float64(l.checkBit(1)))) }},
		{"bnot", func(l *State) int { return l.ret(Number(float64(^l.checkBit(1)))) }},
		{"bswap", func(l *State) int {
			return l.ret(Number(float64(int32(bits.ReverseBytes32(uint32(l.checkBit(1)))))))
		}},
		{"lshift", bitShift(func(v uint32, n int) uint32 { return v << n })},
		{"rshift", bitShift(func(v uint32, n int) uint32 { return v >> n })},
		{"arshift", bitShift(func(v uint32, n int) uint32 { return uint32(int32(v) >> n) })},
		{"rol", bitShift(func(v uint32, n int) uint32 { return bits.RotateLeft32(v, n) })},
		{"ror", bitShift(func(v uint32, n int) uint32 { return bits.RotateLeft32(v, -n) })},
		{"band", bitFold(func(a, b int32) int32 { return a & b })},
		{"bor", bitFold(func(a, b int32) int32 { return a | b })},
		{"bxor", bitFold(func(a, b int32) int32 { return a ^ b })},
		{"tohex", bitTohex},
	})
}

func bitTohex(l *State) int {
	v := uint32(l.checkBit(1))
	n := 8
	if l.Arg(2).n != tagNil {
		n = int(l.checkBit(2))
	}
	upper := n < 0
	if upper {
		n = -n
	}
	n = min(n, 8)
	s := strconv.FormatUint(uint64(v), 16)
	for len(s) < 8 {
		s = "0" + s
	}
	b := []byte(s[8-n:])
	if upper {
		b = upperIf(b, 'X')
	}
	l.PushBytes(b)
	return 1
}

package vm

import (
	"math"
	"math/bits"
)

// prng is the generator behind math.random: xoshiro256**, seeded by splitmix64.
type prng struct{ s [4]uint64 }

func (r *prng) seed(x uint64) {
	for i := range r.s {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		r.s[i] = z ^ z>>31
	}
}

func (r *prng) next() uint64 {
	s := &r.s
	out := bits.RotateLeft64(s[1]*5, 7) * 9
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return out
}

// float returns a number in [0, 1).
func (r *prng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

func math1(f func(float64) float64) Func {
	return func(l *State) int { return l.ret(Number(f(l.CheckNumber(1)))) }
}

func (vm *VM) openMath() {
	t := vm.library("math", []fn{
		{"abs", math1(math.Abs)}, {"floor", mathFloor}, {"ceil", math1(math.Ceil)}, {"sqrt", mathSqrt},
		{"log10", math1(math.Log10)}, {"exp", math1(math.Exp)}, {"sin", math1(math.Sin)}, {"cos", math1(math.Cos)},
		{"tan", math1(math.Tan)}, {"asin", math1(math.Asin)}, {"acos", math1(math.Acos)}, {"atan", math1(math.Atan)},
		{"sinh", math1(math.Sinh)}, {"cosh", math1(math.Cosh)}, {"tanh", math1(math.Tanh)}, {"frexp", mathFrexp},
		{"modf", mathModf}, {"log", mathLog}, {"atan2", mathAtan2}, {"pow", mathPow}, {"fmod", mathFmod},
		{"ldexp", mathLdexp}, {"min", mathMin}, {"max", mathMax}, {"random", mathRandom}, {"randomseed", mathSeed},
		{"deg", math1(func(x float64) float64 { return x * (180 / math.Pi) })},
		{"rad", math1(func(x float64) float64 { return x * (math.Pi / 180) })},
	})
	t.SetString("pi", Number(math.Pi))
	t.SetString("huge", Number(math.Inf(1)))
	t.SetString("mod", t.GetString("fmod"))
}

func mathFloor(l *State) int { return l.ret(Number(math.Floor(l.CheckNumber(1)))) }
func mathSqrt(l *State) int  { return l.ret(Number(math.Sqrt(l.CheckNumber(1)))) }

func mathFrexp(l *State) int {
	f := l.CheckNumber(1)
	if math.IsInf(f, 0) || f != f {
		l.ret(Number(f))
		l.ret(Int(0))
		return 2
	}
	m, e := math.Frexp(f)
	l.ret(Number(m))
	l.ret(Int(e))
	return 2
}

func mathModf(l *State) int {
	f := l.CheckNumber(1)
	if math.IsInf(f, 0) {
		l.ret(Number(f))
		l.ret(Number(math.Copysign(0, f)))
		return 2
	}
	i := math.Trunc(f)
	l.ret(Number(i))
	l.ret(Number(math.Copysign(f-i, f)))
	return 2
}

func mathLog(l *State) int {
	x := l.CheckNumber(1)
	if l.Arg(2).n != tagNil {
		switch b := l.CheckNumber(2); b {
		case 2:
			return l.ret(Number(math.Log2(x)))
		case 10:
			return l.ret(Number(math.Log10(x)))
		default:
			return l.ret(Number(math.Log2(x) / math.Log2(b)))
		}
	}
	return l.ret(Number(math.Log(x)))
}

func mathAtan2(l *State) int { return l.ret(Number(math.Atan2(l.CheckNumber(1), l.CheckNumber(2)))) }
func mathPow(l *State) int   { return l.ret(Number(math.Pow(l.CheckNumber(1), l.CheckNumber(2)))) }
func mathFmod(l *State) int  { return l.ret(Number(math.Mod(l.CheckNumber(1), l.CheckNumber(2)))) }
func mathLdexp(l *State) int { return l.ret(Number(math.Ldexp(l.CheckNumber(1), l.CheckInt(2)))) }

func mathMin(l *State) int {
	m := l.CheckNumber(1)
	for i, n := 2, l.Top(); i <= n; i++ {
		if f := l.CheckNumber(i); f < m || f != f {
			m = f
		}
	}
	return l.ret(Number(m))
}

func mathMax(l *State) int {
	m := l.CheckNumber(1)
	for i, n := 2, l.Top(); i <= n; i++ {
		if f := l.CheckNumber(i); f > m || f != f {
			m = f
		}
	}
	return l.ret(Number(m))
}

func mathRandom(l *State) int {
	r := &l.vm.rng
	switch l.Top() {
	case 0:
		return l.ret(Number(r.float()))
	case 1:
		hi := math.Floor(l.CheckNumber(1))
		if hi < 1 {
			l.ArgError(1, "interval is empty")
		}
		return l.ret(Number(math.Floor(r.float()*hi) + 1))
	}
	lo, hi := math.Floor(l.CheckNumber(1)), math.Floor(l.CheckNumber(2))
	if lo > hi {
		l.ArgError(2, "interval is empty")
	}
	return l.ret(Number(math.Floor(r.float()*(hi-lo+1)) + lo))
}

func mathSeed(l *State) int {
	l.vm.rng.seed(math.Float64bits(l.CheckNumber(1)))
	return 0
}

package model

import (
	"math"

	"mlops/shared/elementary"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// Op is what a Step computes.
type Op uint8

// The operations. v is the value of register A, w that of B, P the parameters. Unless it is said, a missing value stays missing.
const (
	OpImpute     Op = iota + 1 // P[0] where v is missing
	OpMissing                  // 1 where v is missing, else 0
	OpClip                     // v within [P[0], P[1]]
	OpScale                    // (v - P[0]) / P[1]
	OpLog                      // ln v; missing unless v > 0
	OpLog1p                    // ln(1+v); missing unless v > -1
	OpYeoJohnson               // the power transform with lambda P[0]: Yeo & Johnson, Biometrika 87 (2000)
	OpBin                      // how many of the edges P, ascending, v reaches
	OpEquals                   // 1 where v = P[0], the code of a level, else 0; a missing value gives 0
	OpLookup                   // the code v gives P[2+v]; a missing value P[0], a level that training never saw P[1]
	OpRecode                   // the code v gives P[1+v]; a level that training never saw P[0]
	OpProduct                  // v * w
	OpRatio                    // v / w; missing where w is 0
	OpDifference               // v - w
	lastOp       = OpDifference
)

// Step computes one number of a Pipeline's registers. Results are clamped to +-MaxValue.
type Step struct {
	Op   Op
	A, B int // the registers read; B is 0 unless Op reads two
	To   int // the register written
	P    []float64
}

// Pairs reports whether an operation reads two registers.
func (o Op) Pairs() bool { return o >= OpProduct }

// Value is the result of the step on the registers r.
func (s *Step) Value(r []float64) float64 {
	v := r[s.A]
	switch s.Op {
	case OpImpute:
		if v != v {
			return s.P[0]
		}
		return clamp(v)
	case OpMissing:
		return truth(v != v)
	case OpEquals:
		return truth(v == s.P[0])
	case OpLookup:
		if v != v {
			return s.P[0]
		}
		return lookup(s.P[1:], v)
	}
	if v != v {
		return v
	}
	switch v = clamp(v); s.Op {
	case OpClip:
		return min(max(v, s.P[0]), s.P[1])
	case OpScale:
		return clamp((v - s.P[0]) / s.P[1])
	case OpLog:
		if v > 0 {
			return elementary.Log(v)
		}
		return math.NaN()
	case OpLog1p:
		if v > -1 {
			return elementary.Log1p(v)
		}
		return math.NaN()
	case OpYeoJohnson:
		return clamp(YeoJohnson(v, s.P[0]))
	case OpBin:
		return float64(reached(s.P, v))
	case OpRecode:
		return lookup(s.P, v)
	}
	return s.pair(v, r[s.B])
}

// pair is the result of an operation on two values.
func (s *Step) pair(v, w float64) float64 {
	if w != w || s.Op == OpRatio && w == 0 {
		return math.NaN()
	}
	switch w = clamp(w); s.Op {
	case OpProduct:
		return clamp(v * w)
	case OpRatio:
		return clamp(v / w)
	}
	return clamp(v - w)
}

// YeoJohnson is the power transform: ((v+1)^lambda - 1)/lambda for v >= 0, -((1-v)^(2-lambda) - 1)/(2-lambda) below, and the logarithms
// that these tend to where the exponent is 0.
func YeoJohnson(v, lambda float64) float64 {
	if v < 0 {
		return -YeoJohnson(-v, 2-lambda)
	}
	if math.Abs(lambda) < 1e-12 {
		return elementary.Log1p(v)
	}
	return elementary.Expm1(float64(lambda*elementary.Log1p(v))) / lambda
}

// lookup is table[1+v] for a code v, table[0] for anything else.
func lookup(table []float64, v float64) float64 {
	if v >= 0 && v < float64(len(table)-1) {
		return table[1+int(v)]
	}
	return table[0]
}

// reached counts the edges that are at most v.
func reached(edges []float64, v float64) int {
	low, high := 0, len(edges)
	for low < high {
		if middle := (low + high) / 2; edges[middle] <= v {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// check reports whether the step reads only registers that are written before it, and has the parameters it needs.
func (s *Step) check(written []bool) error {
	n := len(s.P)
	ok := false
	switch s.Op {
	case OpImpute, OpYeoJohnson, OpEquals:
		ok = n == 1
	case OpClip:
		ok = n == 2 && s.P[0] <= s.P[1]
	case OpScale:
		ok = n == 2 && s.P[1] > 0
	case OpMissing, OpLog, OpLog1p, OpProduct, OpRatio, OpDifference:
		ok = n == 0
	case OpBin:
		ok = n >= 1
		for i := 1; i < n; i++ {
			ok = ok && s.P[i-1] < s.P[i]
		}
	case OpLookup:
		ok = n >= 2 && n <= MaxLevels+3
	case OpRecode:
		ok = n >= 1 && n <= MaxLevels+2
	}
	for _, v := range s.P {
		ok = ok && within(v, MaxValue)
	}
	if !ok {
		return fault.Invalidf("operation %d with %d parameters that do not suit it", s.Op, n)
	}
	for _, at := range []int{s.A, s.B, s.To} {
		ok = ok && at >= 0 && at < len(written)
	}
	if !ok || !written[s.A] || s.Op.Pairs() && !written[s.B] || !s.Op.Pairs() && s.B != 0 {
		return fault.Invalidf("operation %d reads %d and %d and writes %d: a number that is not there", s.Op, s.A, s.B, s.To)
	}
	written[s.To] = true
	return nil
}

func (s *Step) encode(w *wire.Writer) {
	w.Uint8(uint8(s.Op))
	w.Uint32(uint32(s.A))
	if s.Op.Pairs() {
		w.Uint32(uint32(s.B))
	}
	w.Uint32(uint32(s.To))
	w.Floats(s.P)
}

// leastStep is how many bytes a stored step takes at least.
const leastStep = 1 + 4 + 4 + 4

func (s *Step) decode(r *wire.Reader) {
	s.Op, s.A = Op(r.Uint8()), int(r.Uint32())
	if s.Op < OpImpute || s.Op > lastOp {
		r.Fail(fault.Invalidf("a step with the unknown operation %d", s.Op))
	}
	if s.Op.Pairs() {
		s.B = int(r.Uint32())
	}
	s.To = int(r.Uint32())
	if p := r.Floats(); len(p) > 0 {
		s.P = p
	}
}

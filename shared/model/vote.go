package model

import (
	"slices"
	"sync"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// MaxMembers is how many predictors may vote.
const MaxMembers = 16

// Vote is the mean of several predictors: of their probabilities (soft voting; J. Kittler et al., "On combining
// classifiers", 1998), or of their values. Each member counts the same.
//
// Its raw scores are the probabilities (binary: of the positive class; multiclass: one a class) or the value themselves: what it averages.
type Vote struct {
	Task    dataset.Task
	Members []Predictor
	width   int
	scratch sync.Pool // *[]float64: one member's prediction
}

// NewVote joins the members, which all predict width numbers. Encode refuses members that hold other predictors.
func NewVote(task dataset.Task, members []Predictor) *Vote {
	v := &Vote{Task: task, Members: members}
	if len(members) > 0 {
		v.width = members[0].Width()
	}
	return v
}

// Width is the length of a prediction.
func (v *Vote) Width() int { return v.width }

// Outputs is the number of raw scores.
func (v *Vote) Outputs() int { return outputs(v.Task, v.width) }

// Attribution names the method of Explain.
func (v *Vote) Attribution() string {
	return "mean of the members' contributions, carried over to the prediction along the straight line from each member's base (Aumann-Shapley)"
}

// Predict writes the mean of the members' predictions.
func (v *Vote) Predict(dst, x []float64) {
	b, ok := v.scratch.Get().(*[]float64)
	if !ok {
		s := make([]float64, v.width)
		b = &s
	}
	one := *b
	clear(dst[:v.width])
	for _, m := range v.Members {
		m.Predict(one, x)
		for k, p := range one {
			dst[k] += p
		}
	}
	v.scratch.Put(b)
	for k := range dst[:v.width] {
		dst[k] /= float64(len(v.Members))
	}
	if v.Task == dataset.Binary {
		dst[0] = 1 - dst[1] // sums of rounded numbers need not agree
	}
}

// Raw writes the raw scores.
func (v *Vote) Raw(dst, x []float64) {
	p := make([]float64, v.width)
	v.Predict(p, x)
	copy(dst, p[v.width-v.Outputs():])
}

// Explain writes what each feature adds to the prediction, and last the mean of the members' predictions at their bases.
//
// A member explains its own raw score s, whose contributions c lead from its base b to s(x); the prediction is link(s). Along the straight line
// between them a feature's part in link is the integral of the slope times c (R. Aumann & L. Shapley, Values of non-atomic games, 1974): for two
// classes, and for values, the secant's slope, for more the integral by Gauss and Legendre, its error going to the base.
func (v *Vote) Explain(dst, x []float64) {
	v.divide(dst, x, func(i int, parts, x []float64) { v.Members[i].(Explainer).Explain(parts, x) })
}

// divide joins what explain says of each member's raw scores.
func (v *Vote) divide(dst, x []float64, explain func(member int, parts, x []float64)) {
	n, k := len(x), v.Outputs()
	clear(dst[:k*(n+1)])
	parts := make([]float64, k*(n+1))
	for i, m := range v.Members {
		explain(i, parts, x)
		carry(dst, parts, v.link(m), k, n, float64(len(v.Members)))
	}
	p := make([]float64, k)
	v.Raw(p, x)
	for o := range k { // rounding, and what the integral lacks, go to the base
		row := dst[o*(n+1) : (o+1)*(n+1)]
		for _, c := range row[:n] {
			p[o] -= c
		}
		row[n] = p[o]
	}
}

// link is how a member turns its raw scores into a prediction.
func (v *Vote) link(m Predictor) Link {
	if t, ok := m.(*Trees); ok {
		return t.link
	}
	return linkFor(v.Task)
}

// gauss are the nodes and weights of five-point Gauss-Legendre quadrature on [0, 1].
var gauss = [5][2]float64{{0.04691007703066800, 0.11846344252809454}, {0.23076534494715845, 0.23931433524968324}, {0.5, 0.28444444444444444},
	{0.76923465505284155, 0.23931433524968324}, {0.95308992296933200, 0.11846344252809454}}

// carry adds to dst a member's contributions, parts, turned into contributions to its prediction, divided by share.
func carry(dst, parts []float64, l Link, k, n int, share float64) {
	base, end := make([]float64, k), make([]float64, k)
	for o := range k {
		row := parts[o*(n+1) : (o+1)*(n+1)]
		base[o] = row[n]
		for _, c := range row {
			end[o] += c
		}
	}
	slope := slopes(l, base, end)
	for o := range k {
		row := dst[o*(n+1) : (o+1)*(n+1)]
		for s := range k {
			if w := slope[o*k+s] / share; w != 0 {
				for j, c := range parts[s*(n+1) : s*(n+1)+n] {
					row[j] += float64(w * c)
				}
			}
		}
	}
}

// slopes are the mean slopes of prediction o by raw score s between two points, at o*k+s.
func slopes(l Link, base, end []float64) []float64 {
	k := len(base)
	out := make([]float64, k*k)
	switch l {
	case Logit:
		p, q := elementary.Sigmoid(base[0]), elementary.Sigmoid(end[0])
		if out[0] = p * (1 - p); end[0] != base[0] {
			out[0] = (q - p) / (end[0] - base[0])
		}
	case Log:
		p, q := []float64{base[0]}, []float64{end[0]}
		l.Apply(p, 1)
		l.Apply(q, 1)
		if out[0] = p[0]; end[0] != base[0] {
			out[0] = (q[0] - p[0]) / (end[0] - base[0])
		}
	case Softmax:
		p := make([]float64, k)
		for _, g := range gauss {
			for o := range p {
				p[o] = base[o] + float64(g[0]*(end[o]-base[o]))
			}
			softmax(p)
			for o := range k {
				for s := range k {
					d := -float64(p[o] * p[s])
					if o == s {
						d += p[o]
					}
					out[o*k+s] += float64(g[1] * d)
				}
			}
		}
	default:
		for o := range k {
			out[o*k+o] = 1
		}
	}
	return out
}

// check reports whether every member fits the model m and holds no other predictor.
func (v *Vote) check(m *Model) error {
	if v.Task != m.Task || len(v.Members) < 2 || len(v.Members) > MaxMembers {
		return fault.Invalidf("a vote of %d members for %s in a model for %s: 2 to %d vote", len(v.Members), v.Task, m.Task, MaxMembers)
	}
	for i, p := range v.Members {
		switch p.(type) {
		case *Baseline, *Linear, *Trees:
		default:
			return fault.Invalidf("member %d of the vote holds other predictors", i+1)
		}
		if err := p.(interface{ check(*Model) error }).check(m); err != nil {
			return fault.Wrap(err, "member %d of the vote", i+1)
		}
	}
	return nil
}

func (v *Vote) encode(w *wire.Writer) {
	w.Uint8(kindVote)
	w.Uint32(uint32(len(v.Members)))
	for _, p := range v.Members {
		p.(interface{ encode(*wire.Writer) }).encode(w)
	}
}

// decodeVote reads the members, none of which may hold another predictor: nothing writes such, and the depth would have no bound.
func decodeVote(r *wire.Reader, m *Model) *Vote {
	members := make([]Predictor, 0, MaxMembers)
	for range r.Count(MaxMembers, 2) {
		kind := r.Uint8()
		if !slices.Contains([]uint8{kindBaseline, kindLinear, kindTrees}, kind) {
			r.Fail(fault.Invalidf("a vote with a member of kind %d", kind))
		}
		if r.Err() != nil {
			return NewVote(m.Task, nil)
		}
		one := &Model{Task: m.Task, Classes: m.Classes, Features: m.Features}
		one.decodePlain(kind, r)
		if r.Err() == nil {
			if err := one.Predictor.(interface{ check(*Model) error }).check(one); err != nil {
				r.Fail(err)
			}
		}
		members = append(members, one.Predictor)
	}
	return NewVote(m.Task, members)
}

package model

import (
	"slices"
	"sync"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// Limits on a Pipeline.
const (
	MaxSteps     = 50_000 // steps
	MaxRegisters = 25_000 // numbers a row holds while it is worked on: the raw features and what the steps add
)

// Pipeline is a predictor on engineered features: it takes the raw row, works the steps off in order, and gives what they made to another
// predictor. So a request sends raw columns only, and what was learnt in training (means, levels, encodings) is carried in the artefact.
//
// Registers 0..inputs-1 hold the raw row; a step writes one register, an old or a new one; selected is what the inner predictor reads.
type Pipeline struct {
	inputs    int
	registers int
	steps     []Step
	selected  []int // the register of each engineered feature
	inner     *Model
	sources   [][]int   // for each engineered feature the raw features it is made of, ascending
	scratch   sync.Pool // *[]float64: registers, then the engineered row
}

// NewPipeline joins fitted steps on a raw row of inputs numbers with the predictor p of a task on the engineered features; selected are the
// registers of these. The error says which part does not fit.
func NewPipeline(task dataset.Task, classes []string, inputs int, steps []Step, selected []int, engineered []Feature, p Predictor) (*Pipeline, error) {
	l := &Pipeline{inputs: inputs, steps: steps, selected: selected,
		inner: &Model{Task: task, Target: "engineered", Classes: classes, Features: engineered, Predictor: p}}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	return l, nil
}

// prepare checks the steps and finds what each engineered feature is made of.
func (p *Pipeline) prepare() error {
	if p.inputs < 1 || p.inputs > MaxFeatures || len(p.steps) > MaxSteps || len(p.selected) != len(p.inner.Features) {
		return fault.Invalidf("a pipeline of %d columns, %d steps and %d of %d engineered features", p.inputs, len(p.steps), len(p.selected), len(p.inner.Features))
	}
	p.registers = p.inputs
	for _, s := range p.steps {
		p.registers = max(p.registers, s.To+1)
	}
	if p.registers > MaxRegisters {
		return fault.Invalidf("a pipeline that holds %d numbers a row: at most %d", p.registers, MaxRegisters)
	}
	written := make([]bool, p.registers)
	for i := range p.inputs {
		written[i] = true
	}
	for i := range p.steps {
		if err := p.steps[i].check(written); err != nil {
			return fault.Wrap(err, "step %d of the pipeline", i+1)
		}
	}
	for _, at := range p.selected {
		if at < 0 || at >= p.registers || !written[at] {
			return fault.Invalidf("an engineered feature is read from %d: a number that is not there", at)
		}
	}
	p.sources = p.trace()
	return nil
}

// trace finds the raw features behind each engineered one.
func (p *Pipeline) trace() [][]int {
	from := make([][]int, p.registers)
	for i := range p.inputs {
		from[i] = []int{i}
	}
	for _, s := range p.steps {
		union := from[s.A]
		if s.Op.Pairs() {
			union = slices.Concat(union, from[s.B])
			slices.Sort(union)
			union = slices.Compact(union)
		}
		from[s.To] = union
	}
	out := make([][]int, len(p.selected))
	for i, at := range p.selected {
		out[i] = from[at]
	}
	return out
}

// Steps are the fitted steps; they must not be changed.
func (p *Pipeline) Steps() []Step { return p.steps }

// Engineered are the features that the inner predictor reads; they must not be changed.
func (p *Pipeline) Engineered() []Feature { return p.inner.Features }

// Inner is the predictor on the engineered features.
func (p *Pipeline) Inner() Predictor { return p.inner.Predictor }

// Width is the length of a prediction.
func (p *Pipeline) Width() int { return p.inner.Predictor.Width() }

// Engineer writes the engineered row of a raw row x to dst, one number a feature of Engineered.
func (p *Pipeline) Engineer(dst, x []float64) {
	b := p.take()
	copy(dst, p.work(*b, x))
	p.scratch.Put(b)
}

// take is a buffer for one row; it goes back to scratch, so that a prediction allocates nothing and may run beside others.
func (p *Pipeline) take() *[]float64 {
	if b, ok := p.scratch.Get().(*[]float64); ok {
		return b
	}
	b := make([]float64, p.registers+len(p.selected))
	return &b
}

// work runs the steps and gives the engineered row, which lies in b.
func (p *Pipeline) work(b, x []float64) []float64 {
	r, out := b[:p.registers], b[p.registers:]
	copy(r, x[:p.inputs])
	for i := range p.steps {
		s := &p.steps[i]
		r[s.To] = s.Value(r)
	}
	for i, at := range p.selected {
		out[i] = r[at]
	}
	return out
}

// Predict scores one raw row.
func (p *Pipeline) Predict(dst, x []float64) {
	b := p.take()
	p.inner.Predictor.Predict(dst, p.work(*b, x))
	p.scratch.Put(b)
}

// explainer is the inner predictor as what every predictor of this package is.
func (p *Pipeline) explainer() Explainer { return p.inner.Predictor.(Explainer) }

// Outputs is the number of raw scores.
func (p *Pipeline) Outputs() int { return p.explainer().Outputs() }

// Attribution names the method of Explain.
func (p *Pipeline) Attribution() string {
	return p.explainer().Attribution() + ", on engineered features: one made of several columns is divided equally among them"
}

// Raw writes the raw scores of one row.
func (p *Pipeline) Raw(dst, x []float64) {
	b := p.take()
	p.explainer().Raw(dst, p.work(*b, x))
	p.scratch.Put(b)
}

// Explain gives the contribution of each engineered feature to the raw columns it is made of, in equal parts, so that sums stay what they are.
func (p *Pipeline) Explain(dst, x []float64) { p.divide(dst, x, p.explainer().Explain) }

// divide takes the engineered row of x apart with explain and gives each part to the raw columns behind it.
func (p *Pipeline) divide(dst, x []float64, explain func(dst, x []float64)) {
	outputs, n, m := p.Outputs(), p.inputs, len(p.selected)
	parts := make([]float64, outputs*(m+1))
	b := p.take()
	explain(parts, p.work(*b, x))
	p.scratch.Put(b)
	clear(dst[:outputs*(n+1)])
	for o := range outputs {
		row, part := dst[o*(n+1):(o+1)*(n+1)], parts[o*(m+1):(o+1)*(m+1)]
		for i, from := range p.sources {
			for _, j := range from {
				row[j] += part[i] / float64(len(from))
			}
		}
		row[n] = part[m]
	}
}

// check reports whether p fits the model m and its inner predictor fits the engineered features.
func (p *Pipeline) check(m *Model) error {
	_, nested := p.inner.Predictor.(*Pipeline)
	_, calibrated := p.inner.Predictor.(*Calibrated)
	if nested || calibrated || p.inputs != len(m.Features) || p.inner.Task != m.Task || !slices.Equal(p.inner.Classes, m.Classes) {
		return fault.Invalidf("the pipeline reads %d columns for a %s task with %d classes, the model has %d for %s with %d",
			p.inputs, p.inner.Task, len(p.inner.Classes), len(m.Features), m.Task, len(m.Classes))
	}
	if err := p.inner.Check(); err != nil {
		return fault.Wrap(err, "the engineered features")
	}
	return nil
}

func (p *Pipeline) encode(w *wire.Writer) {
	w.Uint8(kindPipeline)
	w.Uint32(uint32(len(p.steps)))
	for i := range p.steps {
		p.steps[i].encode(w)
	}
	w.Section(p.inner.encodeFeatures)
	for _, at := range p.selected {
		w.Uint32(uint32(at))
	}
	p.inner.Predictor.(interface{ encode(*wire.Writer) }).encode(w)
}

func decodePipeline(r *wire.Reader, m *Model) *Pipeline {
	p := &Pipeline{inputs: len(m.Features), steps: make([]Step, r.Count(MaxSteps, leastStep)), inner: &Model{Task: m.Task, Target: "engineered", Classes: m.Classes}}
	for i := range p.steps {
		p.steps[i].decode(r)
	}
	r.Section(p.inner.decodeFeatures)
	if r.Err() != nil {
		return p
	}
	p.selected = make([]int, len(p.inner.Features))
	for i := range p.selected {
		p.selected[i] = int(r.Uint32())
	}
	if r.Err() == nil {
		if err := p.prepare(); err != nil {
			r.Fail(err)
		}
	}
	if r.Err() == nil {
		p.inner.decodeInner(r.Uint8(), r) // a pipeline within a pipeline is refused: nothing writes one, and its depth would have no bound
	}
	return p
}

package model

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// examples are one small model of each kind of predictor and task.
func examples(t testing.TB) []*Model {
	trees := example(t)
	linear := *trees
	linear.Algorithm = "linear"
	linear.Predictor = &Linear{Task: dataset.Binary, Intercept: []float64{-0.5}, Terms: []Term{
		{Levels: -1, Centre: 54, Effect: []float64{0.1, 0.01, -0.2}},
		{Levels: 3, Effect: []float64{0, 1, -1, 0.5}},
		{Levels: -1, Centre: 0.3, Effect: []float64{1, 0, 0}}}}
	value := Model{Task: dataset.Regression, Target: "price", Algorithm: "baseline", Features: trees.Features, Predictor: &Baseline{Task: dataset.Regression, P: []float64{12.5}}}
	many := Model{Task: dataset.Multiclass, Target: "kind", Classes: []string{"x", "y", "z"}, Features: trees.Features}
	forest := NewTrees(Share, many.Features, []float64{0.2, 0.3, 0.5})
	for i := range 6 {
		if err := forest.Add([]Node{{Feature: 2, Threshold: 0.5}, {Feature: -1, Value: 0.1 * float64(i)}, {Feature: -1, Value: -0.1}}); err != nil {
			t.Fatal(err)
		}
	}
	many.Predictor = forest
	count := Model{Task: dataset.Regression, Target: "claims", Algorithm: "boosting", Features: trees.Features, Predictor: counting(t, trees.Features)}
	return []*Model{trees, &linear, &value, &many, &count, engineered(t)}
}

// counting predicts exp(0.5+1) where the third feature is at most 0.5, exp(0.5-2) and exp(0.5+1e3) beyond.
func counting(t testing.TB, features []Feature) *Trees {
	t.Helper()
	c := NewTrees(Log, features, []float64{0.5})
	if err := c.Add([]Node{{Feature: 2, Threshold: 0.5}, {Feature: -1, Value: 1}, {Feature: 2, Threshold: 9}, {Feature: -1, Value: -2}, {Feature: -1, Value: 1e3}}); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	for _, m := range examples(t) {
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m, back) {
			t.Errorf("%s %s:\n%+v\n%+v", m.Task, m.Algorithm, m, back)
		}
	}
}

// TestDecodeRefusesDamage: any changed byte, any shorter and any longer file is an error that says so, never another model.
func TestDecodeRefusesDamage(t *testing.T) {
	for _, m := range examples(t) {
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			damaged := bytes.Clone(b)
			damaged[i] ^= 0x10
			if _, err := Decode(damaged); !fault.Is(err, fault.Invalid) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
			if _, err := Decode(b[:i]); !fault.Is(err, fault.Invalid) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
		if _, err := Decode(append(bytes.Clone(b), 0)); !fault.Is(err, fault.Invalid) {
			t.Errorf("one byte more: %v", err)
		}
	}
	if _, err := Decode(make([]byte, MaxBytes+1)); fault.CodeOf(err) != fault.CodeTooLarge {
		t.Errorf("too large: %v", err)
	}
}

// sealed joins sections to an artefact whose checksum holds, so that what they say is looked at.
func sealed(header, features, predictor []byte) []byte {
	var w wire.Writer
	for _, s := range [][]byte{header, features, predictor} {
		w.Section(func(w *wire.Writer) { w.Bytes = append(w.Bytes, s...) })
	}
	return wire.Seal(magic, formatVersion, w.Bytes)
}

// sections are the three parts of m's artefact.
func sections(m *Model) (header, features, predictor []byte) {
	var parts [3]wire.Writer
	m.encodeHeader(&parts[0])
	m.encodeFeatures(&parts[1])
	m.Predictor.(interface{ encode(*wire.Writer) }).encode(&parts[2])
	return parts[0].Bytes, parts[1].Bytes, parts[2].Bytes
}

// TestDecodeRefusesForgeries: files that are whole but do not hold a model.
func TestDecodeRefusesForgeries(t *testing.T) {
	base := func() *Model { return examples(t)[1] }
	forge := map[string]func(m *Model){
		"an unknown task":         func(m *Model) { m.Task = "guess" },
		"classes of another task": func(m *Model) { m.Classes = []string{"a", "b", "c"} },
		"a feature twice":         func(m *Model) { m.Features[2].Name = "age" },
		"levels out of order":     func(m *Model) { m.Features[1].Levels = []string{"b", "a", "c"} },
		"a level too few":         func(m *Model) { m.Features[1].Levels = []string{"a", "b"} },
		"another kind":            func(m *Model) { m.Features[1].Kind, m.Features[1].Levels = dataset.Numeric, nil },
		"an unknown kind":         func(m *Model) { m.Features[1].Kind = 9 },
		"no features":             func(m *Model) { m.Features = nil },
		"a weight too great":      func(m *Model) { m.Predictor.(*Linear).Intercept[0] = 1e101 },
		"a weight not finite":     func(m *Model) { m.Predictor.(*Linear).Intercept[0] = math.NaN() },
		"two scores for binary":   func(m *Model) { m.Predictor.(*Linear).Intercept = []float64{1, 2} },
		"a term too few":          func(m *Model) { l := m.Predictor.(*Linear); l.Terms = l.Terms[:2] },
		"a share of 0":            func(m *Model) { m.Predictor = &Baseline{Task: m.Task, P: []float64{0, 1}} },
		"shares that sum to 2":    func(m *Model) { m.Predictor = &Baseline{Task: m.Task, P: []float64{0.9, 0.9}} },
		"trees linked as a value": func(m *Model) { m.Predictor = NewTrees(Identity, m.Features, []float64{0}) },
		"an unknown link":         func(m *Model) { m.Predictor = NewTrees(77, m.Features, []float64{0}) },
		"trees without a base":    func(m *Model) { m.Predictor = NewTrees(Logit, m.Features, nil) },
		"a threshold beyond 1":    func(m *Model) { m.Threshold = 1.5 },
		"a pipeline in another": func(m *Model) {
			m.Predictor = forged(func(p *Pipeline) { p.inner.Predictor = forged(func(*Pipeline) {}) })
		},
		"an unknown step":         func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.steps[0].Op = lastOp + 1 }) },
		"a step without numbers":  func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.steps[0].P = nil }) },
		"a scale of 0":            func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.steps[1].P = []float64{1, 0} }) },
		"a step from nowhere":     func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.steps[0].A = 3 }) },
		"a step far away":         func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.steps[0].To = 1 << 31 }) },
		"a gap among registers":   func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.selected[0] = 5 }) },
		"a feature from nowhere":  func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.selected[0] = 77 }) },
		"an engineered one twice": func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.inner.Features[1].Name = "age" }) },
		"no engineered features":  func(m *Model) { m.Predictor = forged(func(p *Pipeline) { p.inner.Features, p.selected = nil, nil }) },
	}
	if _, err := Decode(sealed(sections(base()))); err != nil {
		t.Fatalf("the model to be forged: %v", err)
	}
	for name, f := range forge {
		m := base()
		m.Features = append([]Feature(nil), m.Features...)
		f(m)
		if _, err := Decode(sealed(sections(m))); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: whatever the sections hold, Decode neither panics nor takes much memory; and a model that it accepts predicts anything
// without panic, gives well-formed answers, explains them, and is written as the same bytes again.
func FuzzDecode(f *testing.F) {
	for _, m := range examples(f) {
		header, features, predictor := sections(m)
		f.Add(header, features, predictor)
	}
	f.Add([]byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, header, features, predictor []byte) {
		b := sealed(header, features, predictor)
		m, err := Decode(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("written again as %d bytes instead of %d: %v", len(again), len(b), err)
		}
		p, x := make([]float64, m.Width()), make([]float64, len(m.Features))
		for _, v := range []float64{0, 1, -1, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 63, 64} {
			for j := range x {
				x[j] = v
			}
			m.Predict(p, x)
			m.Explain(x, 0)
			var sum float64
			for _, q := range p {
				sum += q
			}
			if math.IsNaN(sum) || math.IsInf(sum, 0) || m.Task != dataset.Regression && math.Abs(sum-1) > 1e-9 {
				t.Fatalf("%g everywhere is predicted as %v", v, p)
			}
		}
	})
}

// FuzzDecodeRaw does the same for files that are not even sealed.
func FuzzDecodeRaw(f *testing.F) {
	b, err := example(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Decode(b); err == nil {
			if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("accepted, but written differently: %v", err)
			}
		}
	})
}

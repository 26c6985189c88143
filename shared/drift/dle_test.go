package drift

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// house draws a regression whose noise depends on a number and a category: rows with great size, and those of the group "wild", are missed by more.
// shift moves the sizes, wild is the share of that group, and concept multiplies the noise everywhere.
func (w world) house(n int, shift, wild, concept float64) (*dataset.Frame, []float64, dataset.Labels) {
	size, noise, group := w.numbers(n, w.NormFloat64), w.numbers(n, w.NormFloat64), make([]string, n)
	l := dataset.Labels{Name: "price", Task: dataset.Regression, Y: make([]float64, n)}
	yhat := make([]float64, n)
	for i := range size {
		size[i] += shift
		scale := math.Exp(0.6*size[i]) * concept
		if group[i] = "calm"; w.Float64() < wild {
			group[i], scale = "wild", 2*scale
		}
		yhat[i] = 10 + 2*size[i]
		l.Y[i] = yhat[i] + scale*w.NormFloat64()
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("size", size), dataset.NumericColumn("noise", noise), dataset.CategoricalColumn("group", group, nil))
	if err != nil {
		panic(err)
	}
	return f, yhat, l
}

func (w world) houseProfile(t testing.TB, n int) *Profile {
	t.Helper()
	f, yhat, l := w.house(n, 0, 0.2, 1)
	p, err := NewProfile(Reference{Model: "house", Frame: f, Labels: l, Predictions: yhat})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Without labels the error is expected where the rows got harder, not where the world changed; the interval holds what labels show later.
func TestDirectLossEstimation(t *testing.T) {
	for _, c := range []struct {
		name                string
		shift, wild, noise  float64
		estimated, realised bool
	}{
		{"as it was", 0, 0.2, 1, false, false},
		{"harder rows", 0.5, 0.2, 1, true, true},
		{"a harder mixture", 0, 0.6, 1, true, true},
		{"easier rows", -0.5, 0.1, 1, false, false},
		{"another world", 0, 0.2, 1.4, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(41)
			p := w.houseProfile(t, 4000)
			f, yhat, l := w.house(3000, c.shift, c.wild, c.noise)
			r := measure(t, p, Window{Frame: f, Predictions: yhat, Labels: l.Y})
			e, got := r.Estimated, r.Realised
			if e == nil || e.Significant != c.estimated || got.Significant != c.realised || !strings.Contains(e.Assumption, "concept") {
				t.Fatalf("estimated %+v\nrealised %+v", e, got)
			}
			if c.noise == 1 && (got.Value < e.Low || got.Value > e.High) {
				t.Errorf("labels show %v, expected %v to %v", got.Value, e.Low, e.High)
			}
			if b := r.ExpectedBands["mae"]; c.noise == 1 && (r.RealisedMetrics["mae"].Value < b[0] || r.RealisedMetrics["mae"].Value > b[1]) {
				t.Errorf("mae %v, expected %v in %v", r.RealisedMetrics["mae"].Value, r.Expected["mae"], b)
			}
			t.Logf("rmse %.3f [%.3f, %.3f], realised %.3f, was %.3f", e.Value, e.Low, e.High, got.Value, got.Reference)
		})
	}
}

// held fails unless a 95 % interval held in as many windows as it should: the share, less two of its own standard errors.
func held(t *testing.T, what string, hit, total int) {
	t.Helper()
	t.Logf("%s: the interval holds what labels show in %d of %d windows", what, hit, total)
	if share(hit, total) < 0.95-2*math.Sqrt(0.95*0.05/float64(total)) {
		t.Errorf("%s: the interval holds what labels show in %d of %d windows only", what, hit, total)
	}
}

// The interval of the estimate holds the realised error in 95 % of windows whose rows got harder by some amount, and a window in which nothing
// changed is no loss in 99 %. The errors have heavy tails: their scale is log-normal. Set MLOPS_WINDOWS to simulate more references.
func TestDirectLossEstimationCoverage(t *testing.T) {
	w, hit, hitMAE, alarms, total := newWorld(42), 0, 0, 0, 0
	for range references(12) {
		p := w.houseProfile(t, 1500)
		for k := range 16 {
			f, yhat, l := w.house(400, 0.1*float64(k%4)-0.1, 0.2+0.1*float64(k/4), 1)
			r := measure(t, p, Window{Frame: f, Predictions: yhat, Labels: l.Y})
			total++
			if v := r.Realised.Value; r.Estimated.Low <= v && v <= r.Estimated.High {
				hit++
			}
			if v, b := r.RealisedMetrics["mae"].Value, r.ExpectedBands["mae"]; b[0] <= v && v <= b[1] {
				hitMAE++
			}
			f, yhat, _ = w.house(400, 0, 0.2, 1)
			if measure(t, p, Window{Frame: f, Predictions: yhat}).PerformanceLoss {
				alarms++
			}
		}
	}
	held(t, "rmse", hit, total)
	held(t, "mae", hitMAE, total)
	if alarms*100 > max(total, 100) {
		t.Errorf("%d alarms in %d windows in which nothing changed", alarms, total)
	}
}

// The error model is the same bytes each time, small, survives storage, reads broken windows, and is refused when it is damaged.
func TestErrorModelIsStored(t *testing.T) {
	p, again := newWorld(43).houseProfile(t, 2000), newWorld(43).houseProfile(t, 2000)
	stored := text(t, p)
	if !bytes.Equal(stored, text(t, again)) {
		t.Error("two fits of the same rows differ")
	}
	if n := len(p.Performance.Error.Absolute) + len(p.Performance.Error.Squared); n > 64<<10 {
		t.Errorf("the error model has %d bytes", n)
	}
	q, err := ReadProfile(stored)
	if err != nil {
		t.Fatal(err)
	}
	f, yhat, _ := newWorld(44).house(500, 0.3, 0.2, 1)
	want := measure(t, p, Window{Frame: f, Predictions: yhat})
	if got := measure(t, q, Window{Frame: f, Predictions: yhat}); got.Estimated.Value != want.Estimated.Value {
		t.Errorf("stored: %v, want %v", got.Estimated.Value, want.Estimated.Value)
	}
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = f.Column("size").Text(i)
	}
	texts[7] = "large"
	yhat[3] = math.NaN()
	for name, frame := range map[string]*dataset.Frame{
		"a column is missing":  f.Drop("size"),
		"a category, too":      f.Drop("group", "size"),
		"numbers come as text": {Columns: []dataset.Column{dataset.CategoricalColumn("size", texts, nil), *f.Column("noise"), *f.Column("group")}},
	} {
		r := measure(t, q, Window{Frame: frame, Predictions: yhat})
		if r.Estimated == nil || !r.Estimated.Value.Finite() || r.Estimated.N != 499 {
			t.Errorf("%s: %+v %s", name, r.Estimated, r.NoEstimate)
		}
	}
	bad := append([]byte(nil), p.Performance.Error.Squared...)
	bad[len(bad)/2] ^= 1
	p.Performance.Error = &ErrorModel{Absolute: p.Performance.Error.Absolute, Squared: bad, AbsoluteScale: 1, SquaredScale: 1}
	if _, err := ReadProfile(text(t, p)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a damaged error model: %v", err)
	}
}

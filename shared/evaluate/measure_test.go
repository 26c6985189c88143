package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// draw is a sample of a population in which p is the exact probability blurred by noise: a realistic, imperfect classifier.
func draw(r *rand.Rand, n int, noise float64) (y, p []float64) {
	for range n {
		logit := 1.5 * r.NormFloat64()
		v := 0.0
		if r.Float64() < sigmoid(logit) {
			v = 1
		}
		y, p = append(y, v), append(p, sigmoid(logit+noise*r.NormFloat64()))
	}
	return y, p
}

func TestAUCEqualsCountingPairs(t *testing.T) {
	r := random(1)
	for range 200 {
		n := 2 + r.IntN(40)
		y, s := make([]float64, n), make([]float64, n)
		for i := range y {
			y[i], s[i] = float64(r.IntN(2)), float64(r.IntN(8)) // many ties
		}
		var wins, pairs float64
		for i := range y {
			for j := range y {
				if y[i] == 1 && y[j] == 0 {
					pairs++
					switch {
					case s[i] > s[j]:
						wins++
					case s[i] == s[j]:
						wins += 0.5
					}
				}
			}
		}
		if got, want := AUC(y, s), wins/pairs; !near(got, want) {
			t.Fatalf("AUC(%v, %v) = %v, want %v", y, s, got, want)
		}
	}
}

// A weight says how often a row occurs: the weighted figure is that of the table with the rows repeated.
func TestWeightsRepeatRows(t *testing.T) {
	r := random(2)
	for _, metric := range []string{NameAUC, NameLogLoss, NameBrier, NameECE, NameRMSE} {
		y, p1 := draw(r, 50, 1)
		l, p := labels(dataset.Binary, 2, y), probabilities(p1)
		if metric == NameRMSE {
			l, p = labels(dataset.Regression, 0, y), p1
		}
		w := make([]int32, 50)
		var rows []int
		for i := range w {
			w[i] = int32(r.IntN(4))
			for range w[i] {
				rows = append(rows, i)
			}
		}
		again := Input{Labels: l, Champion: p, Challenger: p}.take(rows)
		got, want := prepare(metric, l, p)(w), prepare(metric, again.Labels, again.Champion)(nil)
		if !near(got, want) {
			t.Errorf("%s = %v with weights, %v with the rows repeated", metric, got, want)
		}
		if plain := statistic(metric, l, p).value; !near(prepare(metric, l, p)(nil), plain) {
			t.Errorf("%s: two definitions differ: %v and %v", metric, prepare(metric, l, p)(nil), plain)
		}
	}
}

// Of 95 % intervals 95 % hold the truth, here within what 400 repetitions and samples of 150 rows can show.
func TestIntervalsCover(t *testing.T) {
	const repetitions, n = 400, 150
	r := random(3)
	truth := func(task dataset.Task, sample func(n int) (dataset.Labels, []float64)) Metrics {
		m, err := Measure(sample(100_000))
		if err != nil {
			t.Fatal(task, err)
		}
		return m
	}
	binary := func(n int) (dataset.Labels, []float64) {
		y, p := draw(r, n, 0.5)
		return labels(dataset.Binary, 2, y), probabilities(p)
	}
	three := func(n int) (dataset.Labels, []float64) {
		l, p := labels(dataset.Multiclass, 3, nil), []float64(nil)
		for range n {
			a, b := r.NormFloat64(), r.NormFloat64()
			u, v := math.Exp(a+0.4*r.NormFloat64()), math.Exp(b+0.4*r.NormFloat64())
			x, class := r.Float64()*(math.Exp(a)+math.Exp(b)+1), 2.0
			if x < math.Exp(a) {
				class = 0
			} else if x < math.Exp(a)+math.Exp(b) {
				class = 1
			}
			l.Y, p = append(l.Y, class), append(p, u/(u+v+1), v/(u+v+1), 1/(u+v+1))
		}
		return l, p
	}
	line := func(n int) (dataset.Labels, []float64) {
		l, p := labels(dataset.Regression, 0, nil), []float64(nil)
		for range n {
			x := r.NormFloat64()
			l.Y, p = append(l.Y, x+0.5*r.NormFloat64()), append(p, 0.9*x)
		}
		return l, p
	}
	for _, c := range []struct {
		task   dataset.Task
		sample func(n int) (dataset.Labels, []float64)
	}{{dataset.Binary, binary}, {dataset.Multiclass, three}, {dataset.Regression, line}} {
		want := truth(c.task, c.sample)
		held := map[string]int{}
		for range repetitions {
			m, err := Measure(c.sample(n))
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range m {
				if e.Low <= want[name].Value && want[name].Value <= e.High {
					held[name]++
				}
			}
		}
		for _, name := range of(c.task) {
			coverage := float64(held[name]) / repetitions
			if name == NameECE { // biased upwards by construction, see its comment: no claim
				continue
			}
			if coverage < 0.915 || coverage > 0.985 {
				t.Errorf("%s %s: %.1f %% of the intervals hold %v", c.task, name, 100*coverage, want[name].Value)
			}
		}
	}
}

func TestBootstrapIntervalOfADifferenceCovers(t *testing.T) {
	const repetitions, n = 200, 150
	r := random(4)
	policy := DefaultPolicy()
	policy.Resamples = 300
	pair := func(n int) (dataset.Labels, []float64, []float64) {
		l, a, b := labels(dataset.Binary, 2, nil), []float64(nil), []float64(nil)
		for range n {
			logit := 1.5 * r.NormFloat64()
			v := 0.0
			if r.Float64() < sigmoid(logit) {
				v = 1
			}
			l.Y = append(l.Y, v)
			a, b = append(a, sigmoid(logit+1.2*r.NormFloat64())), append(b, sigmoid(logit+0.5*r.NormFloat64()))
		}
		return l, probabilities(a), probabilities(b)
	}
	l, a, b := pair(200_000)
	want := map[string]float64{}
	for _, metric := range []string{NameAUC, NameLogLoss, NameBrier} {
		d, err := Difference(metric, l, a, b)
		if err != nil || d.Value <= 0 {
			t.Fatal(metric, d, err)
		}
		want[metric] = float64(d.Value)
	}
	held, delta := map[string]int{}, map[string]int{}
	for range repetitions {
		l, a, b := pair(n)
		for _, c := range compare(policy, l, a, b, NameAUC, NameLogLoss, NameBrier) {
			if c.low <= want[c.metric] && want[c.metric] <= c.high {
				held[c.metric]++
			}
			if d, _ := Difference(c.metric, l, a, b); float64(d.Low) <= want[c.metric] && want[c.metric] <= float64(d.High) {
				delta[c.metric]++
			}
		}
	}
	for metric := range want {
		for how, count := range map[string]int{"bootstrap": held[metric], "delta method": delta[metric]} {
			if coverage := float64(count) / repetitions; coverage < 0.90 || coverage > 0.99 {
				t.Errorf("%s by the %s: %.1f %% of the intervals hold the difference", metric, how, 100*coverage)
			}
		}
	}
}

// Every resample has as many rows of each class as the sample, and so an AUC.
func TestBootstrapKeepsTheClasses(t *testing.T) {
	l := labels(dataset.Binary, 2, []float64{0, 0, 1, 0, 0, 0, 1})
	positives := func(w []int32) float64 { return float64(w[2] + w[6]) }
	first := func(w []int32) float64 { return float64(w[0]) }
	v := bootstrap(l, 300, 1, positives, first)
	if v[0][0] != 2 || v[0][299] != 2 {
		t.Errorf("from %v to %v positives in a resample, want 2", v[0][0], v[0][299])
	}
	if m := mean(v[1]); v[1][0] != 0 || math.Abs(m-1) > 0.25 {
		t.Errorf("a row occurs %v times in the mean, at least %v", m, v[1][0])
	}
	again := bootstrap(l, 300, 2, first)
	if slices.Equal(again[0], v[1]) {
		t.Error("another seed draws the same resamples")
	}
}

func TestMeasureOfExtremes(t *testing.T) {
	t.Run("perfect separation still has a width", func(t *testing.T) {
		m, err := Measure(labels(dataset.Binary, 2, []float64{0, 0, 0, 1, 1}), probabilities([]float64{0, 0, 0.1, 0.9, 1}))
		if err != nil {
			t.Fatal(err)
		}
		if a := m[NameAUC]; a.Value != 1 || a.High != 1 || !near(float64(a.Low), math.Sqrt(0.025)) {
			t.Errorf("auc %+v, want 1 with the low end of two trials that both succeed", a)
		}
		if f := m[NameF1]; f.Value != 1 || f.Low > 0.8 || f.Low <= 0 {
			t.Errorf("f1 %+v", f)
		}
	})
	t.Run("one class present", func(t *testing.T) {
		m, err := Measure(labels(dataset.Binary, 2, []float64{0, 0, 0}), probabilities([]float64{0.1, 0.2, 0.9}))
		if err != nil || m[NameAUC].Value.Finite() || !m[NameLogLoss].Value.Finite() || m[NameAUC].N != 3 {
			t.Errorf("%+v %v", m, err)
		}
	})
	t.Run("one row", func(t *testing.T) {
		for _, l := range []dataset.Labels{labels(dataset.Binary, 2, []float64{1}), labels(dataset.Regression, 0, []float64{1})} {
			p := []float64{0.25, 0.75}[:max(1, len(l.Classes))]
			m, err := Measure(l, p)
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range m {
				if name != NameAUC && name != NameR2 && !(e.Low <= e.Value && e.Value <= e.High) {
					t.Errorf("%s %+v", name, e)
				}
			}
		}
	})
}

func TestMeasureNamesWhatIsWrong(t *testing.T) {
	nan := math.NaN()
	binary := func(y ...float64) dataset.Labels { return labels(dataset.Binary, 2, y) }
	for _, c := range []struct {
		name  string
		l     dataset.Labels
		p     []float64
		codes []string
	}{
		{"no rows", binary(), nil, []string{"empty"}},
		{"no task", dataset.Labels{Y: []float64{1}}, []float64{1}, []string{"unknown_task"}},
		{"labels and predictions both", binary(0, nan, 2), []float64{0.5, 0.5, nan, 0.5, 0.5, 0.5}, []string{"out_of_range", "non_finite"}},
		{"too few predictions", binary(0, 1), []float64{0.5, 0.5}, []string{"wrong_length"}},
		{"not probabilities", binary(0, 1), []float64{-1, 2, 0.4, 0.3}, []string{"out_of_range", "not_a_distribution"}},
		{"half a class", binary(0, 0.5), []float64{0.5, 0.5, 0.5, 0.5}, []string{"out_of_range"}},
		{"infinite value", labels(dataset.Regression, 0, []float64{1, math.Inf(1)}), []float64{1, 2}, []string{"non_finite"}},
		{"one class declared", labels(dataset.Multiclass, 1, []float64{0}), []float64{1}, []string{"out_of_range"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Measure(c.l, c.p)
			var codes []string
			for _, d := range fault.Details(err) {
				codes = append(codes, d.Code)
			}
			if !fault.Is(err, fault.Invalid) || !slices.Equal(codes, c.codes) {
				t.Errorf("%v: codes %v, want %v", err, codes, c.codes)
			}
		})
	}
	if _, err := Difference("acu", binary(0, 1), []float64{1, 0, 0, 1}, []float64{1, 0, 0, 1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown metric gives %v", err)
	}
}

func BenchmarkMeasureBinary10k(b *testing.B) {
	y, p := draw(random(5), 10_000, 1)
	l, q := labels(dataset.Binary, 2, y), probabilities(p)
	for b.Loop() {
		if _, err := Measure(l, q); err != nil {
			b.Fatal(err)
		}
	}
}

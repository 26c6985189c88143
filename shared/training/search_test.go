package training

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/explain"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// A ladder gives the better half twice the folds, and a plan never takes more fits than the budget.
func TestPlanKeepsToTheBudget(t *testing.T) {
	if got := ladder(8, 5); !reflect.DeepEqual(got, []rung{{8, 1}, {4, 2}, {2, 4}, {1, 5}}) || cost(got) != 8+4+4+1 {
		t.Errorf("%v costs %d", got, cost(got))
	}
	for _, candidates := range []int{1, 2, 5, 12, 40} {
		for _, folds := range []int{2, 3, 5, 10} {
			for budget := 2*folds + 1; budget < 300; budget++ {
				rungs, err := plan(budget, candidates, folds)
				if err != nil {
					t.Fatal(err)
				}
				spent := folds + candidates*folds + 1
				if rungs != nil {
					spent = folds + cost(rungs) + 1
					if last := rungs[len(rungs)-1]; last.folds != folds || last.candidates < 1 {
						t.Fatalf("%v ends before all folds", rungs)
					}
				}
				if spent > budget {
					t.Fatalf("%d candidates, %d folds: %d of %d fits", candidates, folds, spent, budget)
				}
			}
			if _, err := plan(2*folds, candidates, folds); !fault.Is(err, fault.Invalid) {
				t.Errorf("%d fits are enough for %d folds", 2*folds, folds)
			}
		}
	}
}

func TestHalving(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 300, 3, true)
	for _, budget := range []int{11, 14, 20, 25} {
		var last Progress
		s := given(t, Spec{Budget: budget, Vote: 3})
		r, err := Train(f, l, s, nil, func(p Progress) { last = p })
		if err != nil {
			t.Fatal(err)
		}
		if r.Fits > budget || last.Done != last.Total || last.Total > budget {
			t.Errorf("%d of %d fits, progress %+v", r.Fits, budget, last)
		}
		for _, c := range r.Candidates[1:] {
			if len(c.Folds) < 5 && !strings.HasPrefix(c.Note, "halved after ") && !strings.HasPrefix(c.Note, "not tried: the budget") {
				t.Errorf("budget %d: %s has %d folds and the note %q", budget, c.Name(), len(c.Folds), c.Note)
			}
		}
		if again := train(t, f, l, s); !same(again, r) {
			t.Errorf("budget %d: another result", budget)
		}
	}
	if r := train(t, f, l, Spec{Budget: 20}); r.Algorithm != "boosting" {
		t.Errorf("20 fits find %s where a line cannot follow", r.Algorithm)
	}
}

// memory keeps fits as a store would, and counts.
type memory struct {
	fits      map[string][]float64
	got, kept int
}

func (m *memory) Get(key string) []float64 {
	if p, ok := m.fits[key]; ok {
		m.got++
		return p
	}
	return nil
}

func (m *memory) Put(key string, p []float64) {
	m.fits[key] = slices.Clone(p)
	m.kept++
}

// A training that is killed after any number of fits goes on where it stood: no fit is made twice, and the artefact is the same to the byte.
func TestCutShortAndTakenUpAgain(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 200, 5, true)
	type killed struct{}
	for _, s := range []Spec{{Vote: 3, Calibrate: true, Nested: 50}, {Vote: 3, Budget: 18}} {
		s = given(t, s)
		whole := train(t, f, l, s)
		want := encode(t, whole.Model)
		for after := 0; after < whole.Fits; after += 3 {
			m := &memory{fits: map[string][]float64{}}
			s.Kept = m
			func() {
				defer func() {
					if v := recover(); v != nil && v != any(killed{}) {
						panic(v)
					}
				}()
				_, _ = Train(f, l, s, nil, func(p Progress) {
					if m.kept > after {
						panic(killed{}) // between two fits, as a process dies
					}
				})
			}()
			before := m.kept
			r := train(t, f, l, s)
			if m.got != before || m.kept != whole.Fits-1 {
				t.Errorf("killed after %d fits: %d taken up, %d made in all of %d", before, m.got, m.kept, whole.Fits-1)
			}
			if got := encode(t, r.Model); !slices.Equal(got, want) {
				t.Errorf("killed after %d fits: another artefact", before)
			}
		}
	}
	// What another table, or other parameters, left is not taken.
	m := &memory{fits: map[string][]float64{}}
	train(t, f, l, given(t, Spec{Kept: m}))
	kept := m.kept
	for _, s := range []Spec{{Kept: m, Seed: 1}, {Kept: m, Folds: 3}, {Kept: m, Shape: Shape{ClassWeight: ClassWeight{Balanced: 1}}}} {
		m.got = 0
		train(t, f, l, s)
		if m.got > 0 {
			t.Errorf("%+v took %d fits of another training", s, m.got)
		}
	}
	if m.kept == kept {
		t.Error("nothing was kept")
	}
}

// A training that was stopped by the clock is repeated by the number of its fits.
func TestMostFitsRepeatsAStop(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 200, 5, false)
	for _, after := range []int{12, 17, 21} {
		fits := 0
		stopped, err := Train(f, l, given(t, Spec{Vote: 3, Calibrate: true}), func() bool { return fits >= after }, func(p Progress) { fits++ })
		if err != nil || !stopped.Interrupted {
			t.Fatalf("after %d: %v, interrupted %v", after, err, stopped.Interrupted)
		}
		stopped.Explanation = explain.Explanation{} // who is in a hurry goes without
		again := train(t, f, l, Spec{Vote: 3, Calibrate: true, MostFits: stopped.Fits - 1})
		again.Explanation = explain.Explanation{}
		if !slices.Equal(encode(t, again.Model), encode(t, stopped.Model)) || !same(again, stopped) {
			t.Errorf("after %d fits: another result", after)
		}
	}
}

// The vote of a line and of trees wins where the truth is a line and a bend; what it predicts is the mean of its members, in the fold as in the artefact.
func TestVoteWins(t *testing.T) {
	withTable(t, fit.Baseline{}, fit.Linear{C: 1}, fit.Boosting{Trees: 60, Leaves: 4, LearningRate: 0.1, MinLeaf: 10, L2: 1})
	r := rand.New(rand.NewPCG(8, 8))
	n := 800
	a, b := make([]float64, n), make([]float64, n)
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"no", "yes"}, Y: make([]float64, n)}
	for i := range n {
		a[i], b[i] = r.NormFloat64(), r.NormFloat64()
		if r.Float64() < 1/(1+math.Exp(-1.2*a[i]-1.2*(math.Abs(b[i])-0.8))) {
			l.Y[i] = 1
		}
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("a", a), dataset.NumericColumn("b", b))
	if err != nil {
		t.Fatal(err)
	}
	got := train(t, f, l, Spec{Vote: 3})
	single := train(t, f, l, Spec{})
	if got.Algorithm == "vote" {
		if len(got.Members()) != 2 || got.Candidates[len(got.Candidates)-1].Loss > chosen(single).Loss {
			t.Errorf("%v, loss %v, alone %v", got.Members(), got.Candidates[len(got.Candidates)-1].Loss, chosen(single).Loss)
		}
		v := got.Model.Predictor.(*model.Vote)
		x, p, q := []float64{0.3, -1}, make([]float64, 2), make([]float64, 2)
		sum := 0.0
		for _, m := range v.Members {
			m.Predict(q, x)
			sum += q[1] / 2
		}
		if v.Predict(p, x); math.Abs(p[1]-sum) > 1e-15 {
			t.Errorf("%v, the members' mean is %v", p, sum)
		}
	}
	// A vote that is asked for by name is the same as any estimator.
	vote := train(t, f, l, Spec{Algorithm: "vote", Params: fit.Vote{Members: []fit.Estimator{fit.Linear{C: 1}, fit.Linear{C: 0.1}}}.Params()})
	if vote.Algorithm != "vote" || len(vote.Members()) != 2 || !strings.HasPrefix(chosen(vote).Name(), "vote of linear C=1 + linear C=0.1") {
		t.Errorf("%s of %v", vote.Algorithm, vote.Members())
	}
	if got.Algorithm != "vote" {
		t.Errorf("chose %s", chosen(got).Name())
	}
}

// Of many candidates that all guess, the best one's cross-validated AUC is luck; the corrected estimate is a coin's.
func TestCorrectedHasNoLuck(t *testing.T) {
	const n, guessers, repeats = 120, 30, 60
	var luck, corrected, square float64
	for seed := range repeats {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, n)}
		for i := range l.Y {
			l.Y[i] = float64(i % 2)
		}
		run := &run{spec: Spec{Folds: 1, Nested: 200, Seed: uint64(seed)}, data: &fit.Data{Rows: n, Labels: l}, metric: evaluate.NameAUC, criterion: evaluate.NameLogLoss, held: [][]int{make([]int, n)}, fold: make([]int, n)}
		for i := range n {
			run.held[0][i], run.covered = i, append(run.covered, i)
		}
		best, value := math.Inf(1), 0.0
		for range guessers {
			p := make([]float64, 2*n)
			for i := range n {
				p[2*i+1] = 0.4 + 0.2*r.Float64()
				p[2*i] = 1 - p[2*i+1]
			}
			guess := &trial{estimator: stub{fit.Linear{C: 1}, 1000, nil}, eligible: true}
			if err := run.score(guess, 0, p); err != nil {
				t.Fatal(err)
			}
			run.trials = append(run.trials, guess)
			if loss := guess.loss(1); loss < best {
				best, value = loss, guess.scores[0]
			}
		}
		v := float64(run.corrected()[evaluate.NameAUC].Value)
		luck, corrected, square = luck+value/repeats, corrected+v/repeats, square+(v-0.5)*(v-0.5)/repeats
	}
	se := math.Sqrt(square / repeats)
	if luck < 0.58 || math.Abs(corrected-0.5) > 3*se {
		t.Errorf("the winner of %d guessers has an AUC of %.3f, corrected %.3f +- %.3f", guessers, luck, corrected, se)
	}
}

// The threshold is that of least cost, by trying all of them; of equals it is the one nearest to what theory says.
func TestThresholdCostsLeast(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		n := 1 + r.IntN(30)
		j := judge{costs: Costs{1 + float64(r.IntN(5)), 1 + float64(r.IntN(5))}, y: make([]float64, n), p: make([]float64, 2*n)}
		rows := make([]int, n)
		for i := range n {
			j.y[i], j.p[2*i+1], rows[i] = float64(r.IntN(2)), float64(r.IntN(11))/10, i
		}
		at := j.least(rows, j.costs.FalsePositive/(j.costs.FalsePositive+j.costs.FalseNegative))
		for _, other := range []float64{0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1} {
			if j.cost(rows, at) > j.cost(rows, other)+1e-9 {
				t.Fatalf("%v costs %v, %v costs %v", at, j.cost(rows, at), other, j.cost(rows, other))
			}
		}
		if at < 0 || at > 1 {
			t.Fatalf("threshold %v", at)
		}
	}
	f, l := population(dataset.Binary, 400, 9, false)
	d := train(t, f, l, Spec{Algorithm: "linear", Costs: Costs{FalseNegative: 9}})
	if d.Model.Threshold != d.Decision.Threshold || d.Decision.Threshold > 0.35 || d.Decision.Cost > d.Decision.AtHalf || d.Decision.HeldOut < d.Decision.Cost || d.Decision.Theory != 0.1 {
		t.Errorf("%+v", d.Decision)
	}
}

// overconfident triples the log-odds of what it wraps.
type overconfident struct{ fit.Estimator }

func (o overconfident) Fit(d *fit.Data, opt fit.Options) (model.Predictor, error) {
	p, err := o.Estimator.Fit(d, opt)
	if err != nil {
		return nil, err
	}
	return &model.Calibrated{Inner: p, By: model.Calibration{Method: model.Platt, A: 3}}, nil
}

// Probabilities that overstate are calibrated, and the log loss on rows that nobody saw falls; those of a line on a line stay as they are.
func TestCalibration(t *testing.T) {
	f, l := population(dataset.Binary, 600, 1, false)
	withTable(t, fit.Baseline{}, overconfident{fit.Linear{C: 1}})
	r, err := func() (Result, error) {
		s := given(t, Spec{Algorithm: "linear", Calibrate: true})
		return Train(f, l, s, nil, nil)
	}()
	if err != nil {
		t.Fatal(err)
	}
	if r.Calibrated.Method == "" || r.Calibrated.After > r.Calibrated.Before-0.05 {
		t.Fatalf("%+v", r.Calibrated)
	}
	fresh, truth := population(dataset.Binary, 4000, 2, false)
	p, err := r.Model.PredictFrame(fresh)
	if err != nil {
		t.Fatal(err)
	}
	raw := *r.Model
	raw.Predictor = r.Model.Predictor.(*model.Calibrated).Inner
	q, err := raw.PredictFrame(fresh)
	if err != nil {
		t.Fatal(err)
	}
	after, before := evaluate.LogLoss(truth.Y, p, 2), evaluate.LogLoss(truth.Y, q, 2)
	if after > before-0.05 || math.Abs(after-float64(r.Calibrated.After)) > 0.05 || math.Abs(float64(r.CV[evaluate.NameLogLoss].Value-r.Calibrated.After)) > 1e-12 {
		t.Errorf("log loss %v before, %v after, %v out of fold", before, after, r.Calibrated.After)
	}
	withTable(t, fit.Baseline{}, fit.Linear{C: 1})
	if plain := train(t, f, l, Spec{Calibrate: true}); plain.Calibrated.Method != "" || len(plain.Calibrated.Tried) != 3 {
		t.Errorf("a line on a line: %+v", plain.Calibrated)
	}
}

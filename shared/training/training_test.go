package training

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// population draws a table of two useful numbers, a useful category, and a number that says nothing; every tenth first number is
// missing. The target depends on score = 2 useful + kind effect, and on the square of the second number when curved.
func population(task dataset.Task, n int, seed uint64, curved bool) (*dataset.Frame, dataset.Labels) {
	r := rand.New(rand.NewPCG(seed, 1))
	first, second, noise, kind := make([]float64, n), make([]float64, n), make([]float64, n), make([]string, n)
	l := dataset.Labels{Name: "y", Task: task, Y: make([]float64, n)}
	for i := range n {
		first[i], second[i], noise[i] = r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		k := r.IntN(3)
		kind[i] = []string{"red", "green", "blue"}[k]
		score := 1.5*first[i] + float64(k) - 1
		if curved {
			score = 3*second[i]*second[i] - 3
		}
		switch task {
		case dataset.Binary:
			l.Classes = []string{"no", "yes"}
			if r.Float64() < 1/(1+math.Exp(-score)) {
				l.Y[i] = 1
			}
		case dataset.Multiclass:
			l.Classes = []string{"high", "low", "middle"}
			l.Y[i] = 2
			if v := score + 0.7*r.NormFloat64(); v > 1 {
				l.Y[i] = 0
			} else if v < -1 {
				l.Y[i] = 1
			}
		default:
			l.Y[i] = 10*score + 2*r.NormFloat64() + 100
		}
		if i%10 == 0 {
			first[i] = math.NaN()
		}
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("first", first), dataset.NumericColumn("second", second),
		dataset.NumericColumn("noise", noise), dataset.CategoricalColumn("kind", kind, func(string) bool { return false }))
	if err != nil {
		panic(err)
	}
	return f, l
}

// quick replaces the candidates by fewer ones of the same kinds.
func quick(t *testing.T) {
	withTable(t, fit.Baseline{}, fit.Linear{C: 1}, fit.Boosting{Trees: 60, Leaves: 6, LearningRate: 0.1, MinLeaf: 10, L2: 1, Bins: 32}, fit.Linear{C: 0.03},
		fit.Boosting{Trees: 20, Leaves: 15, LearningRate: 0.2, MinLeaf: 10, L2: 1, Bins: 32, Subsample: 0.8, FeatureShare: 0.8})
}

func train(t testing.TB, f *dataset.Frame, l dataset.Labels, s Spec) Result {
	t.Helper()
	r, err := Train(f, l, given(t, s), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// table are the candidates of a test; nil = the shipped ones.
var table []fit.Estimator

// given is a spec with a test's candidates.
func given(t testing.TB, s Spec) Spec {
	t.Helper()
	if s.Config != nil {
		return s
	}
	c := shipped(t)
	if table != nil {
		c.Candidates = nil
		s.tried = table[1:]
	}
	s.Config = &c
	return s
}

func chosen(r Result) (c Candidate) {
	for _, k := range r.Candidates {
		if k.Chosen {
			c = k
		}
	}
	return c
}

func TestTrainEveryTask(t *testing.T) {
	quick(t)
	for _, c := range []struct {
		task      dataset.Task
		curved    bool
		algorithm string
		limit     float64 // of the primary metric: what the population's own noise leaves
	}{
		{dataset.Binary, false, "linear", 0.80},
		{dataset.Binary, true, "boosting", 0.80},
		{dataset.Multiclass, false, "linear", 0.70},
		{dataset.Regression, false, "linear", 6.5},
		{dataset.Regression, true, "boosting", 12},
	} {
		name := string(c.task)
		if c.curved {
			name += " curved"
		}
		t.Run(name, func(t *testing.T) {
			f, l := population(c.task, 600, 1, c.curved)
			r := train(t, f, l, Spec{})
			if r.Algorithm != c.algorithm || chosen(r).Algorithm != c.algorithm || r.Model.Algorithm != c.algorithm {
				t.Errorf("chose %s of %+v", chosen(r).Name(), r.Candidates)
			}
			got := float64(r.CV[r.Metric].Value)
			if r.Metric != evaluate.Primary(c.task) || evaluate.Greater(r.Metric) && got < c.limit || !evaluate.Greater(r.Metric) && got > c.limit {
				t.Errorf("%s = %v, limit %v", r.Metric, got, c.limit)
			}
			if len(r.Candidates) != 5 || len(r.Folds) != 600 || len(r.Baseline) != len(r.OutOfFold) || r.Interrupted {
				t.Errorf("%d candidates, %d folds, %d and %d predictions", len(r.Candidates), len(r.Folds), len(r.Baseline), len(r.OutOfFold))
			}
			if b := r.Brier; b == nil != (c.task == dataset.Regression) || b != nil && (math.Abs(float64(b.Reliability-b.Resolution+b.Uncertainty+b.Within-b.Brier)) > 1e-12 || b.Brier != r.CV[evaluate.NameBrier].Value) {
				t.Errorf("Brier score %v, in parts %+v", r.CV[evaluate.NameBrier].Value, b)
			}
			// What was found out of fold holds on rows nobody saw.
			fresh, truth := population(c.task, 4000, 2, c.curved)
			p, err := r.Model.PredictFrame(fresh)
			if err != nil {
				t.Fatal(err)
			}
			m, err := evaluate.Measure(truth, p)
			if err != nil {
				t.Fatal(err)
			}
			if v, w := float64(m[r.Metric].Value), float64(r.CV[r.Metric].SE); math.Abs(v-got) > 4*w {
				t.Errorf("%s = %v out of fold, %v on fresh rows, SE %v", r.Metric, got, v, w)
			}
			importance := map[string]float64{}
			for _, feature := range r.Model.Features {
				importance[feature.Name] = feature.Importance
			}
			useful := "first"
			if c.curved {
				useful = "second"
			}
			if importance[useful] < 20*importance["noise"] || importance[useful] <= 0 || importance["noise"] < 0 {
				t.Errorf("importance %v", importance)
			}
		})
	}
}

// Every row is predicted by a model that did not see it: where the target is a coin, no candidate does better than a coin.
func TestOutOfFoldDoesNotLeak(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 400, 3, false)
	r := rand.New(rand.NewPCG(9, 9))
	for i := range l.Y {
		l.Y[i] = float64(r.IntN(2))
	}
	for _, algorithm := range []string{Auto, "boosting"} {
		got := train(t, f, l, Spec{Algorithm: algorithm})
		auc := got.CV[evaluate.NameAUC]
		if auc.Value > 0.6 || auc.Value < 0.4 {
			t.Errorf("%s: AUC %v of a coin", algorithm, auc)
		}
		if algorithm == Auto && got.Algorithm != "baseline" {
			t.Errorf("chose %s where nothing can be learnt", chosen(got).Name())
		}
	}
}

func TestTheSameModelOnAnyNumberOfThreads(t *testing.T) {
	quick(t)
	for _, c := range []struct {
		task   dataset.Task
		curved bool
		rows   int // many enough, once, for the fits to share their work out
	}{{dataset.Binary, false, 300}, {dataset.Binary, true, 9_000}, {dataset.Multiclass, true, 300}, {dataset.Regression, true, 300}} {
		f, l := population(c.task, c.rows, 4, c.curved)
		var want []byte
		var first Result
		for _, threads := range []int{1, 2, 8} {
			r := train(t, f, l, Spec{Seed: 11, Folds: 2, Threads: threads})
			b, err := r.Model.Encode()
			if err != nil {
				t.Fatal(err)
			}
			r.Model = nil
			if want == nil {
				want, first = b, r
				continue
			}
			if !bytes.Equal(b, want) || !same(r, first) {
				t.Errorf("%s: another result on %d threads", c.task, threads)
			}
		}
		other := train(t, f, l, Spec{Seed: 12, Folds: 2})
		if slices.Equal(other.Folds, first.Folds) {
			t.Errorf("%s: another seed deals the same folds", c.task)
		}
	}
}

// same compares two results, NaN being equal to itself.
func same(a, b Result) bool {
	ca, cb := a.Candidates, b.Candidates
	a.Candidates, b.Candidates = nil, nil
	a.Spec, b.Spec = Spec{}, Spec{} // they differ in the threads
	if !reflect.DeepEqual(a, b) || len(ca) != len(cb) {
		return false
	}
	for i := range ca {
		if !slices.Equal(ca[i].Folds, cb[i].Folds) || ca[i].Note != cb[i].Note || ca[i].Chosen != cb[i].Chosen {
			return false
		}
	}
	return true
}

func TestStopKeepsTheBestSoFar(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 200, 5, false)
	finished := 0
	for after := range 28 {
		fits := 0
		stop := func() bool { return fits > after }
		r, err := Train(f, l, given(t, Spec{}), stop, func(p Progress) { fits = p.Done })
		if err != nil {
			if !fault.Is(err, fault.Unavailable) || finished > 0 {
				t.Fatalf("stopped after %d: %v", after, err)
			}
			continue
		}
		finished++
		cut := slices.ContainsFunc(r.Candidates, func(c Candidate) bool { return strings.Contains(c.Note, "stopped") })
		if r.Algorithm == "baseline" || len(r.OutOfFold) != 400 || r.Interrupted != cut || cut && r.Fits > after+2 {
			t.Errorf("stopped after %d: %s, interrupted %v", after, r.Algorithm, r.Interrupted)
		}
	}
	if finished == 0 {
		t.Error("no training finished")
	}
	stopped := func() bool { return true }
	if _, err := Train(f, l, given(t, Spec{}), stopped, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("stopped at once: %v", err)
	}
}

func TestProgress(t *testing.T) {
	f, l := population(dataset.Binary, 600, 6, true)
	tried := 1 + len(shipped(t).Candidates)
	var all []Progress
	r, err := Train(f, l, given(t, Spec{}), nil, func(p Progress) { all = append(all, p) })
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if i > 0 && p.Done <= all[i-1].Done || p.Total != tried*5+1 || p.Metric != evaluate.NameAUC {
			t.Errorf("step %d: %+v", i, p)
		}
		if i > 0 && p.Best != all[i-1].Best && p.BestName == all[i-1].BestName && all[i-1].Best.Finite() {
			t.Errorf("step %d: %s was %v and is %v", i, p.BestName, all[i-1].Best, p.Best)
		}
	}
	last := all[len(all)-1]
	if all[0].Done != 0 || all[0].Running != "baseline" || last.Done != last.Total || last.Running != "" || len(all) != r.Fits+1 {
		t.Errorf("from %+v to %+v in %d steps, %d fits", all[0], last, len(all), r.Fits)
	}
	// A line cannot follow a parabola: the weaker lines are given up after the first folds, and it is said.
	dropped := 0
	for _, c := range r.Candidates {
		if strings.HasPrefix(c.Note, "dropped after ") && len(c.Folds) < 5 {
			dropped++
		}
	}
	if dropped < 4 || r.Algorithm != "boosting" {
		t.Errorf("%d dropped, chose %s", dropped, r.Algorithm)
	}
}

func TestNamedAlgorithm(t *testing.T) {
	quick(t)
	f, l := population(dataset.Binary, 200, 7, false)
	for _, c := range []struct {
		name   string
		spec   Spec
		tried  int
		params map[string]any
	}{
		{"one set of parameters", Spec{Algorithm: "linear", Params: map[string]any{"C": 0.5}}, 2, map[string]any{"C": 0.5}},
		{"the algorithm's candidates", Spec{Algorithm: "linear"}, 3, nil},
		{"an algorithm that the search does not try", Spec{Algorithm: "forest"}, 2, nil},
		{"the baseline alone", Spec{Algorithm: "baseline"}, 1, map[string]any{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := train(t, f, l, c.spec)
			if r.Algorithm != c.spec.Algorithm || len(r.Candidates) != c.tried || c.params != nil && !reflect.DeepEqual(r.Params, c.params) {
				t.Errorf("%s %v of %d", r.Algorithm, r.Params, len(r.Candidates))
			}
			if auc, err := evaluate.Score(evaluate.NameAUC, l, r.Baseline); err != nil || math.Abs(auc-0.5) > 0.1 {
				t.Errorf("the baseline has an AUC of %v, %v", auc, err)
			}
		})
	}
}

func TestTrainNamesWhatIsWrong(t *testing.T) {
	f, l := population(dataset.Binary, 60, 8, false)
	few := l
	few.Y = make([]float64, 60)
	few.Y[3], few.Y[4], few.Y[5] = 1, 1, 1
	one := l
	one.Y = make([]float64, 60)
	one.Y[3] = 1
	target := l
	target.Name = "first>0"
	broken := l
	broken.Y = append([]float64{math.NaN()}, l.Y[1:]...)
	for _, c := range []struct {
		name string
		f    *dataset.Frame
		l    dataset.Labels
		s    Spec
		want []string // field, and a part of what is expected
	}{
		{"no table", nil, l, Spec{}, []string{"table: rows with"}},
		{"misspelt algorithm", f, l, Spec{Algorithm: "bosting"}, []string{"algorithm: perhaps boosting"}},
		{"misspelt auto", f, l, Spec{Algorithm: "atuo"}, []string{"algorithm: perhaps auto"}},
		{"misspelt parameter and wrong folds", f, l, Spec{Algorithm: "boosting", Params: map[string]any{"leafs": 3, "trees": -1}, Threads: -1},
			[]string{"threads: 0 to", "leafs: perhaps leaves", "trees: "}},
		{"parameters of nothing", f, l, Spec{Params: map[string]any{"C": 1}}, []string{"params: none with auto"}},
		{"more folds than rows of a class", f, few, Spec{Folds: 5}, []string{`folds: at most 3, the 3 rows of class "yes"`}},
		{"a single fold", f, l, Spec{Folds: 1}, []string{"folds: 2 to 50"}},
		{"a class with one row", f, one, Spec{}, []string{"labels: at least two rows of every class"}},
		{"labels of other rows", f, l.Take([]int{1, 2, 3}), Spec{}, []string{"labels: 60, one a row"}},
		{"the target among the features", f, target, Spec{}, []string{"first: a table without"}},
		{"a label that is none", f, broken, Spec{}, []string{"labels: a finite value"}},
		{"no classes", f, dataset.Labels{Task: dataset.Binary, Y: l.Y}, Spec{}, []string{"task: binary with 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Train(c.f, c.l, given(t, c.s), nil, nil)
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			d := fault.Details(err)
			if len(d) != len(c.want) {
				t.Fatalf("%v, want %q", d, c.want)
			}
			for i, want := range c.want {
				if got := d[i].Field + ": " + d[i].Expected; !strings.HasPrefix(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			}
		})
	}
	if r := train(t, f, few, Spec{Algorithm: "linear"}); slices.Max(r.Folds) != 2 {
		t.Errorf("three rows of a class make %d folds", slices.Max(r.Folds)+1)
	}
}

// stub is an estimator that fails, or predicts the wrapped one's output.
type stub struct {
	fit.Estimator
	complexity int
	err        error
}

func (s stub) Complexity() int { return s.complexity }
func (s stub) Fit(d *fit.Data, o fit.Options) (model.Predictor, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Estimator.Fit(d, o)
}

func withTable(t *testing.T, list ...fit.Estimator) {
	saved := table
	table = list
	t.Cleanup(func() { table = saved })
}

func TestAFailingCandidateIsPassedOver(t *testing.T) {
	f, l := population(dataset.Binary, 200, 10, false)
	fails := stub{fit.Linear{C: 2}, 5, fault.Invalidf("the matrix is singular")}
	withTable(t, fit.Baseline{}, fails, fit.Linear{C: 1})
	r := train(t, f, l, Spec{})
	if r.Algorithm != "linear" || r.Candidates[1].Note != "failed: the matrix is singular" || r.Candidates[1].Chosen {
		t.Errorf("%+v", r.Candidates)
	}
	also := stub{fit.Linear{C: 3}, 5, fails.err}
	withTable(t, fit.Baseline{}, fails, also)
	_, err := Train(f, l, given(t, Spec{Algorithm: "linear"}), nil, nil)
	if !fault.Is(err, fault.Invalid) || strings.Count(err.Error(), "singular") != 2 {
		t.Errorf("all failed: %v", err)
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Err == nil {
		t.Errorf("the causes are lost: %v", err)
	}
}

// Two candidates with the very same predictions differ by nothing: the simpler wins, wherever it stands. One that is consistently worse
// does not win, however simple.
func TestTheSimplerOfEqualsWins(t *testing.T) {
	f, l := population(dataset.Binary, 300, 11, false)
	complicated, simple := stub{fit.Linear{C: 1}, 900, nil}, stub{fit.Linear{C: 1}, 800, nil}
	for _, list := range [][]fit.Estimator{{fit.Baseline{}, complicated, simple}, {fit.Baseline{}, simple, complicated}} {
		withTable(t, list...)
		r := train(t, f, l, Spec{})
		for i, c := range r.Candidates {
			if c.Chosen != (list[i] == fit.Estimator(simple)) {
				t.Errorf("%+v", r.Candidates)
			}
		}
	}
	withTable(t, fit.Baseline{}, stub{fit.Linear{C: 1}, 900, nil})
	if r := train(t, f, l, Spec{}); r.Algorithm != "linear" {
		t.Errorf("chose %s", r.Algorithm)
	}
}

// shared finds a file of the public data sets, and skips the test where they are not.
func shared(t testing.TB, name string) string {
	t.Helper()
	for _, root := range []string{os.Getenv("MLOPS_SHARED"), "../../../shared"} {
		if p := filepath.Join(root, "data", name); root != "" {
			if _, err := os.Stat(p); err == nil {
				return p
			}
		}
	}
	t.Skipf("%s is not here: set MLOPS_SHARED to the directory that holds data/", name)
	return ""
}

// heart is the Cleveland set: 303 patients, the target being any disease.
func heart(t testing.TB) (*dataset.Frame, dataset.Labels) {
	t.Helper()
	file, err := os.Open(shared(t, "heart_cleveland.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f, err := dataset.ReadCSV(file, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	target, err := dataset.ParseTarget("num>0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := target.Labels(f, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return f.Drop("num"), l
}

// scikit-learn's logistic regression has 0.907 on these patients, mean of 15 folds, with a standard error of about 0.008.
func TestHeart(t *testing.T) {
	f, l := heart(t)
	r := train(t, f, l, Spec{Threads: 2})
	if auc := r.CV[evaluate.NameAUC]; auc.Value < 0.90 || auc.Value > 0.93 {
		t.Errorf("AUC %+v with %s", auc, chosen(r).Name())
	}
	if c := chosen(r); c.Mean < 0.90 || len(r.Candidates) != 1+len(shipped(t).Candidates) {
		t.Errorf("chose %+v of %d", c, len(r.Candidates))
	}
	for _, c := range r.Candidates {
		t.Logf("%-55s %.4f +- %.4f  %.4f %v %s", c.Name(), float64(c.Mean), float64(c.SE), float64(c.Loss), c.Chosen, c.Note)
	}
}

func BenchmarkHeart(b *testing.B) {
	f, l := heart(b)
	for b.Loop() {
		train(b, f, l, Spec{Threads: 2})
	}
}

// TestEarlyStoppingIsTold: the run says where the last fit stopped, and parameters that do not suit the data are refused before the first one.
func TestEarlyStoppingIsTold(t *testing.T) {
	f, l := population(dataset.Binary, 400, 1, true)
	r, err := Train(f, l, Spec{Algorithm: "boosting", Params: map[string]any{"trees": 300, "learning_rate": 0.3, "early_stopping": 5}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	chosen := r.Candidates[len(r.Candidates)-1]
	if !chosen.Chosen || !strings.HasPrefix(chosen.Note, "early stopping kept ") {
		t.Errorf("the chosen candidate is %+v", chosen)
	}
	fitted := false
	_, err = Train(f, l, Spec{Algorithm: "boosting", Params: map[string]any{"loss": "poisson", "monotone": map[string]any{"nobody": 1}}}, nil, func(p Progress) { fitted = fitted || p.Done > 0 })
	if d := fault.Details(err); len(d) != 2 || d[0].Field != "loss" || d[1].Field != "monotone" || fitted {
		t.Errorf("a loss for counts on classes: %v (a fit was done: %v)", err, fitted)
	}
}

package drift

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/drift/domain"
	"mlops/shared/drift/joint"
)

// paired is a frame of w in which normal1 goes with normal0 by the correlation rho; each by itself is as it was.
func (w world) paired(n int, rho float64) *dataset.Frame {
	f := w.frame(n)
	a, b := f.Column("normal0").Float, f.Column("normal1").Float
	for i := range b {
		b[i] = float64(rho*a[i]) + float64(math.Sqrt(1-rho*rho)*b[i])
	}
	return f
}

// A correlation of two columns of thirty turns its sign: no column is found to drift, and both ways of looking at them together find it
// and name the two.
func TestCorrelationFlip(t *testing.T) {
	windows, rows := references(2), fewer(10_000, 4000)
	for _, rho := range []float64{0.9, 0.6}[fewer(0, 1):] {
		w := newWorld(uint64(1000 * rho))
		reference := w.paired(rows, rho)
		p, err := NewProfile(Reference{Model: "m", Frame: reference})
		if err != nil {
			t.Fatal(err)
		}
		pca, classifier, columns, named := 0, 0, 0, 0
		for i := range windows {
			window := w.paired(rows, -rho)
			r := measure(t, p, Window{Frame: window, Domain: domain.Classify(reference, window, domain.Options{Seed: uint64(i), Threads: 2})})
			if columns += r.NumberOfDrifted; !r.DatasetDrift || r.Verdict != Warn {
				t.Errorf("correlation %g: %v", rho, r.Reasons)
			}
			pca, classifier = pca+len(r.Of(Joint)), classifier+len(r.Of(Domain))
			two := 0
			for _, f := range r.Of(Joint, Domain) {
				if len(f.Features) >= 2 && slices.Contains(f.Features[:2], "normal0") && slices.Contains(f.Features[:2], "normal1") {
					two++
				}
			}
			if two == 2 {
				named++
			}
		}
		t.Logf("correlation %g turned: found by PCA %d, by the classifier %d, both naming the two columns %d, of %d windows; %d columns drifted", rho, pca, classifier, named, windows, columns)
		if pca*100 < 99*windows || classifier*100 < 99*windows || named*100 < 99*windows || columns*100 > windows {
			t.Errorf("correlation %g turned: found by PCA %d, by the classifier %d, both naming the two columns %d, of %d windows; %d columns drifted", rho, pca, classifier, named, windows, columns)
		}
	}
}

// When nothing changed, at most one window in a hundred has a finding of any kind, the classifier's among them.
func TestFalseAlarmsTogether(t *testing.T) {
	windows := references(6)
	total, alarms, together := 0, 0, 0
	for i, size := range [][2]int{{100, 60}, {300, 100}, {200, 800}, {1000, 1000}} {
		w := newWorld(uint64(500 + i))
		for k := range windows {
			reference, window := w.paired(size[0], 0.7), w.paired(size[1], 0.7)
			p, err := NewProfile(Reference{Model: "m", Frame: reference})
			if err != nil {
				t.Fatal(err)
			}
			r := measure(t, p, Window{Frame: window, Domain: domain.Classify(reference, window, domain.Options{Seed: uint64(k), Threads: 2})})
			total++
			if len(r.Findings) > 0 {
				alarms++
				t.Logf("%v: %v", size, r.Reasons)
			}
			if together += len(r.Of(Joint, Domain)); r.DatasetDrift != (len(r.Findings) > 0) {
				t.Errorf("drift %v, and yet: %v", r.DatasetDrift, r.Reasons)
			}
		}
	}
	t.Logf("%d windows with a finding, %d multivariate findings, of %d", alarms, together, total)
	if alarms*100 > max(total, 100) || together*100 > max(total, 100) {
		t.Errorf("%d windows with a finding, %d multivariate findings, of %d in which nothing changed", alarms, together, total)
	}
}

// The report's JSON has the figures where readers look for them, also where nothing could be measured; the policy can ask for none.
func TestMultivariateJSON(t *testing.T) {
	w := newWorld(77)
	p := w.profile(t, 400)
	var got struct {
		Multivariate *struct {
			PCA map[string]any `json:"pca_reconstruction"`
		} `json:"multivariate"`
		Verdict string `json:"verdict"`
	}
	read := func(r *Report) {
		t.Helper()
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Multivariate = nil
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
	}
	read(measure(t, p, w.window(300)))
	pca := got.Multivariate.PCA
	score, low, high := pca["score"].(float64), pca["low"].(float64), pca["high"].(float64)
	if !(low < score && score < high && low < pca["reference"].(float64)) || pca["drifted"] != false || len(pca["features"].([]any)) != 0 {
		t.Errorf("%v", pca)
	}
	read(measure(t, p, w.window(20)))
	if pca = got.Multivariate.PCA; got.Verdict != Insufficient || pca["score"] != "NaN" || !strings.Contains(pca["reason"].(string), "20 rows, it takes 50") {
		t.Errorf("%v", pca)
	}
	policy := DefaultPolicy()
	policy.JointShare = 0
	r, err := Measure(p, w.window(300), policy)
	if err != nil {
		t.Fatal(err)
	}
	if read(r); got.Multivariate != nil {
		t.Errorf("%v", got.Multivariate)
	}
}

// The tests of single columns share what the multivariate ones leave of Alpha.
func TestShareOfAlpha(t *testing.T) {
	w := newWorld(78)
	p := w.profile(t, 2000)
	window := w.window(2000)
	each1(func(x float64) float64 { return x + 0.1 })(window.Frame.Column("normal3"))
	with := measure(t, p, window)
	policy := DefaultPolicy()
	policy.JointShare = 0
	without, err := Measure(p, window, policy)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range with.Columns {
		want := min(1, float64(without.Columns[name].PAdjusted)/0.9)
		if math.Abs(float64(c.PAdjusted)-want) > 1e-12 {
			t.Errorf("%s: p adjusted %g, want %g", name, float64(c.PAdjusted), want)
		}
	}
}

// A profile whose reconstruction was damaged is refused.
func TestDamagedReconstruction(t *testing.T) {
	p := newWorld(79).profile(t, 300)
	if p.Joint == nil {
		t.Fatal("no reconstruction")
	}
	p.Joint.Components[0] = p.Joint.Components[0][1:]
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadProfile(b); err == nil || !strings.Contains(err.Error(), "joint.components") {
		t.Errorf("%v", err)
	}
}

// Where rows come in time a classifier tells every ordinary day from all the others: then it is not believed, and says so.
func TestClassifierOfDays(t *testing.T) {
	w := newWorld(91)
	reference := w.course(5000, courses[2].draw, 0.9)
	p := profiled(t, Reference{Frame: reference})
	told := 0
	for range 3 {
		window := w.course(400, courses[2].draw, 0.9)
		separation := domain.Classify(reference, window, domain.Options{})
		r := measure(t, p, Window{Frame: window, Domain: separation})
		told += one(separation.Judge(joint.Rule{Alpha: 0.01, Share: 0.1, Least: 0.035}).Drifted)
		if r.DatasetDrift || !strings.Contains(r.Multivariate.Domain.Reason, "can be told apart (\"x0\"") {
			t.Errorf("%s; %v", r.Multivariate.Domain.Reason, r.Reasons)
		}
	}
	if told == 0 {
		t.Error("the classifier told no day apart: nothing is shown")
	}
}

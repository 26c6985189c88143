package evaluate

import (
	"encoding/json"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// rivals are two models of one population: each sees the true log-odds through noise of its own. Rows alternate between two sites;
// at site b the challenger's noise may be greater.
func rivals(seed uint64, n int, champion, challenger, atB float64) Input {
	r := random(seed)
	in := Input{Labels: labels(dataset.Binary, 2, nil), ChampionName: "v1", ChallengerName: "v2", Rows: "3f9c", Segments: map[string][]string{"site": nil}}
	var a, b []float64
	for i := range n {
		logit := 1.5 * r.NormFloat64()
		y := 0.0
		if r.Float64() < sigmoid(logit) {
			y = 1
		}
		site, noise := "a", challenger
		if i%2 == 1 {
			site, noise = "b", atB
		}
		in.Labels.Y = append(in.Labels.Y, y)
		in.Segments["site"] = append(in.Segments["site"], site)
		a, b = append(a, sigmoid(logit+champion*r.NormFloat64())), append(b, sigmoid(logit+noise*r.NormFloat64()))
	}
	in.Champion, in.Challenger = probabilities(a), probabilities(b)
	return in
}

func naive(in Input) Input {
	rate := mean(in.Labels.Y)
	p := make([]float64, in.Labels.Len())
	for i := range p {
		p[i] = rate
	}
	in.First, in.ChampionName, in.Champion = true, "baseline", probabilities(p)
	return in
}

func judge(t *testing.T, p Policy, in Input) Report {
	t.Helper()
	r, err := Gate(p, in)
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed != (r.Verdict == Passed) {
		t.Fatalf("verdict %q, passed %v", r.Verdict, r.Passed)
	}
	return r
}

func names(checks []Check) (n []string) {
	for _, c := range checks {
		n = append(n, c.Name)
	}
	return n
}

func TestGateVerdicts(t *testing.T) {
	shift := func(in Input) Input { // all scores up by one in log-odds: the order stays, the calibration goes
		in.Challenger = slices.Clone(in.Challenger)
		for i := range in.Labels.Len() {
			q := in.Challenger[2*i+1]
			q = sigmoid(math.Log(q/(1-q)) + 1.5)
			in.Challenger[2*i], in.Challenger[2*i+1] = 1-q, q
		}
		return in
	}
	same := rivals(1, 600, 1, 1, 1)
	same.Challenger = same.Champion
	swapped := rivals(1, 600, 2.5, 0.3, 0.3)
	swapped.Champion, swapped.Challenger = swapped.Challenger, swapped.Champion
	few := rivals(1, 2000, 2.5, 0.3, 0.3)
	var rows []int
	positives := 0
	for i, y := range few.Labels.Y { // 19 positives among many
		if y == 0 || positives < 19 {
			rows = append(rows, i)
			positives += int(y)
		}
	}
	rare := few.take(rows)
	rare.Segments = nil

	for _, c := range []struct {
		name    string
		policy  func(*Policy)
		in      Input
		verdict string
		failed  []string
	}{
		{"clearly better", nil, rivals(1, 600, 2.5, 0.3, 0.3), Passed, nil},
		{"clearly worse", nil, swapped, Failed, []string{"auc", "brier", "ece", "segment site"}},
		{"the very same model", nil, same, Failed, []string{"auc"}},
		{"the very same model, where not worse is enough", func(p *Policy) { p.NonInferior = true }, same, Passed, nil},
		{"better on average, worse at one site", nil, rivals(1, 1200, 2.5, 0.1, 4), Failed, []string{"segment site"}},
		{"better order, broken probabilities", nil, shift(rivals(1, 600, 1.5, 0.2, 0.2)), Failed, []string{"ece"}},
		{"better, but on 199 rows", nil, rivals(1, 199, 2.5, 0.3, 0.3), InsufficientData, []string{"sample"}},
		{"better, but with 19 positives", nil, rare, InsufficientData, []string{"sample"}},
		{"first model, useful", nil, naive(rivals(2, 300, 1, 0.5, 0.5)), Passed, nil},
		{"first model, guesses", nil, naive(rivals(2, 300, 1, 60, 60)), Failed, []string{"auc", "brier", "segment site"}},
		{"first model, perhaps a little better than guessing", nil, naive(rivals(4, 300, 1, 9, 9)), Failed, []string{"auc", "brier", "segment site"}},
		{"scores moved, policy refuses", func(p *Policy) { p.RefuseScoreShift = true; p.BrierTolerance = 2; p.ECETolerance = 1 },
			shift(rivals(1, 600, 1.5, 0.2, 0.2)), Failed, []string{CheckScoreShift}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := DefaultPolicy()
			if c.policy != nil {
				c.policy(&p)
			}
			r := judge(t, p, c.in)
			if r.Verdict != c.verdict || !slices.Equal(names(r.Failed()), c.failed) {
				t.Errorf("verdict %s, failed %v; want %s, %v\n%+v", r.Verdict, names(r.Failed()), c.verdict, c.failed, r.Checks)
			}
			if r.PolicyDigest != p.Digest() || r.RowsDigest != "3f9c" || r.Rows != c.in.Labels.Len() || r.Metric != NameAUC {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestGateChecksTellWhatTheyMeasured(t *testing.T) {
	in := rivals(3, 600, 2, 0.3, 0.3)
	r := judge(t, DefaultPolicy(), in)
	want := []string{CheckSample, CheckRows, NameAUC, NameBrier, NameECE, CheckFlips, "segment site", CheckScoreShift}
	if got := names(r.Checks); !slices.Equal(got, want) {
		t.Fatalf("checks %v, want %v", got, want)
	}
	auc, _ := r.Check(NameAUC)
	d, _ := Difference(NameAUC, in.Labels, in.Champion, in.Challenger)
	if float64(auc.Diff) != float64(auc.Challenger-auc.Champion) || math.Abs(float64(auc.CI95[0]-d.Low)) > 0.01 || math.Abs(float64(auc.CI95[1]-d.High)) > 0.01 {
		t.Errorf("auc %+v, by DeLong %+v", auc, d)
	}
	brier, _ := r.Check(NameBrier)
	if float64(brier.Diff) != float64(brier.Champion-brier.Challenger) || brier.Diff <= 0 {
		t.Errorf("brier: less is better, so an improvement is champion - challenger: %+v", brier)
	}
	segment, _ := r.Check("segment site")
	if segment.N != 300 || !strings.HasPrefix(segment.Note, "worst of 2 judged segments of 2: ") {
		t.Errorf("%+v", segment)
	}
	worse := judge(t, DefaultPolicy(), rivals(1, 1200, 2.5, 0.1, 4))
	if segment, _ = worse.Check("segment site"); !strings.HasSuffix(segment.Note, ": b; below the margin: b") {
		t.Errorf("%+v", segment)
	}
	if len(r.Disagreements) != 10 {
		t.Fatalf("%d disagreements", len(r.Disagreements))
	}
	first := r.Disagreements[0]
	largest := 0.0
	for i := range in.Labels.Len() {
		largest = max(largest, math.Abs(in.Champion[2*i]-in.Challenger[2*i]))
	}
	if got := math.Abs(float64(first.Champion - first.Challenger)); math.Abs(got-largest) > 1e-15 || float64(first.Actual) != in.Labels.Y[first.Row] {
		t.Errorf("first disagreement %+v, the largest is %v", first, largest)
	}
}

func TestGateOtherTasks(t *testing.T) {
	r := random(5)
	line := func(before, after float64) Input {
		in := Input{Labels: labels(dataset.Regression, 0, nil), Rows: "d", Segments: map[string][]string{"region": nil}}
		for i := range 300 {
			y := 100 * r.NormFloat64()
			in.Labels.Y = append(in.Labels.Y, y)
			in.Champion, in.Challenger = append(in.Champion, y+before*r.NormFloat64()), append(in.Challenger, y+after*r.NormFloat64())
			in.Segments["region"] = append(in.Segments["region"], []string{"north", "south", ""}[i%3])
		}
		return in
	}
	for _, c := range []struct {
		name          string
		before, after float64
		verdict       string
	}{{"better", 30, 20, Passed}, {"worse", 20, 30, Failed}} {
		t.Run("regression "+c.name, func(t *testing.T) {
			report := judge(t, DefaultPolicy(), line(c.before, c.after))
			rmse, _ := report.Check(NameRMSE)
			if report.Verdict != c.verdict || report.Metric != NameRMSE || (rmse.Diff > 0) != (c.verdict == Passed) {
				t.Errorf("%s: %+v", report.Verdict, report.Checks)
			}
			if _, ok := report.Check(NameBrier); ok {
				t.Error("a regression has no Brier score")
			}
		})
	}
	t.Run("regression margin is a share of the champion's error", func(t *testing.T) {
		in := line(30, 0)
		for i, y := range in.Labels.Y { // the same errors, larger by a share that leaves no noise
			in.Challenger[i] = y + 1.002*(in.Champion[i]-y)
		}
		p := DefaultPolicy()
		p.NonInferior = true
		if rmse, _ := judge(t, p, in).Check(NameRMSE); !rmse.Passed || rmse.Diff > -0.05 {
			t.Errorf("0.2 %% worse: %+v", rmse)
		}
		p.Margin = 0.001
		if rmse, _ := judge(t, p, in).Check(NameRMSE); rmse.Passed {
			t.Errorf("0.2 %% worse, 0.1 %% allowed: %+v", rmse)
		}
	})
	t.Run("multiclass", func(t *testing.T) {
		in := Input{Labels: labels(dataset.Multiclass, 3, nil), Rows: "d"}
		for i := range 300 {
			y := i % 3
			in.Labels.Y = append(in.Labels.Y, float64(y))
			for k := range 3 {
				right := 0.0
				if k == y {
					right = 1
				}
				in.Champion, in.Challenger = append(in.Champion, 0.25+0.25*right), append(in.Challenger, 0.2+0.4*right)
			}
			if i%10 == 0 { // some rows are wrong in both, or the comparison would have no noise at all
				copy(in.Champion[3*i:], []float64{0.3, 0.4, 0.3})
			}
		}
		report := judge(t, DefaultPolicy(), in)
		if report.Verdict != Passed || report.Metric != NameLogLoss {
			t.Errorf("%s: %+v", report.Verdict, report.Checks)
		}
	})
}

func TestGateNeverJudgesWhatHasNoDifference(t *testing.T) {
	for name, y := range map[string][]float64{"one class": {0, 0, 0, 0}, "one row of a class": {0, 0, 0, 1}, "one row": {1}} {
		p := probabilities(make([]float64, len(y)))
		r := judge(t, DefaultPolicy(), Input{Labels: labels(dataset.Binary, 2, y), Champion: p, Challenger: p, Rows: "d"})
		if r.Verdict != InsufficientData || len(r.Checks) != 2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestGateNamesWhatIsWrong(t *testing.T) {
	in := rivals(1, 300, 1, 1, 1)
	in.Champion[7], in.Challenger, in.Rows = math.NaN(), in.Challenger[:10], ""
	in.Segments["site"] = in.Segments["site"][:5]
	_, err := Gate(DefaultPolicy(), in)
	var fields []string
	for _, d := range fault.Details(err) {
		fields = append(fields, d.Field+" "+d.Code)
	}
	want := []string{"champion non_finite", "challenger wrong_length", "rows missing", "segment site wrong_length"}
	if !fault.Is(err, fault.Invalid) || !slices.Equal(fields, want) {
		t.Errorf("%v, want %v", fields, want)
	}
	if _, err := Gate(Policy{}, rivals(1, 300, 1, 1, 1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty policy gives %v", err)
	}
}

func TestReportIsSignable(t *testing.T) {
	in := rivals(6, 300, 2, 0.3, 0.3)
	in.ChampionName = "v1 <b>&\u2028"
	r := judge(t, DefaultPolicy(), in)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if again := judge(t, DefaultPolicy(), in); again.SHA256 != r.SHA256 {
		t.Error("the same input gives another report")
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Digest() != r.SHA256 || len(r.SHA256) != 64 {
		t.Errorf("after a round trip the digest is %s, not %s", back.Digest(), r.SHA256)
	}
	back.Checks[2].Diff += 1e-15
	if back.Digest() == r.SHA256 {
		t.Error("a changed figure keeps the digest")
	}
}

func TestPolicy(t *testing.T) {
	if err := DefaultPolicy().Validate(); err != nil {
		t.Fatal(err)
	}
	bad := Policy{Margin: -1, Resamples: 10, BrierTolerance: math.NaN(), ECETolerance: 2, SegmentMargin: math.Inf(1), ScorePSIMax: -1}
	if n, want := len(fault.Details(bad.Validate())), 10; n != want {
		t.Errorf("%d faults named, want %d: %v", n, want, bad.Validate())
	}
	changed := DefaultPolicy()
	changed.Margin = 0.006
	if changed.Digest() == DefaultPolicy().Digest() {
		t.Error("another policy has the same digest")
	}
	b, err := json.Marshal(DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	var back Policy
	if err := json.Unmarshal(b, &back); err != nil || back != DefaultPolicy() {
		t.Errorf("%v %+v", err, back)
	}
	for f := range reflect.TypeFor[Policy]().Fields() {
		if f.Tag.Get("yaml") == "" || f.Tag.Get("yaml") != f.Tag.Get("json") {
			t.Errorf("%s is spelt differently in YAML and JSON", f.Name)
		}
	}
}

// Whatever numbers come, the gate answers or names the fault, and never passes fewer rows than the policy asks for.
func FuzzGate(f *testing.F) {
	f.Add([]byte{1, 200, 3, 0, 255, 7, 9, 9}, uint8(2))
	f.Add([]byte{}, uint8(3))
	f.Add([]byte("a longer text gives more rows of some class or other, and ties"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, classes uint8) {
		b = b[:min(len(b), 300)]
		k := int(classes % 5)
		in := Input{Rows: "d", Segments: map[string][]string{"s": nil}}
		task := []dataset.Task{dataset.Regression, dataset.Multiclass, dataset.Binary, dataset.Multiclass, dataset.Multiclass}[k]
		in.Labels = labels(task, k, nil)
		for i, v := range b {
			in.Labels.Y = append(in.Labels.Y, float64(int(v)%max(1, k)))
			in.Segments["s"] = append(in.Segments["s"], string(b[i]%3+'a'))
			rest := 1.0
			for c := range max(1, k) {
				q := rest * float64(v%7) / 7
				if c == k-1 {
					q = rest
				}
				rest -= q
				in.Champion, in.Challenger = append(in.Champion, q), append(in.Challenger, q)
			}
			if v == 255 {
				in.Challenger[len(in.Challenger)-1] = math.NaN()
			}
		}
		p := DefaultPolicy()
		p.Resamples, p.SegmentMinRows, p.SegmentMinClass = 200, 2, 2
		r, err := Gate(p, in)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if r.Passed && r.Rows < p.MinRows {
			t.Fatalf("passed on %d rows", r.Rows)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkGateBinary2k(b *testing.B) {
	in := rivals(1, 2000, 1, 0.5, 0.5)
	for b.Loop() {
		if _, err := Gate(DefaultPolicy(), in); err != nil {
			b.Fatal(err)
		}
	}
}

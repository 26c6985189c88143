package evaluate

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// presets are Evidently's numbers on its table of 1,200 rows; the test is skipped where they are not there.
func presets(t *testing.T, name string) (metrics map[string]json.RawMessage, rows map[string][]string) {
	t.Helper()
	root := os.Getenv("MLOPS_SHARED")
	if root == "" {
		root = "../../../shared" // beside the repository
	}
	dir := filepath.Join(root, "oracle", "drift", "presets")
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("no oracle: %v (set MLOPS_SHARED to the directory that holds oracle/)", err)
	}
	var doc struct {
		Metrics []struct {
			Name  string `json:"metric_name"`
			Value json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	metrics = map[string]json.RawMessage{}
	for _, m := range doc.Metrics {
		metrics[m.Name[:strings.Index(m.Name, "(")]] = m.Value
	}
	f, err := os.Open(filepath.Join(dir, "cur.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string][]string{}
	for j, h := range table[0] {
		for _, r := range table[1:] {
			rows[h] = append(rows[h], r[j])
		}
	}
	return metrics, rows
}

func numbers(t *testing.T, texts []string) (v []float64) {
	t.Helper()
	for _, s := range texts {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		v = append(v, x)
	}
	return v
}

// same holds a figure against the peer's, to 1e-9.
func same(t *testing.T, name string, got float64, want json.RawMessage) {
	t.Helper()
	var w float64
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if math.IsNaN(got) || math.Abs(got-w) > 1e-9*max(1, math.Abs(w)) {
		t.Errorf("%s = %.15g, Evidently says %.15g", name, got, w)
	}
}

func fields(t *testing.T, raw json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func byClass(t *testing.T, l dataset.Labels, p []float64, want map[string]json.RawMessage) {
	t.Helper()
	classes, err := ByClass(l, p, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range classes {
		for name, e := range map[string]Estimate{"F1ByLabel": c.F1, "PrecisionByLabel": c.Precision, "RecallByLabel": c.Recall, "RocAucByLabel": c.AUC} {
			if raw, given := want[name]; given {
				same(t, name+" "+c.Name, float64(e.Value), fields(t, raw)[c.Name])
			}
		}
	}
}

// Evidently 0.7.21, ClassificationPreset on probabilities.
func TestDetailAgainstEvidentlyBinary(t *testing.T) {
	want, rows := presets(t, "classification_binary.json")
	l := dataset.Labels{Name: "target", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: numbers(t, rows["target"])}
	p := probabilities(numbers(t, rows["proba"]))
	m, err := Detail(l, p, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for ours, theirs := range map[string]string{NameAccuracy: "Accuracy", NamePrecision: "Precision", NameRecall: "Recall", NameF1: "F1Score", NameAUC: "RocAuc",
		NameLogLoss: "LogLoss", NameSpecificity: "TNR"} {
		same(t, theirs, float64(m[ours].Value), want[theirs])
	}
	same(t, "TPR", float64(m[NameRecall].Value), want["TPR"])
	same(t, "FPR", 1-float64(m[NameSpecificity].Value), want["FPR"])
	same(t, "FNR", 1-float64(m[NameRecall].Value), want["FNR"])
	byClass(t, l, p, want)
	// scikit-learn 1.2.1 on the same table.
	same(t, "average precision", float64(m[NameAveragePrecision].Value), json.RawMessage("0.7834526534669328"))
	same(t, "mcc", float64(m[NameMCC].Value), json.RawMessage("0.40715468313336434"))
}

// The same for three classes that were called without probabilities.
func TestDetailAgainstEvidentlyMulticlass(t *testing.T) {
	want, rows := presets(t, "classification_multi.json")
	l := dataset.Labels{Name: "mtarget", Task: dataset.Multiclass, Classes: []string{"hi", "lo", "mid"}}
	var p []float64
	for i, text := range rows["mtarget"] {
		l.Y = append(l.Y, float64(slices.Index(l.Classes, text)))
		row := make([]float64, 3)
		row[slices.Index(l.Classes, rows["mpred"][i])] = 1
		p = append(p, row...)
	}
	m, err := Detail(l, p, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for ours, theirs := range map[string]string{NameAccuracy: "Accuracy", NamePrecision: "Precision", NameRecall: "Recall", NameF1: "F1Score"} {
		same(t, theirs, float64(m[ours].Value), want[theirs])
	}
	byClass(t, l, p, want)
	same(t, "mcc", float64(m[NameMCC].Value), json.RawMessage("0.780319261975415")) // scikit-learn 1.2.1
}

// RegressionPreset. Its MAPE divides by the signed truth bounded below by 2^-52, and so is 2.7e15 here, where two targets are negative; with magnitudes
// it is 10.65 %.
func TestDetailAgainstEvidentlyRegression(t *testing.T) {
	want, rows := presets(t, "regression.json")
	l := dataset.Labels{Name: "y", Task: dataset.Regression, Y: numbers(t, rows["y"])}
	p := numbers(t, rows["yhat"])
	m, err := Detail(l, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	root := math.Sqrt(float64(l.Len()))
	same(t, "RMSE", float64(m[NameRMSE].Value), want["RMSE"])
	same(t, "R2", float64(m[NameR2].Value), want["R2Score"])
	same(t, "AbsMaxError", float64(m[NameMaxError].Value), want["AbsMaxError"])
	same(t, "MAE", float64(m[NameMAE].Value), fields(t, want["MAE"])["mean"])
	same(t, "MAE std", float64(m[NameMAE].SE)*root, fields(t, want["MAE"])["std"])
	same(t, "MeanError", float64(m[NameBias].Value), fields(t, want["MeanError"])["mean"])
	same(t, "MeanError std", float64(m[NameBias].SE)*root, fields(t, want["MeanError"])["std"])
	same(t, "MAPE with magnitudes", 100*float64(m[NameMAPE].Value), json.RawMessage("10.647867023113813"))
	var quirk, least float64 = 0, 0x1p-52
	for i, y := range l.Y {
		quirk += 100 * math.Abs(y-p[i]) / max(y, least) / float64(l.Len())
	}
	same(t, "MAPE, its quirk", quirk, fields(t, want["MAPE"])["mean"])
}

// The 95 % intervals of Detail hold the population's figure in at least 93 % of samples (two standard errors below nominal at 400 samples).
func TestDetailCoverage(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	draw := func(task dataset.Task, n int) (dataset.Labels, []float64) {
		l := dataset.Labels{Task: task}
		var p []float64
		switch task {
		case dataset.Regression:
			for range n {
				x := 30 + 3*r.NormFloat64() // far from zero: else the mean of 1/y is infinite
				p, l.Y = append(p, x+0.3), append(l.Y, x+r.NormFloat64())
			}
			return l, p
		case dataset.Binary:
			l.Classes = []string{"a", "b"}
		default:
			l.Classes = []string{"a", "b", "c"}
		}
		for range n {
			row, total := make([]float64, len(l.Classes)), 0.0
			for k := range row {
				row[k] = math.Exp(1.5 * r.NormFloat64())
				total += row[k]
			}
			u, y := r.Float64(), -1
			for k := range row {
				if row[k] /= total; y < 0 && u < row[k] {
					y = k
				}
				u -= row[k]
			}
			p, l.Y = append(p, row...), append(l.Y, float64(max(0, y)))
		}
		return l, p
	}
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		l, p := draw(task, 200_000)
		truth, err := Detail(l, p, 0.4)
		if err != nil {
			t.Fatal(err)
		}
		hit, samples := map[string]int{}, 400
		for range samples {
			l, p := draw(task, 200)
			m, err := Detail(l, p, 0.4)
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range m {
				if v := truth[name].Value; e.Low <= v && v <= e.High {
					hit[name]++
				}
			}
		}
		for _, name := range []string{NameAccuracy, NameAUC, NamePrecision, NameRecall, NameSpecificity, NameMCC, NameAveragePrecision, NameMAPE, NameBias} {
			if _, measured := truth[name]; measured && float64(hit[name]) < 0.93*float64(samples) {
				t.Errorf("%s %s: the interval holds the truth in %d of %d samples", task, name, hit[name], samples)
			}
		}
		t.Log(task, hit)
	}
}

func TestDetailAtTheEdges(t *testing.T) {
	l := dataset.Labels{Task: dataset.Binary, Classes: []string{"0", "1"}, Y: []float64{0, 0, 1, 1}}
	m, err := Detail(l, probabilities([]float64{0.1, 0.2, 0.8, 0.9}), 0.5)
	if err != nil || m[NameMCC].Value != 1 || m[NameMCC].Low >= 1 || m[NamePrecision].Low >= 1 || m[NameAveragePrecision].Low >= 1 {
		t.Errorf("perfect answers have no certainty of four rows: %+v %v", m, err)
	}
	m, err = Detail(l, probabilities([]float64{0.1, 0.2, 0.3, 0.4}), 0.5)
	if err != nil || m[NameMCC].Value != 0 || m[NamePrecision].Value != 0 || m[NameRecall].Value != 0 || m[NameSpecificity].Value != 1 || m[NamePrecision].High != 1 {
		t.Errorf("nothing called positive: %+v %v", m, err)
	}
	if m, _ := Detail(l, probabilities([]float64{0.1, 0.2, 0.3, 0.4}), 0.25); m[NameAccuracy].Value != 1 {
		t.Errorf("the threshold: %+v", m)
	}
	l.Y = []float64{1, 1, 1, 1}
	if m, err := Detail(l, probabilities([]float64{0.1, 0.2, 0.8, 0.9}), 0.5); err != nil || !math.IsNaN(float64(m[NameAveragePrecision].Value)) || m[NameRecall].Value != 0.5 {
		t.Errorf("one class: %+v %v", m, err)
	}
	if _, err := Detail(l, probabilities([]float64{0.1, 0.2, 0.8, 0.9}), math.NaN()); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	value := dataset.Labels{Task: dataset.Regression, Y: []float64{0, 0, -2}}
	if m, err := Detail(value, []float64{1, 1, -1}, 0); err != nil || m[NameMAPE].Value != 0.5 || m[NameMAPE].N != 1 {
		t.Errorf("zero truths: %+v %v", m, err)
	}
}

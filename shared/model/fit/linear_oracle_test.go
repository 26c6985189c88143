package fit

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// linearOracle is testdata/oracle/linear.json.
type linearOracle struct {
	Tables []struct {
		Task    dataset.Task
		Columns map[string][]any
		Y       []float64
		Weight  []float64
		Cases   []struct {
			C            float64
			L1Ratio      float64 `json:"l1_ratio"`
			Weighted     bool
			Coefficients []struct {
				Feature, Level string
				Missing        bool
				Estimate, SE   []float64 // by score
			}
		}
	}
}

// column is one of the oracle's: texts, or numbers.
func oracleColumn(name string, v []any) dataset.Column {
	numbers, texts, text := make([]float64, len(v)), make([]string, len(v)), false
	for i := range v {
		numbers[i] = math.NaN()
		switch x := v[i].(type) {
		case float64:
			numbers[i] = x
		case string:
			texts[i], text = x, true
		}
	}
	if text {
		return dataset.CategoricalColumn(name, texts, func(s string) bool { return s == "" })
	}
	return dataset.NumericColumn(name, numbers)
}

// TestLinearEqualsScikitLearn: coefficients of ridge, lasso and elastic net, and standard errors made with NumPy, to 1e-4 and better.
func TestLinearEqualsScikitLearn(t *testing.T) {
	b, err := os.ReadFile("../../../testdata/oracle/linear.json")
	if err != nil {
		t.Fatal(err)
	}
	var o linearOracle
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	compared, worst := 0, 0.0
	for _, table := range o.Tables {
		f := &dataset.Frame{}
		for _, name := range []string{"age", "dose", "city", "kind"} {
			f.Columns = append(f.Columns, oracleColumn(name, table.Columns[name]))
		}
		l := dataset.Labels{Name: "y", Task: table.Task, Y: table.Y}
		switch table.Task {
		case dataset.Binary:
			l.Classes = []string{"0", "1"}
		case dataset.Multiclass:
			l.Classes = []string{"0", "1", "2"}
		}
		d, err := NewData(f, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range table.Cases {
			if d.Weight = nil; c.Weighted {
				d.Weight = table.Weight
			}
			p, err := Linear{C: c.C, L1Ratio: c.L1Ratio}.Fit(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := model.FitReport(p)
			if !*r.Converged || r.ErrorsOmitted != "" {
				t.Errorf("%s C=%g l1_ratio=%g: %d iterations, converged %v, %s", table.Task, c.C, c.L1Ratio, r.Iterations, *r.Converged, r.ErrorsOmitted)
			}
			at := 0
			for _, want := range c.Coefficients {
				for o := range want.Estimate {
					got := r.Coefficients[at]
					at++
					if got.Feature != want.Feature || got.Level != want.Level || got.Missing != want.Missing {
						t.Fatalf("coefficient %d is of %q %q, want %q %q", at, got.Feature, got.Level, want.Feature, want.Level)
					}
					off := math.Abs(float64(got.Estimate)-want.Estimate[o]) / (1 + math.Abs(want.Estimate[o]))
					if se := float64(got.SE); se == se {
						off = max(off, math.Abs(se-want.SE[o])/(1+want.SE[o]))
					} else if want.SE[o] != 0 {
						off = 1
					}
					compared++
					if worst = max(worst, off); off > 1e-4 {
						t.Errorf("%s, %d rows, C=%g l1_ratio=%g weighted %v: %s %s of score %d is %.9g with error %.9g, want %.9g with %.9g",
							table.Task, len(table.Y), c.C, c.L1Ratio, c.Weighted, want.Feature, want.Level, o, got.Estimate, got.SE, want.Estimate[o], want.SE[o])
					}
				}
			}
			if at != len(r.Coefficients) {
				t.Errorf("%d coefficients, want %d", len(r.Coefficients), at)
			}
		}
	}
	if compared < 800 {
		t.Errorf("only %d coefficients were compared", compared)
	}
	t.Logf("%d coefficients, the farthest off by %.2g", compared, worst)
}

// TestLinearEqualsR: without a penalty to speak of, estimates and standard errors are those of R's glm and lm.
func TestLinearEqualsR(t *testing.T) {
	b, err := os.ReadFile("../../../testdata/oracle/linear_r.json")
	if err != nil {
		t.Fatal(err)
	}
	var o map[string][]struct {
		Feature      string
		Estimate, SE float64
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("../../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f, err := dataset.Read(file, "heart.csv", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) dataset.Column { return f.Columns[f.Index(name)] }
	target := dataset.Labels{Name: "target", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: column("target").Float}
	for name, l := range map[string]dataset.Labels{"logistic": target, "weighted": target, "squares": {Name: "thalach", Task: dataset.Regression, Y: column("thalach").Float}} {
		some := &dataset.Frame{}
		for _, name := range strings.Fields("age sex trestbps chol thalach oldpeak site") {
			if name != l.Name {
				some.Columns = append(some.Columns, column(name))
			}
		}
		d, err := NewData(some, l)
		if err != nil {
			t.Fatal(err)
		}
		if name == "weighted" {
			for _, sex := range column("sex").Float {
				d.Weight = append(d.Weight, 1+sex)
			}
		}
		p, err := Linear{C: greatestC}.Fit(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]model.Coefficient{}
		for _, c := range model.FitReport(p).Coefficients {
			if c.Level == "" {
				got[c.Feature] = c
			}
		}
		if len(o[name]) < 5 {
			t.Fatalf("R's %s has %d coefficients", name, len(o[name]))
		}
		for _, want := range o[name] {
			c := got[want.Feature]
			if math.Abs(float64(c.Estimate)-want.Estimate) > 1e-6*math.Abs(want.Estimate) || math.Abs(float64(c.SE)-want.SE) > 1e-6*want.SE {
				t.Errorf("%s, %s: %.9g with error %.9g, R says %.9g with %.9g", name, want.Feature, c.Estimate, c.SE, want.Estimate, want.SE)
			}
			if z := want.Estimate / want.SE; math.Abs(float64(c.Z)-z) > 1e-4*math.Abs(z) || !(c.Low < c.Estimate && c.Estimate < c.High) {
				t.Errorf("%s, %s: z %g in [%g, %g], R says %g", name, want.Feature, c.Z, c.Low, c.High, z)
			}
		}
	}
}

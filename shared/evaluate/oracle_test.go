package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"mlops/shared/dataset"
)

// tolerance is relative to the greater of 1 and the value: two ways of summing a few dozen float64 differ by less.
const tolerance = 1e-12

func near(got, want float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want)) || math.IsNaN(got) && math.IsNaN(want)
}

type oracle struct {
	Cases []struct {
		Name    string
		Task    dataset.Task
		Y, P    []float64
		Classes int
		Want    map[string]float64
		DeLong  float64
		Wilson  []float64
	}
	DeLongDifference struct {
		Y, A, B        []float64
		Diff, Variance float64
	} `json:"delong_difference"`
	Murphy []struct {
		Y, P                                         []float64
		Reliability, Resolution, Uncertainty, Within float64
	}
	Quantile []struct {
		Y, P        []float64
		Alpha, Loss float64
	}
	Poisson struct {
		Y, P     []float64
		Deviance float64
	}
	SignTest []struct {
		A, B int
		P    float64
	} `json:"sign_test"`
	Wilson []struct {
		K, N      int
		Low, High float64
	}
}

// readOracle reads what testdata/oracle/metrics.py wrote with scikit-learn 1.2.1 and scipy 1.10.1.
func readOracle(t *testing.T) oracle {
	t.Helper()
	b, err := os.ReadFile("../../testdata/oracle/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// probabilities makes [p0, p1] of the positive class's.
func probabilities(p1 []float64) []float64 {
	p := make([]float64, 0, 2*len(p1))
	for _, v := range p1 {
		p = append(p, 1-v, v)
	}
	return p
}

func labels(task dataset.Task, classes int, y []float64) dataset.Labels {
	l := dataset.Labels{Name: "y", Task: task, Y: y}
	if task != dataset.Regression {
		for k := range classes {
			l.Classes = append(l.Classes, fmt.Sprint(k))
		}
	}
	return l
}

func TestMetricsEqualScikitLearn(t *testing.T) {
	for _, c := range readOracle(t).Cases {
		t.Run(c.Name, func(t *testing.T) {
			p, classes := c.P, c.Classes
			if c.Task == dataset.Binary {
				p, classes = probabilities(c.P), 2
			}
			m, err := Measure(labels(c.Task, classes, c.Y), p)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.Want {
				got := m[name]
				if !near(float64(got.Value), want) {
					t.Errorf("%s = %v, scikit-learn has %v", name, got.Value, want)
				}
				if !(got.Low <= got.Value && got.Value <= got.High) {
					t.Errorf("%s: %v is outside its interval [%v, %v]", name, got.Value, got.Low, got.High)
				}
			}
			if _, ok := c.Want[NameAUC]; !ok && c.Task == dataset.Multiclass && m[NameAUC].Value.Finite() {
				t.Errorf("auc = %v where a class is absent", m[NameAUC].Value)
			}
			if c.Task != dataset.Binary {
				return
			}
			if _, v := DeLong(c.Y, c.P); !near(v, c.DeLong) {
				t.Errorf("DeLong's variance = %v, pair by pair %v", v, c.DeLong)
			}
			if a := m[NameAccuracy]; !near(float64(a.Low), c.Wilson[0]) || !near(float64(a.High), c.Wilson[1]) {
				t.Errorf("accuracy's interval = [%v, %v], scipy has %v", a.Low, a.High, c.Wilson)
			}
		})
	}
}

func TestDifferenceIsPairedDeLong(t *testing.T) {
	o := readOracle(t).DeLongDifference
	d, err := Difference(NameAUC, labels(dataset.Binary, 2, o.Y), probabilities(o.A), probabilities(o.B))
	if err != nil {
		t.Fatal(err)
	}
	if !near(float64(d.Value), o.Diff) || !near(float64(d.SE), math.Sqrt(o.Variance)) {
		t.Errorf("difference %v, SE %v; want %v, %v", d.Value, d.SE, o.Diff, math.Sqrt(o.Variance))
	}
}

func TestSignTestAndWilsonEqualScipy(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.SignTest {
		if got := signTest(c.A, c.B); !near(got, c.P) {
			t.Errorf("signTest(%d, %d) = %v, want %v", c.A, c.B, got, c.P)
		}
	}
	for _, c := range o.Wilson {
		if low, high := wilson(c.K, c.N); !near(low, c.Low) || !near(high, c.High) {
			t.Errorf("wilson(%d, %d) = [%v, %v], want [%v, %v]", c.K, c.N, low, high, c.Low, c.High)
		}
	}
}

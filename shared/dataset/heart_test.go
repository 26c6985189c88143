package dataset

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// logistic is a throw-away logistic regression: columns standardised, missing values at the mean, a ridge of 1, Newton's method.
type logistic struct{ mean, sd, weight []float64 }

func fitLogistic(x [][]float64, y []float64) logistic {
	n, m := len(x), len(x[0])
	l := logistic{make([]float64, m), make([]float64, m), make([]float64, m+1)}
	for j := range m {
		var sum, sumSq, count float64
		for i := range x {
			if v := x[i][j]; !math.IsNaN(v) {
				sum, sumSq, count = sum+v, sumSq+v*v, count+1
			}
		}
		l.mean[j] = sum / count
		l.sd[j] = max(math.Sqrt(sumSq/count-l.mean[j]*l.mean[j]), 1e-9)
	}
	for range 15 {
		h := make([][]float64, m+1) // hessian | gradient
		for a := range h {
			h[a] = make([]float64, m+2)
			if a < m {
				h[a][a], h[a][m+1] = 1, -l.weight[a]
			}
		}
		for i := range n {
			z := l.standard(x[i])
			p := l.probability(x[i])
			for a := range z {
				h[a][m+1] += (y[i] - p) * z[a]
				for b := range z {
					h[a][b] += p * (1 - p) * z[a] * z[b]
				}
			}
		}
		for a := range h { // Gauss and Jordan; the matrix is positive definite
			for b := range h {
				if b == a {
					continue
				}
				f := h[b][a] / h[a][a]
				for c := range h[b] {
					h[b][c] -= f * h[a][c]
				}
			}
		}
		for a := range h {
			l.weight[a] += h[a][m+1] / h[a][a]
		}
	}
	return l
}

func (l logistic) standard(x []float64) []float64 {
	z := make([]float64, len(x)+1)
	for j, v := range x {
		if !math.IsNaN(v) {
			z[j] = (v - l.mean[j]) / l.sd[j]
		}
	}
	z[len(x)] = 1
	return z
}

func (l logistic) probability(x []float64) float64 {
	sum := 0.0
	for j, z := range l.standard(x) {
		sum += z * l.weight[j]
	}
	return 1 / (1 + math.Exp(-sum))
}

func (l logistic) all(x [][]float64) []float64 {
	p := make([]float64, len(x))
	for i := range x {
		p[i] = l.probability(x[i])
	}
	return p
}

// area is the area under the ROC curve if row i is positive with probability y[i]: the AUC for labels, and for y = p what a calibrated
// model expects of itself (confidence-based performance estimation). Ties count half.
func area(y, p []float64) float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var negatives, positives, sum float64
	for _, i := range order { // ties are too rare to matter here
		sum += y[i] * (negatives + (1-y[i])/2)
		negatives += 1 - y[i]
		positives += y[i]
	}
	return sum / (negatives * positives)
}

// heart is the shipped set, and its rows by hospital.
func heart(t *testing.T) (f *Frame, l Labels, north, south []int) {
	t.Helper()
	b, err := os.ReadFile("../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	if f, err = ReadCSV(bytes.NewReader(b), Options{}); err != nil {
		t.Fatal(err)
	}
	if l, err = (Target{Column: "target"}).Labels(f, "", ""); err != nil {
		t.Fatal(err)
	}
	for i := range f.Rows() {
		if f.Column("site").Text(i) == "north" {
			north = append(north, i)
		} else {
			south = append(south, i)
		}
	}
	return f, l, north, south
}

func TestHeartIsWhatItsProgramWrites(t *testing.T) {
	want, err := exec.Command("go", "run", "../../testdata/datasets/heart").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("heart.csv is not the program's output: go run ./testdata/datasets/heart > testdata/datasets/heart.csv")
	}
}

func TestHeartIsShapedLikeItsSource(t *testing.T) {
	f, l, north, south := heart(t)
	if got := strings.Join(f.Names(), ","); got != "site,age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,target" {
		t.Errorf("columns %s", got)
	}
	if len(north) != 612 || len(south) != 290 || south[0] != 612 {
		t.Errorf("%d rows of the north, %d of the south from row %d on", len(north), len(south), south[0])
	}
	if l.Task != Binary || !slices.Equal(l.Classes, []string{"0", "1"}) {
		t.Errorf("labels %s %v", l.Task, l.Classes)
	}
	missing := 0
	for i := range f.Columns {
		n := f.Columns[i].MissingCount()
		if name := f.Columns[i].Name; n > 0 && name != "ca" && name != "thal" {
			t.Errorf("%s: %d missing", name, n)
		}
		missing += n
	}
	if missing < 5 || missing > 30 {
		t.Errorf("%d missing values", missing)
	}
	moments := func(column string, rows []int) (mean, sd float64) {
		c, n := f.Column(column).Take(rows), 0.0
		for _, v := range c.Float {
			if !math.IsNaN(v) {
				mean, sd, n = mean+v, sd+v*v, n+1
			}
		}
		mean /= n
		return mean, math.Sqrt(sd/n - mean*mean)
	}
	for _, c := range []struct {
		column           string
		mean, sd         float64 // Cleveland's, see testdata/datasets/README.md
		shiftLo, shiftHi float64 // of the south, in the north's standard deviations
	}{
		{"age", 54.4, 9.0, 0.3, 0.5},
		{"trestbps", 131.7, 17.6, 0, 0.3},
		{"chol", 246.7, 51.8, -0.3, 0.1},
		{"thalach", 149.6, 22.9, -1, -0.6},
		{"oldpeak", 1.04, 1.16, 0.1, 0.6},
		{"exang", 0.33, 0.47, 0.2, 0.6},
		{"target", 0.46, 0.50, 0.1, 0.5},
	} {
		mean, sd := moments(c.column, north)
		if math.Abs(mean-c.mean) > 0.15*c.sd || sd/c.sd < 0.85 || sd/c.sd > 1.15 {
			t.Errorf("%s in the north: mean %.2f sd %.2f, Cleveland's %.2f, %.2f", c.column, mean, sd, c.mean, c.sd)
		}
		there, _ := moments(c.column, south)
		if shift := (there - mean) / sd; shift < c.shiftLo || shift > c.shiftHi {
			t.Errorf("%s in the south: shifted by %.2f sd, wanted %.1f to %.1f", c.column, shift, c.shiftLo, c.shiftHi)
		}
	}
}

// The story that the set has to tell: a model of the north is good, it is worse in the south, it could know that without a label, and
// the south's own rows mend it.
func TestHeartTellsItsStory(t *testing.T) {
	f, l, north, south := heart(t)
	var columns []*Column
	for i := range f.Columns {
		if c := &f.Columns[i]; c.Kind == Numeric && c.Name != "target" {
			columns = append(columns, c)
		}
	}
	x := func(rows []int) [][]float64 {
		m := make([][]float64, len(rows))
		for i, r := range rows {
			for _, c := range columns {
				m[i] = append(m[i], c.Float[r])
			}
		}
		return m
	}
	y := func(rows []int) []float64 { return l.Take(rows).Y }

	held := make([]float64, len(north))
	for k, fold := 0, Folds(l.Take(north), 5, 0); k < 5; k++ {
		var in, out []int
		for i := range north {
			if fold[i] == k {
				out = append(out, i)
			} else {
				in = append(in, i)
			}
		}
		m := fitLogistic(x(in), y(in)) // the north comes first: its i-th row is row i
		for _, i := range out {
			held[i] = m.all(x([]int{i}))[0]
		}
	}
	first := fitLogistic(x(north), y(north))
	there := first.all(x(south))
	newer, rest := south[:174], south[174:]
	second := fitLogistic(x(slices.Concat(north, newer)), y(slices.Concat(north, newer)))

	for _, c := range []struct {
		what             string
		got, least, most float64
	}{
		{"AUC in the north, cross-validated", area(y(north), held), 0.89, 0.92},
		{"AUC of the north's model in the south", area(y(south), there), 0.78, 0.83},
		{"fall of the AUC that the model expects of itself", area(held, held) - area(there, there), 0.04, 0.08},
		{"gain in AUC by 174 rows of the south, on the other 116", area(y(rest), second.all(x(rest))) - area(y(rest), first.all(x(rest))), 0.04, 0.12},
		{"gain in the expected AUC", area(second.all(x(rest)), second.all(x(rest))) - area(first.all(x(rest)), first.all(x(rest))), 0.01, 0.1},
	} {
		if c.got < c.least || c.got > c.most {
			t.Errorf("%s: %.3f, wanted %.2f to %.2f", c.what, c.got, c.least, c.most)
		}
		t.Logf("%s: %.3f", c.what, c.got)
	}
}

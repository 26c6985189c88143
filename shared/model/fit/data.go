package fit

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// Data is a table ready to be fitted.
type Data struct {
	Features []model.Feature
	Columns  []Values // of each feature
	Rows     int
	Labels   dataset.Labels
	Weight   []float64 // how much each row counts, in [0, MaxRowWeight]; nil = one each
	Group    []int32   // rows of the same number belong together: none is held back while others are learnt from; nil = each row alone
	Timed    bool      // rows are in the order of time: what is held back are the last ones
}

// MaxRowWeight is the greatest weight of a row: sums of derivatives are single precision.
const MaxRowWeight = 1e30

// NewData codes a table of features only. The error names every column that cannot be used: one that holds infinities or numbers beyond
// model.MaxValue. The values stay the table's. Of a column with more than model.MaxLevels levels the most frequent are kept; the rest count as levels never seen.
func NewData(f *dataset.Frame, l dataset.Labels) (*Data, error) {
	d := &Data{Rows: f.Rows(), Labels: l}
	var problems []fault.Detail
	if l.Len() != d.Rows {
		problems = append(problems, fault.Detail{Field: l.Name, Code: "out_of_range", Got: l.Len(), Expected: "one label a row"})
	}
	if n := len(f.Columns); n < 1 || n > model.MaxFeatures {
		problems = append(problems, fault.Detail{Code: "out_of_range", Got: n, Expected: "1 to 5,000 feature columns"})
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		var feature model.Feature
		if c.Kind == dataset.Categorical {
			feature = d.categorical(c)
		} else {
			d.Columns = append(d.Columns, Values{Float: c.Float})
			feature = numeric(c)
			if bad := slices.IndexFunc(c.Float, func(v float64) bool { return math.Abs(v) > model.MaxValue }); bad >= 0 {
				problems = append(problems, fault.Detail{Field: c.Name, Code: model.CodeNonFinite, Got: c.Text(bad), Expected: fmt.Sprintf("finite numbers of magnitude at most %g", model.MaxValue), Row: fault.Row(bad + 1)})
			}
		}
		if d.Rows > 0 {
			feature.Missing = float64(c.MissingCount()) / float64(d.Rows)
		}
		d.Features = append(d.Features, feature)
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("the table cannot be trained on").With(problems...)
	}
	return d, nil
}

// numeric describes a numeric column.
func numeric(c *dataset.Column) model.Feature {
	f := model.Feature{Name: c.Name, Kind: c.Kind, Integer: c.Integer}
	first := true
	for _, v := range c.Float {
		if math.IsNaN(v) {
			continue
		}
		if first {
			f.Min, f.Max, first = v, v, false
		}
		f.Min, f.Max = min(f.Min, v), max(f.Max, v)
	}
	return f
}

// categorical appends a categorical column and describes it. Levels that no row has are left out.
func (d *Data) categorical(c *dataset.Column) model.Feature {
	count := make([]int, len(c.Levels))
	for _, k := range c.Code {
		if k >= 0 {
			count[k]++
		}
	}
	var kept []int
	for k, n := range count {
		if n > 0 {
			kept = append(kept, k)
		}
	}
	if len(kept) > model.MaxLevels {
		sort.SliceStable(kept, func(a, b int) bool { return count[kept[a]] > count[kept[b]] })
		kept = kept[:model.MaxLevels]
		slices.Sort(kept)
	}
	f := model.Feature{Name: c.Name, Kind: c.Kind}
	code := make([]float64, len(c.Levels))
	for k := range code {
		code[k] = -1
	}
	for to, k := range kept {
		code[k] = float64(to)
		f.Levels = append(f.Levels, c.Levels[k])
	}
	d.Columns = append(d.Columns, Values{Code: c.Code, Level: code})
	return f
}

// Column is the values of feature j, one a row, not to be written to.
func (d *Data) Column(j int) []float64 { return d.Columns[j].read(nil) }

// Row writes row i as model.Predictor reads it.
func (d *Data) Row(i int, dst []float64) {
	for j := range d.Columns {
		dst[j] = d.Columns[j].At(i)
	}
}

// With is d with other values of feature j.
func (d *Data) With(j int, values []float64) *Data {
	t := *d
	t.Columns = slices.Clone(d.Columns)
	t.Columns[j] = Values{Float: values}
	return &t
}

// copyValues is how many values Take copies, so that they lie side by side; more would cost more memory than it gains time.
const copyValues = 1 << 20

// Take is the data of the given rows. Features stay as they are: codes keep their meaning, and levels may have no row.
func (d *Data) Take(rows []int) *Data {
	t := &Data{Features: d.Features, Rows: len(rows), Timed: d.Timed, Labels: d.Labels.Take(rows), Columns: make([]Values, len(d.Columns))}
	from := taker{rows: rows}
	for j := range d.Columns {
		if len(rows)*len(d.Columns) <= copyValues {
			t.Columns[j] = from.copy(&d.Columns[j])
		} else {
			t.Columns[j] = from.view(&d.Columns[j])
		}
	}
	if d.Weight != nil {
		t.Weight = make([]float64, len(rows))
		for i, r := range rows {
			t.Weight[i] = d.Weight[r]
		}
	}
	if d.Group != nil {
		t.Group = make([]int32, len(rows))
		for i, r := range rows {
			t.Group[i] = d.Group[r]
		}
	}
	return t
}

// Predict scores every row of d: row-major, Width numbers a row.
func (d *Data) Predict(p model.Predictor) []float64 {
	const block = 512
	n, w := len(d.Features), p.Width()
	x, out := make([]float64, min(block, d.Rows)*n), make([]float64, d.Rows*w)
	for from := 0; from < d.Rows; from += block {
		to := min(from+block, d.Rows)
		for i := from; i < to; i++ {
			d.Row(i, x[(i-from)*n:(i-from+1)*n])
		}
		model.PredictBatch(p, out[from*w:to*w], x[:(to-from)*n], to-from)
	}
	return out
}

// columns are the features as package tree bins them.
func (d *Data) columns() []tree.Source {
	out := make([]tree.Source, len(d.Features))
	for j, f := range d.Features {
		levels := -1
		if f.Kind == dataset.Categorical {
			levels = len(f.Levels)
		}
		out[j] = func(buffer []float64) tree.Column {
			return tree.Column{Values: d.Columns[j].read(buffer), Levels: levels}
		}
	}
	return out
}

// weight is how much row i counts.
func (d *Data) weight(i int) float64 {
	if d.Weight == nil {
		return 1
	}
	return d.Weight[i]
}

// outputs is the number of raw scores of the task.
func (d *Data) outputs() int {
	if d.Labels.Task == dataset.Multiclass {
		return len(d.Labels.Classes)
	}
	return 1
}

// check reports data that nothing can be fitted to.
func (d *Data) check() error {
	ragged := slices.ContainsFunc(d.Columns, func(v Values) bool { return v.Len() != d.Rows })
	if d.Rows == 0 || d.Labels.Len() != d.Rows || ragged || len(d.Columns) != len(d.Features) || d.Weight != nil && len(d.Weight) != d.Rows || d.Group != nil && len(d.Group) != d.Rows {
		return fault.Invalidf("the data have %d rows, %d labels, %d features in %d columns (some of another length: %v), and %d weights", d.Rows, d.Labels.Len(), len(d.Features), len(d.Columns), ragged, len(d.Weight))
	}
	problems := append(checkWeights(d.Weight), checkLabels(d.Labels)...)
	if len(problems) > 0 {
		return fault.Invalidf("%d rows of data cannot be fitted", d.Rows).With(problems...)
	}
	return nil
}

// mostNamed is how many rows an error names one by one.
const mostNamed = 10

// checkWeights names the rows whose weight is none.
func checkWeights(w []float64) (d []fault.Detail) {
	var sum float64
	wrong := 0
	for i, v := range w {
		sum += v
		if v >= 0 && v <= MaxRowWeight {
			continue
		}
		if wrong++; wrong <= mostNamed {
			d = append(d, fault.Detail{Field: "weight", Code: "out_of_range", Got: fmt.Sprint(v), Expected: "a number in [0, 1e30]", Row: fault.Row(i)})
		}
	}
	if wrong > mostNamed {
		d = append(d, fault.Detail{Field: "weight", Code: "out_of_range", Got: fmt.Sprintf("%d rows in all", wrong), Expected: "a number in [0, 1e30]"})
	}
	if len(w) > 0 && sum == 0 {
		d = append(d, fault.Detail{Field: "weight", Code: "out_of_range", Got: fmt.Sprintf("0 in all %d rows", len(w)), Expected: "a row that counts"})
	}
	return d
}

// checkLabels names the rows whose label is no class and no value.
func checkLabels(l dataset.Labels) (d []fault.Detail) {
	expected := "a finite value"
	if l.Task != dataset.Regression {
		expected = fmt.Sprintf("the index of one of %d classes", len(l.Classes))
	}
	wrong := 0
	for i, y := range l.Y {
		if math.Abs(y) <= model.MaxValue && (l.Task == dataset.Regression || y >= 0 && y == math.Trunc(y) && int(y) < len(l.Classes)) {
			continue
		}
		if wrong++; wrong <= mostNamed {
			d = append(d, fault.Detail{Field: l.Name, Code: "out_of_range", Got: fmt.Sprint(y), Expected: expected, Row: fault.Row(i)})
		}
	}
	if wrong > mostNamed {
		d = append(d, fault.Detail{Field: l.Name, Code: "out_of_range", Got: fmt.Sprintf("%d rows in all", wrong), Expected: expected})
	}
	return d
}

// shares are the weighted shares of the classes, all in (0, 1): a class without rows, which a fold may have, counts as half a row.
func (d *Data) shares() []float64 {
	p := make([]float64, len(d.Labels.Classes))
	for i, y := range d.Labels.Y {
		p[int(y)] += d.weight(i)
	}
	if slices.Contains(p, 0) {
		for k := range p {
			p[k] += 0.5
		}
	}
	var sum float64
	for _, v := range p {
		sum += v
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// moments are the weighted mean and standard deviation of a regression's target; a constant one has deviation 1.
func (d *Data) moments() (mean, sd float64) {
	var sum, square, weight float64
	for i, y := range d.Labels.Y {
		sum += float64(d.weight(i) * y)
		weight += d.weight(i)
	}
	mean = sum / weight
	for i, y := range d.Labels.Y {
		square += float64(float64(d.weight(i)*(y-mean)) * (y - mean))
	}
	if sd = math.Sqrt(square / weight); !(sd > 0) {
		sd = 1
	}
	return mean, sd
}

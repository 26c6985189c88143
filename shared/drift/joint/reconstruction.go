// Package joint sees changes in how columns go together, which no test of one column can see: rows are projected on the directions in
// which the reference varies most, and what the projection loses of them is compared with what it lost of the reference.
package joint

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Reconstruction is what is kept of the reference, beside or in the model's profile: about as many numbers as columns squared, no rows.
//
// Half of the reference's rows, drawn at random, fix how values become numbers and on which components they are projected; the other
// half, on which nothing was fitted, say how large the error is when nothing changed. So its rows and a window's are alike in every
// respect, and the test of their difference holds whatever the size of the reference.
//
// A row x becomes numbers (missing: the mean, or the most frequent level; a level: its frequency), which are standardised to z. With the
// components in the rows of V, the row's error is
//
//	e = ||z - V'V z||
//
// The method is NannyML's (drift.multivariate.data_reconstruction), which also keeps 65 % of the variance. Different are the halves, the
// fences, without which one column with a heavy tail outshouts all others, and that at least one direction is never kept: a projection
// on all of them loses nothing and sees nothing.
type Reconstruction struct {
	Format     int              `json:"format"` // 1
	Columns    []Column         `json:"columns"`
	Components [][]number.Float `json:"components"`          // orthonormal, the direction of most variance first
	Explained  number.Float     `json:"explained"`           // share of the variance that the components keep
	Fitted     int              `json:"fitted"`              // rows that the components were fitted on
	Held       int              `json:"held"`                // rows that the error was measured on
	Mean       number.Float     `json:"mean"`                // of the error e of a row held apart
	MeanFitted number.Float     `json:"mean_fitted"`         // of the error of a row fitted on, which is smaller: the fewer rows, the more
	SD         number.Float     `json:"sd"`                  //
	Skewness   number.Float     `json:"skewness"`            //
	Residuals  []number.Float   `json:"residuals"`           // by column: mean of the squared difference of z and its projection
	Spreads    []number.Float   `json:"spreads"`             // by column: standard deviation of that difference, of a row
	Effect     number.Float     `json:"effect,omitempty"`    // by how many times the mean error varies more than that of independent rows; 0: by no more
	Stretches  int              `json:"stretches,omitempty"` // of the reference, in time, on which Effect rests
	Omitted    int              `json:"omitted"`             // columns of the reference that take no part: constant, or beyond the limit
}

// Limits of a reconstruction.
const (
	Variance   = 0.65 // share of the variance that the components keep, at least
	MinRows    = 100  // of the reference
	format     = 1
	maxColumns = 128     // the time of a row grows with their square
	maxLevels  = 1000    // of a column: rarer ones count as never seen
	maxRows    = 100_000 // of the reference that are looked at: more would not move the components noticeably
	maxCells   = 2 << 20 // of them together, so that wide tables take no longer
	seed       = 1       // of the halves
	stretches  = 32      // of rows that come in time
)

// New makes the reconstruction of a reference. It is nil where there is nothing to reconstruct: fewer than MinRows rows, or fewer than two
// columns that vary. Of more than 128 such columns the most important are taken (importance, by name, may be nil), then the first.
// Where rows come in time, the halves are every other of 32 stretches instead of rows drawn at random: what the components learn of one day
// says nothing of the next, and a window holds other days. How much the stretches held apart differ is the error's own noise.
func New(f *dataset.Frame, importance map[string]float64, inTime bool) *Reconstruction {
	if f.Rows() < MinRows {
		return nil
	}
	order := make([]int, len(f.Columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := importance[f.Columns[a].Name], importance[f.Columns[b].Name]
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	fitted, held := halves(f.Rows(), max(MinRows, min(maxRows, maxCells/min(len(order), maxColumns))), inTime)
	r, taken := &Reconstruction{Format: format}, &dataset.Frame{}
	for _, i := range order {
		if len(r.Columns) == maxColumns {
			break
		}
		part := f.Columns[i].Take(fitted)
		if c, varies := newColumn(&part); varies {
			r.Columns, taken.Columns = append(r.Columns, c), append(taken.Columns, f.Columns[i])
		}
	}
	if r.Omitted = len(f.Columns) - len(r.Columns); len(r.Columns) < 2 {
		return nil
	}
	rowsFitted := taken.Take(fitted)
	r.fit(rowsFitted)
	r.MeanFitted = number.Float(r.sums(rowsFitted, nil).Error.value() / float64(len(fitted)))
	errors := r.calibrate(taken.Take(held))
	if inTime {
		r.Effect, r.Stretches = effect(errors, float64(r.SD))
	}
	return r
}

// halves draws two sets of rows, of most together, which have none in common.
func halves(rows, most int, inTime bool) (fitted, held []int) {
	random := rand.New(rand.NewPCG(seed, 0x6a6f696e74)) // the second word is arbitrary and fixed
	drawn := Draw(random, rows, min(rows, most))
	if inTime {
		slices.Sort(drawn)
		for i, row := range drawn {
			if i*stretches/len(drawn)%2 == 0 {
				fitted = append(fitted, row)
			} else {
				held = append(held, row)
			}
		}
		return fitted, held
	}
	random.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	fitted, held = drawn[:len(drawn)/2], drawn[len(drawn)/2:]
	slices.Sort(fitted)
	slices.Sort(held)
	return fitted, held
}

// fit finds the components: the eigenvectors of the correlation matrix of the columns, in descending order of their eigenvalues.
func (r *Reconstruction) fit(f *dataset.Frame) {
	n, p := f.Rows(), len(r.Columns)
	read := make([]func(row int) float64, p)
	for j := range read {
		read[j] = r.Columns[j].reader(f.Column(r.Columns[j].Name))
	}
	z := mat.NewDense(n, p, nil)
	encode(read, 0, n, z.RawMatrix().Data)
	covariance := mat.NewSymDense(p, nil)
	covariance.SymOuterK(1/float64(n), z.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		panic("the eigenvalues of a symmetric matrix of finite numbers do not converge")
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	total := 0.0
	for _, v := range values {
		total += max(0, v)
	}
	kept := 0.0
	for k := p - 1; k > 0 && float64(kept) <= Variance*total; k-- { // the least direction is never kept
		kept += max(0, values[k])
		component := make([]number.Float, p)
		sign := 1.0 // the sign of an eigenvector is arbitrary: the greatest entry is positive
		greatest := 0.0
		for j := range component {
			if v := vectors.At(j, k); v*v > greatest*greatest {
				greatest = v
			}
		}
		if greatest < 0 {
			sign = -1
		}
		for j := range component {
			component[j] = number.Float(sign * vectors.At(j, k))
		}
		r.Components = append(r.Components, component)
	}
	r.Explained, r.Fitted = number.Float(kept/total), n
}

// calibrate learns how large the error is on rows that nothing was fitted on.
func (r *Reconstruction) calibrate(f *dataset.Frame) (errors []float64) {
	errors = make([]float64, f.Rows())
	s := r.sums(f, errors)
	n := float64(len(errors))
	mean := s.Error.value() / n
	var second, third float64
	for _, e := range errors {
		d := e - mean
		second += float64(d * d)
		third += float64(d * d * d)
	}
	r.Held, r.Mean, r.SD, r.Skewness = len(errors), number.Float(mean), number.Float(math.Sqrt(second/(n-1))), 0
	if second > 0 {
		r.Skewness = number.Float(third / n / (math.Sqrt(second/n) * second / n))
	}
	r.Residuals, r.Spreads = make([]number.Float, len(r.Columns)), make([]number.Float, len(r.Columns))
	for j := range r.Residuals {
		mean := s.Residuals[j].value() / n
		r.Residuals[j], r.Spreads[j] = number.Float(mean), number.Float(math.Sqrt(max(0, s.squares[j].value()/n-float64(mean*mean))))
	}
	return errors
}

// effect is Kish's design effect of the mean of values that come in time: rows x variance of the means of 16 stretches, or of 8, over the
// variance of a value, whichever is greater; 0 of none where neither is more than chance (p >= 0.001) or stretches have under 25 values.
func effect(values []float64, sd float64) (greatest number.Float, parts int) {
	certain := false
	for _, n := range []int{stretches / 2, stretches / 4} {
		rows := len(values) / n
		if rows < 25 || !(sd > 1e-9) { // less is what rounding leaves: errors are of standardised numbers
			continue
		}
		var total, squares float64
		for k := range n {
			var sum float64
			for _, v := range values[k*rows : (k+1)*rows] {
				sum += v / float64(rows)
			}
			total += sum / float64(n)
			squares += float64(sum * sum)
		}
		ratio := float64(rows) * (squares - float64(float64(n)*total*total)) / float64(n-1) / (sd * sd)
		certain = certain || ratio > 1 && distuv.ChiSquared{K: float64(n - 1)}.Survival(ratio*float64(n-1)) < 0.001
		if number.Float(ratio) > greatest {
			greatest, parts = number.Float(ratio), n
		}
	}
	if !certain || greatest <= 1 {
		return 0, 0
	}
	return greatest, parts
}

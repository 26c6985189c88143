package fit

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/number"
)

// mostListed is how many coefficients a report has at most.
const mostListed = 5000

// normal95 is the 97.5th percentile of the normal distribution.
const normal95 = 1.959963984540054

// report lists the coefficients of the weights w. Their covariance is taken to be the inverse of the penalised Hessian,
//
//	(X' D X + (1-L1Ratio)/C I)^-1
//
// D being the second derivatives of the losses; of regression it is multiplied by the residual variance, (weighted) squares over rows less
// the trace of the inverse with X' D X. Without a penalty that is the usual asymptotic covariance; with one it is that of the posterior with
// the penalty as prior (Laplace's approximation), so intervals do not account for the shrinkage. Weights that an L1 penalty set to 0 are
// left out as though nobody had chosen them. Of several classes errors are those of the difference to the mean over the classes.
func (p *objective) report(d *Data, w []float64) *model.Report {
	if p.k*p.x.width > mostListed {
		return &model.Report{ErrorsOmitted: fmt.Sprintf("the model has %d coefficients: at most %d are listed", p.k*p.x.width, mostListed)}
	}
	r := &model.Report{}
	variance, why := p.variance(w)
	if why != "" {
		r.ErrorsOmitted = why
	}
	effects := append([]float64(nil), w...)
	for o := range p.k {
		p.x.centre(effects[o*p.x.width : (o+1)*p.x.width])
	}
	list := func(c model.Coefficient, at int, factor, add float64) {
		for o := range p.k {
			if d.Labels.Task == dataset.Multiclass {
				c.Class = d.Labels.Classes[o]
			}
			i := o*p.x.width + at
			c.Estimate, c.SE = number.Float(add+float64(factor*effects[i])), number.Float(math.NaN())
			if variance != nil && variance[i] > 0 {
				c.SE = number.Float(factor * math.Sqrt(variance[i]))
			}
			c.Z, c.Low, c.High = c.Estimate/c.SE, c.Estimate-number.Float(normal95*c.SE), c.Estimate+number.Float(normal95*c.SE)
			r.Coefficients = append(r.Coefficients, c)
		}
	}
	list(model.Coefficient{}, p.x.width-1, p.sd, p.mean)
	for _, c := range p.x.columns {
		f := d.Features[c.feature]
		if c.value != nil {
			list(model.Coefficient{Feature: f.Name}, c.at, p.sd/c.sd, 0)
			continue
		}
		for i, share := range c.share {
			switch {
			case share == 0:
			case f.Kind == dataset.Numeric || i == len(f.Levels):
				list(model.Coefficient{Feature: f.Name, Missing: true}, c.at+i, p.sd, 0)
			default:
				list(model.Coefficient{Feature: f.Name, Level: f.Levels[i]}, c.at+i, p.sd, 0)
			}
		}
	}
	return r
}

// variance is that of each effect, as centre makes them of the weights, in units of the standardised target; or why there is none.
func (p *objective) variance(w []float64) (of []float64, why string) {
	if !p.affordable() {
		return nil, fmt.Sprintf("standard errors need a matrix of %d x %d from %d rows: too much for a table of this size", len(w), len(w), p.x.rows)
	}
	residual := p.scores(w)
	h := p.hessian()
	for i, v := range w {
		if v == 0 && p.lasso(i) > 0 { // not in the model: row and column of the unit matrix
			for j := range w {
				h.SetSym(i, j, 0)
			}
			h.SetSym(i, i, 1)
		}
	}
	var c mat.Cholesky
	var inverse mat.SymDense
	if !c.Factorize(h) || c.InverseTo(&inverse) != nil {
		return nil, "the columns are collinear, as far as numbers go: strengthen the penalty (smaller C), or leave columns out"
	}
	spread := 1.0
	for i, v := range w {
		if v == 0 && p.lasso(i) > 0 {
			inverse.SetSym(i, i, 0)
		}
	}
	if p.task == dataset.Regression {
		free := p.x.total
		for i, v := range w {
			m := i % p.x.width
			residual -= float64(p.pull(m) * v * v / 2) // what is left is half the sum of squares
			if v != 0 || p.lasso(i) == 0 {
				free -= 1 - float64(p.pull(m)*inverse.At(i, i))
			}
		}
		if spread = 2 * residual / free; !(free > 0) {
			return nil, "there are no more rows than coefficients: the residuals say nothing about errors"
		}
	}
	return p.spreads(&inverse, spread), ""
}

// spreads are the variances of the effects, given the covariance of the weights, times factor.
func (p *objective) spreads(covariance *mat.SymDense, factor float64) []float64 {
	size := p.k * p.x.width
	a := mat.DenseCopyOf(covariance)
	column := make([]float64, size)
	for j := range size { // effects are linear in the weights: what turns weights into effects is done to columns, then to rows
		mat.Col(column, j, a)
		p.effects(column)
		a.SetCol(j, column)
	}
	of := make([]float64, size)
	for i := range size {
		p.effects(a.RawRowView(i))
		of[i] = factor * a.At(i, i)
	}
	return of
}

// effects turns the weights w into effects, of several classes relative to the mean over the classes.
func (p *objective) effects(w []float64) {
	m := p.x.width
	for o := range p.k {
		p.x.centre(w[o*m : (o+1)*m])
	}
	if p.k == 1 {
		return
	}
	for i := range m {
		var mean float64
		for o := range p.k {
			mean += w[o*m+i] / float64(p.k)
		}
		for o := range p.k {
			w[o*m+i] -= mean
		}
	}
}

package fit

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// Linear fits logistic regression (binary), multinomial logistic regression (multiclass) or linear regression, the model to beat on
// tables of fewer than about a thousand rows.
//
// Numeric features are standardised, missing ones set to the mean and flagged by an indicator of their own; categorical ones become one
// indicator a level, missing being a level if training had it. It minimises
//
//	sum of losses + ((1-L1Ratio)/2 |w|^2 + L1Ratio |w|_1) / C
//
// over weights w and a free intercept, the loss being -log p(y) or (y-score)^2/2. So C and L1Ratio are those of scikit-learn's
// LogisticRegression, and 1/C the alpha of its Ridge. L1Ratio 0 is ridge regression, 1 the lasso, between them the elastic net (H. Zou,
// T. Hastie, 2005). A target of values is standardised for it, so that C means the same in any unit: a lasso's 1/C is scikit-learn's alpha
// times rows over the target's deviation. C = 1e6 is least squares, or maximum likelihood, but for a penalty that settles what the table
// leaves open: collinear columns, and classes that can be separated.
//
// The predictor's Report has the coefficients and their standard errors, see model.Report.
type Linear struct {
	C           float64 // inverse strength of the penalty, in [1e-6, 1e6]; 0 = 1
	L1Ratio     float64 // share of the penalty that is L1, in [0, 1]
	ClassWeight ClassWeight
}

const (
	defaultC  = 1.0
	greatestC = 1e6
	leastC    = 1e-6
	freePull  = 1e-6 // penalty on intercepts, to keep them finite where a class has no rows or every score may shift alike
)

// Algorithm is "linear".
func (Linear) Algorithm() string { return "linear" }

// Params has C, and the others where they are set.
func (l Linear) Params() map[string]any {
	l.C = l.c()
	return values(l.params())
}

// Complexity grows with C: a strong penalty is simpler, and of equally strong ones that which sets weights to 0. All linear models are
// simpler than all trees.
func (l Linear) Complexity() int { return 1000 + int(math.Round(100*math.Log10(l.c())-10*l.L1Ratio)) }

func (l Linear) c() float64 {
	if l.C == 0 {
		return defaultC
	}
	return l.C
}

// Fit finds the minimum; see newton, proximal and accelerated. Where that does not end within its steps, the Report says so.
func (l Linear) Fit(d *Data, o Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if _, err := Parse(l.Algorithm(), l.Params()); err != nil {
		return nil, err
	}
	d, err := l.ClassWeight.apply(d)
	if err != nil {
		return nil, err
	}
	x := newDesign(d, max(1, o.Threads))
	p := newObjective(x, d, l)
	w, end, err := p.minimise(o)
	if err != nil {
		return nil, err
	}
	m := x.model(d, w, p.mean, p.sd)
	m.Report = p.report(d, w)
	m.Report.Iterations, m.Report.Converged = end.steps, &end.converged
	return m, nil
}

// model turns weights on standardised columns into effects that are centred on the training rows, see model.Linear.
func (x *design) model(d *Data, w []float64, mean, sd float64) *model.Linear {
	k := d.outputs()
	l := &model.Linear{Task: d.Labels.Task, Intercept: make([]float64, k), Terms: make([]model.Term, len(d.Features))}
	for j, f := range d.Features {
		l.Terms[j] = model.Term{Levels: -1, Effect: make([]float64, 3*k)}
		if f.Kind == dataset.Categorical {
			l.Terms[j] = model.Term{Levels: len(f.Levels), Effect: make([]float64, (1+len(f.Levels))*k)}
		}
	}
	for o := range k {
		w := append([]float64(nil), w[o*x.width:(o+1)*x.width]...)
		for i := range w {
			w[i] *= sd
		}
		indicator := append([]float64(nil), w...)
		x.centre(w)
		l.Intercept[o] = mean + w[x.width-1]
		for _, c := range x.columns {
			t := &l.Terms[c.feature]
			switch {
			case c.value != nil:
				t.Centre, t.Effect[o] = c.mean, w[c.at]/c.sd
			case t.Levels < 0:
				t.Effect[k+o], t.Effect[2*k+o] = w[c.at]-indicator[c.at], w[c.at]
			default:
				for i, s := range c.share {
					if s > 0 { // a level without rows has the effect of one never seen: none
						t.Effect[(i+1)%c.n*k+o] = w[c.at+i]
					}
				}
			}
		}
	}
	return l
}

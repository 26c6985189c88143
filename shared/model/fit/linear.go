package fit

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// Linear fits logistic regression (binary), multinomial logistic regression (multiclass) or ridge regression, the model to beat on
// tables of fewer than about a thousand rows.
//
// Numeric features are standardised, missing ones set to the mean and flagged by an indicator of their own; categorical ones become one
// indicator a level, missing being a level if training had it. It minimises
//
//	sum of losses + |w|^2 / (2 C)
//
// over weights w and a free intercept, the loss being -log p(y) or (y-score)^2/2. So C is scikit-learn's C of LogisticRegression, and
// 1/C the alpha of Ridge.
type Linear struct {
	C float64 // inverse strength of the penalty, in (0, 1e6]; 0 = 1
}

const (
	defaultC   = 1.0
	greatestC  = 1e6
	leastC     = 1e-6
	freePull   = 1e-6 // penalty on intercepts, to keep them finite where a class has no rows or every score may shift alike
	newtonMost = 100  // Newton steps; 5 to 15 are usual
)

// Algorithm is "linear".
func (Linear) Algorithm() string { return "linear" }

// Params has C.
func (l Linear) Params() map[string]any { return map[string]any{"C": l.c()} }

// Complexity grows with C: a strong penalty is simpler. All linear models are simpler than all trees.
func (l Linear) Complexity() int { return 1000 + int(math.Round(100*math.Log10(l.c()))) }

func (l Linear) c() float64 {
	if l.C == 0 {
		return defaultC
	}
	return l.C
}

// Fit finds the minimum, which is unique, by truncated Newton steps; see newton.
func (l Linear) Fit(d *Data, o Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if !(l.c() >= leastC && l.c() <= greatestC) {
		return nil, fault.Invalidf("C of a linear model is %g: it must lie in [%g, %g]", l.c(), leastC, greatestC)
	}
	x := newDesign(d, max(1, o.Threads))
	p := newObjective(x, d, 1/l.c())
	w, err := newton(p, o)
	if err != nil {
		return nil, err
	}
	return x.model(d, w, p.mean, p.sd), nil
}

// design is the matrix X of a linear model, column by column: never one-hot in memory.
type design struct {
	rows, threads int
	columns       []column
	width         int // weights a score, the intercept being the last
}

// column is a numeric feature (value), or the indicators made of one feature (code).
type column struct {
	feature  int
	at, n    int       // its weights are at..at+n
	value    []float64 // standardised, 0 where missing
	code     []int32   // which of the n indicators is 1, -1 for none
	mean, sd float64
	share    []float64 // of rows with each indicator
}

// newDesign makes the columns. A numeric feature that is constant, and indicators that every row shares, get none: they say nothing.
func newDesign(d *Data, threads int) *design {
	x := &design{rows: d.Rows, threads: threads}
	for j, f := range d.Features {
		if f.Kind == dataset.Numeric {
			x.numeric(j, d.Column(j))
		} else {
			x.categorical(j, d.Column(j), len(f.Levels))
		}
	}
	for i := range x.columns {
		x.columns[i].at = x.width
		x.width += x.columns[i].n
	}
	x.width++
	return x
}

func (x *design) numeric(j int, v []float64) {
	var sum, square float64
	n := 0
	for _, t := range v {
		if t == t {
			sum += t
			n++
		}
	}
	if n == 0 {
		return
	}
	mean := sum / float64(n)
	for _, t := range v {
		if t == t {
			square += float64((t - mean) * (t - mean))
		}
	}
	sd := math.Sqrt(square / float64(n))
	if sd > 1e-12*math.Abs(mean) && !math.IsInf(sd, 0) {
		c := column{feature: j, n: 1, value: make([]float64, len(v)), mean: mean, sd: sd}
		for i, t := range v {
			if t == t {
				c.value[i] = (t - mean) / sd
			}
		}
		x.columns = append(x.columns, c)
	}
	if n < len(v) {
		c := column{feature: j, n: 1, code: make([]int32, len(v)), share: []float64{1 - float64(n)/float64(len(v))}}
		for i, t := range v {
			if t == t {
				c.code[i] = -1
			}
		}
		x.columns = append(x.columns, c)
	}
}

// categorical gives each level an indicator, and a missing value the one after them.
func (x *design) categorical(j int, v []float64, levels int) {
	c := column{feature: j, n: levels + 1, code: make([]int32, len(v)), share: make([]float64, levels+1)}
	for i, t := range v {
		switch {
		case t != t:
			c.code[i] = int32(levels)
		case t < 0: // a level beyond model.MaxLevels
			c.code[i] = -1
			continue
		default:
			c.code[i] = int32(t)
		}
		c.share[c.code[i]] += 1 / float64(len(v))
	}
	x.columns = append(x.columns, c)
}

// forward writes X w to z.
func (x *design) forward(z, w []float64) {
	tree.Parallel(x.rows, x.threads, x.rows*len(x.columns), func(from, to int) {
		z := z[from:to]
		for i := range z {
			z[i] = w[x.width-1]
		}
		for _, c := range x.columns {
			if c.value != nil {
				b := w[c.at]
				for i, v := range c.value[from:to] {
					z[i] += float64(b * v)
				}
				continue
			}
			b := w[c.at : c.at+c.n]
			for i, k := range c.code[from:to] {
				if k >= 0 {
					z[i] += b[k]
				}
			}
		}
	})
}

// backward writes X' r to g; squared takes the squares of X's entries instead.
func (x *design) backward(g, r []float64, squared bool) {
	var sum float64
	for _, v := range r {
		sum += v
	}
	g[x.width-1] = sum
	tree.Parallel(len(x.columns), x.threads, x.rows*len(x.columns), func(from, to int) {
		for _, c := range x.columns[from:to] {
			g := g[c.at : c.at+c.n]
			clear(g)
			for i, k := range c.code {
				if k >= 0 {
					g[k] += r[i]
				}
			}
			if c.value == nil {
				continue
			}
			var sum float64
			for i, v := range c.value {
				if squared {
					v *= v
				}
				sum += float64(v * r[i])
			}
			g[0] = sum
		}
	})
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
		w := w[o*x.width : (o+1)*x.width]
		l.Intercept[o] = mean + float64(sd*w[x.width-1])
		for _, c := range x.columns {
			t := &l.Terms[c.feature]
			var centre float64
			for i, s := range c.share {
				centre += float64(s * sd * w[c.at+i])
			}
			l.Intercept[o] += centre
			switch {
			case c.value != nil:
				t.Centre, t.Effect[o] = c.mean, sd*w[c.at]/c.sd
			case t.Levels < 0:
				t.Effect[k+o], t.Effect[2*k+o] = -centre, float64(sd*w[c.at])-centre
			default:
				for i, s := range c.share {
					if s > 0 { // a level without rows has the effect of one never seen: none
						t.Effect[(i+1)%c.n*k+o] = float64(sd*w[c.at+i]) - centre
					}
				}
			}
		}
	}
	return l
}

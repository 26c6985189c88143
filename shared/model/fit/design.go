package fit

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"mlops/shared/dataset"
	"mlops/shared/model/tree"
)

// design is the matrix X of a linear model, column by column: never one-hot in memory.
type design struct {
	rows, threads int
	total         float64 // weight of all rows
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
	share    []float64 // of the rows' weight with each indicator
}

// leastSpread is the deviation up to which a column counts as constant: the slope on one yet narrower could not be stored.
const leastSpread = 1e-90

// newDesign makes the columns. A numeric feature that is constant, and indicators that every row shares, get none: they say nothing.
func newDesign(d *Data, threads int) *design {
	x := &design{rows: d.Rows, threads: threads, total: d.total()}
	for j, f := range d.Features {
		if f.Kind == dataset.Numeric {
			x.numeric(d, j)
		} else {
			x.categorical(d, j, len(f.Levels))
		}
	}
	for i := range x.columns {
		x.columns[i].at = x.width
		x.width += x.columns[i].n
	}
	x.width++
	return x
}

// total is the weight of all rows.
func (d *Data) total() (sum float64) {
	for i := range d.Rows {
		sum += d.weight(i)
	}
	return sum
}

// numeric adds the column of a number, and one of its missing values if it has any. Moments are weighted, so that a row of weight 2 is two.
func (x *design) numeric(d *Data, j int) {
	v := d.Column(j)
	var sum, square, weight float64
	missing := false
	for i, t := range v {
		if t == t {
			sum += float64(d.weight(i) * t)
			weight += d.weight(i)
		} else {
			missing = true
		}
	}
	if weight == 0 {
		return
	}
	mean := sum / weight
	for i, t := range v {
		if t == t {
			square += float64(d.weight(i) * (t - mean) * (t - mean))
		}
	}
	sd := math.Sqrt(square / weight)
	if sd > max(1e-12*math.Abs(mean), leastSpread) && !math.IsInf(sd, 0) {
		c := column{feature: j, n: 1, value: make([]float64, len(v)), mean: mean, sd: sd}
		for i, t := range v {
			if t == t {
				c.value[i] = (t - mean) / sd
			}
		}
		x.columns = append(x.columns, c)
	}
	if missing {
		c := column{feature: j, n: 1, code: make([]int32, len(v)), share: []float64{1 - weight/x.total}}
		for i, t := range v {
			if t == t {
				c.code[i] = -1
			}
		}
		x.columns = append(x.columns, c)
	}
}

// categorical gives each level an indicator, and a missing value the one after them.
func (x *design) categorical(d *Data, j, levels int) {
	v := d.Column(j)
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
		c.share[c.code[i]] += d.weight(i) / x.total
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

// centre turns the weights w of one score into effects that are 0 on average over the training rows, the intercept into the mean score.
func (x *design) centre(w []float64) {
	for _, c := range x.columns {
		var mean float64
		for i, s := range c.share {
			mean += float64(s * w[c.at+i])
		}
		for i := range c.share {
			w[c.at+i] -= mean
		}
		w[x.width-1] += mean
	}
}

// gram adds X' diag(h) X to the upper triangle of the matrix a, whose rows are stride apart. Each pair of columns is summed by one thread, in
// the order of rows: the result does not depend on their number.
func (x *design) gram(a []float64, stride int, h []float64) {
	n := len(x.columns)
	last := x.width - 1
	a[last*stride+last] += floats.Sum(h)
	tree.Parallel(n, x.threads, x.rows*n*(n+1)/2, func(from, to int) {
		scaled := make([]float64, x.rows)
		for i := from; i < to; i++ {
			p := i / 2 // the first column has most partners, the last one fewest: taken in turn, every thread has as much to do
			if i%2 == 1 {
				p = n - 1 - i/2
			}
			c := &x.columns[p]
			if c.value != nil {
				floats.MulTo(scaled, h, c.value)
				row := a[c.at*stride:]
				row[last] += floats.Sum(scaled)
				for q := p; q < n; q++ {
					x.columns[q].addTo(row, scaled)
				}
				continue
			}
			for k, v := range c.weigh(h) {
				row := a[(c.at+k)*stride:]
				row[c.at+k] += v
				row[last] += v
			}
			for q := p + 1; q < n; q++ {
				c.cross(a, stride, &x.columns[q], h)
			}
		}
	})
}

// addTo adds the column's part of a row of X' diag(h) X, r being h times another, numeric column.
func (c *column) addTo(row, r []float64) {
	if c.value != nil {
		row[c.at] += floats.Dot(r, c.value)
		return
	}
	row = row[c.at : c.at+c.n]
	for i, k := range c.code {
		if k >= 0 {
			row[k] += r[i]
		}
	}
}

// weigh is the weight h of the rows with each indicator.
func (c *column) weigh(h []float64) []float64 {
	sum := make([]float64, c.n)
	for i, k := range c.code {
		if k >= 0 {
			sum[k] += h[i]
		}
	}
	return sum
}

// cross adds the indicators' products with another column.
func (c *column) cross(a []float64, stride int, o *column, h []float64) {
	for i, k := range c.code {
		if k < 0 {
			continue
		}
		at := (c.at+int(k))*stride + o.at
		if o.value != nil {
			a[at] += float64(h[i] * o.value[i])
		} else if l := o.code[i]; l >= 0 {
			a[at+int(l)] += h[i]
		}
	}
}

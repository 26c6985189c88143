package evaluate

import "math"

// predicted is the class a row is given: the most probable one, the first of equals; for two classes the positive one from 0.5 on,
// which is model.Model's threshold unless somebody moved it.
func predicted(p []float64) int {
	if len(p) == 2 {
		if p[1] >= 0.5 {
			return 1
		}
		return 0
	}
	return argmax(p)
}

func argmax(p []float64) int {
	best := 0
	for k, v := range p {
		if v > p[best] {
			best = k
		}
	}
	return best
}

func rights(y, p []float64, width int) []bool {
	right := make([]bool, len(y))
	for i, v := range y {
		right[i] = predicted(p[i*width:(i+1)*width]) == int(v)
	}
	return right
}

// Accuracy is the share of rows whose most probable class is the true one. Shapes as LogLoss.
func Accuracy(y, p []float64, width int) float64 {
	n := 0
	for _, r := range rights(y, p, width) {
		if r {
			n++
		}
	}
	return float64(n) / float64(len(y))
}

// confusion counts, for one class, what its F1 is made of.
type confusion struct{ hit, miss int } // true positives; false positives and false negatives together

func (c confusion) f1() float64 {
	if c.hit == 0 {
		return 0
	}
	return 2 * float64(c.hit) / float64(2*c.hit+c.miss)
}

// interval is that of the F1 of one class. Among the rows that are of the class or were called it, the hits are binomial with
// proportion J = hit/(hit+miss), the Jaccard index, and F1 = 2J/(1+J) grows with J: so it is Wilson's interval of J, carried over.
func (c confusion) interval() (low, high float64) {
	low, high = wilson(c.hit, c.hit+c.miss)
	return 2 * low / (1 + low), 2 * high / (1 + high)
}

// confusions are by class; a class that neither occurs nor was predicted has none of either and takes no part in a mean.
func confusions(y, p []float64, width int) []confusion {
	c := make([]confusion, width)
	for i, v := range y {
		got := predicted(p[i*width : (i+1)*width])
		if got == int(v) {
			c[got].hit++
			continue
		}
		c[got].miss++
		c[int(v)].miss++
	}
	return c
}

// F1 is the harmonic mean of precision and recall of the positive class, zero where there is no true positive; for more than two
// classes the unweighted (macro) mean over the classes that occur or were predicted. Shapes as LogLoss.
//
//	F1 = 2 TP / (2 TP + FP + FN)
func F1(y, p []float64, width int) float64 {
	c := confusions(y, p, width)
	if width == 2 {
		return c[1].f1()
	}
	var sum, n float64
	for _, k := range c {
		if k.hit+k.miss > 0 {
			sum += k.f1()
			n++
		}
	}
	return sum / n
}

// f1Influence is the delta method for F1 = 2a/(2a+b), a and b the rates of hits and misses; for the mean over classes the mean of
// theirs (Takahashi et al., Applied Intelligence 52, 2022).
func f1Influence(y, p []float64, width int) influence {
	c := confusions(y, p, width)
	first, classes := 0, 0
	if width == 2 {
		first = 1
	}
	for _, k := range c[first:] {
		if k.hit+k.miss > 0 {
			classes++
		}
	}
	if width == 2 {
		classes = 1
	}
	in := influence{value: F1(y, p, width), row: make([]float64, len(y))}
	for i, v := range y {
		got := predicted(p[i*width : (i+1)*width])
		if got == int(v) {
			if got >= first {
				in.row[i] = float64(2*c[got].miss) / square(c[got])
			}
		} else {
			for _, k := range [2]int{got, int(v)} {
				if k >= first {
					in.row[i] -= float64(2*c[k].hit) / square(c[k])
				}
			}
		}
		in.row[i] /= float64(classes)
	}
	return in
}

func square(c confusion) float64 { return math.Pow(float64(2*c.hit+c.miss), 2) }

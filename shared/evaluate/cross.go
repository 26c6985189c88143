package evaluate

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// cross is a confusion matrix: rows by truth and answer.
type cross struct {
	n     [][]int // [truth][answer]
	truth []int
	given []int
	total int
}

func newCross(y, p []float64, width int) cross {
	c := cross{n: make([][]int, width), truth: make([]int, width), given: make([]int, width), total: len(y)}
	for k := range c.n {
		c.n[k] = make([]int, width)
	}
	for i, v := range y {
		got := predicted(p[i*width : (i+1)*width])
		c.n[int(v)][got]++
		c.truth[int(v)]++
		c.given[got]++
	}
	return c
}

// ratio is a share of rows of one class: hits of all.
type ratio struct{ hits, all int }

func (r ratio) value() float64 {
	if r.all == 0 {
		return 0
	}
	return float64(r.hits) / float64(r.all)
}

func (c cross) precision(k int) ratio { return ratio{c.n[k][k], c.given[k]} }
func (c cross) recall(k int) ratio    { return ratio{c.n[k][k], c.truth[k]} }
func (c cross) specificity(k int) ratio {
	return ratio{c.total - c.truth[k] - c.given[k] + c.n[k][k], c.total - c.truth[k]}
}

// estimate is a ratio of the positive class, or its mean over the classes that occur or were answered. Each class's share is binomial given its
// denominator; the mean's error takes the classes for independent.
func (c cross) estimate(of func(cross, int) ratio) Estimate {
	if len(c.n) == 2 {
		e := of(c, 1).estimate()
		e.N = c.total
		return e
	}
	var value, variance, classes, low, high float64
	for k := range c.n {
		if c.truth[k]+c.given[k] == 0 {
			continue
		}
		r := of(c, k)
		v := r.value()
		l, h := wilson(r.hits, r.all)
		low, high = low+l, high+h
		value, variance, classes = value+v, variance+v*(1-v)/float64(max(1, r.all)), classes+1
	}
	value, se := value/classes, math.Sqrt(variance)/classes
	if se == 0 { // all right or all wrong: the mean of the classes' own bounds
		return estimate(value, low/classes, high/classes, 0, c.total)
	}
	return estimate(value, max(0, value-float64(z*se)), min(1, value+float64(z*se)), se, c.total)
}

// mcc is Gorodkin's R_K, for two classes the Matthews correlation; 0 where the truth or the answers are all alike.
//
//	(c s - sum_k p_k t_k) / sqrt((s^2 - sum p_k^2)(s^2 - sum t_k^2)), c right rows of s, p_k answered k, t_k truly k
//
// Gorodkin, Computational Biology and Chemistry 28 (2004).
func mcc(right, s, given, truth, both float64) float64 {
	denominator := (s*s - given) * (s*s - truth)
	if denominator <= 0 {
		return 0
	}
	return (right*s - both) / math.Sqrt(denominator)
}

// correlation is the mcc with the interval of Fisher's z, its standard error the jackknife's over rows: rows of one cell are alike, so it takes one step a
// cell. At 1 and -1 the error says nothing; the bound there is that of a correlation as far from them as Wilson's bound of the accuracy allows.
func (c cross) correlation() Estimate {
	var right, given, truth, both float64
	for k := range c.n {
		right += float64(c.n[k][k])
		given += float64(c.given[k] * c.given[k])
		truth += float64(c.truth[k] * c.truth[k])
		both += float64(c.given[k] * c.truth[k])
	}
	s := float64(c.total)
	v := mcc(right, s, given, truth, both)
	var sum, squares float64
	for t := range c.n {
		for g, n := range c.n[t] {
			if n == 0 {
				continue
			}
			hit := 0.0
			if t == g {
				hit = 1
			}
			without := mcc(right-hit, s-1, given-float64(2*c.given[g]-1), truth-float64(2*c.truth[t]-1), both-float64(c.truth[g]+c.given[t])+hit)
			sum += float64(n) * without
			squares += float64(n) * without * without
		}
	}
	se := math.Sqrt(max(0, (s-1)*(squares/s-float64(sum/s*sum/s))))
	if math.Abs(v) >= 1 {
		low, _ := wilson(c.total, c.total)
		if v > 0 {
			return estimate(v, 2*low-1, 1, 0, c.total)
		}
		return estimate(v, -1, 1-2*low, 0, c.total)
	}
	shift := z * se / (1 - v*v)
	return estimate(v, math.Tanh(math.Atanh(v)-shift), math.Tanh(math.Atanh(v)+shift), se, c.total)
}

// ByClass is Class of every class, in their order, at a threshold (binary). The error is Detail's.
func ByClass(l dataset.Labels, p []float64, threshold float64) ([]Class, error) {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	if len(problems) > 0 || l.Task == dataset.Regression {
		return nil, fault.Invalidf("measure the classes of %q", l.Name).With(problems...)
	}
	width := len(l.Classes)
	hard := decided(p, width, threshold)
	c, hits := newCross(l.Y, hard, width), confusions(l.Y, hard, width)
	classes := make([]Class, width)
	for k := range classes {
		low, high := hits[k].interval()
		if classes[k].AUC = undefined(c.total); c.truth[k] > 0 && c.truth[k] < c.total {
			classes[k].AUC = logitWald(classArea(l.Y, column(p, width, k), k), min(c.truth[k], c.total-c.truth[k]))
		}
		classes[k].Name, classes[k].Rows = l.Classes[k], c.truth[k]
		classes[k].Precision, classes[k].Recall = c.precision(k).estimate(), c.recall(k).estimate()
		classes[k].F1 = estimate(hits[k].f1(), low, high, math.NaN(), c.total)
	}
	return classes, nil
}

// classArea is the area of one class against the rest.
func classArea(y, score []float64, class int) influence {
	one := make([]float64, len(y))
	for i, v := range y {
		if int(v) == class {
			one[i] = 1
		}
	}
	return areaInfluence(one, score, []int{1})
}

// estimate is the share with Wilson's interval.
func (r ratio) estimate() Estimate {
	low, high := wilson(r.hits, r.all)
	v := r.value()
	return estimate(v, low, high, math.Sqrt(v*(1-v)/float64(max(1, r.all))), r.all)
}

// Class is how well one class is told from the others, as if it were the positive one.
type Class struct {
	Name      string   `json:"name"`
	Rows      int      `json:"rows"` // truly of the class
	Precision Estimate `json:"precision"`
	Recall    Estimate `json:"recall"`
	F1        Estimate `json:"f1"`
	AUC       Estimate `json:"auc"` // against the rest
}

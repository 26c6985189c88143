package drift

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Noise is how much parts of the reference, cut in the order of its rows, differ among themselves beyond chance. Rows that come in time have
// days, weather and campaigns in them, so that an ordinary window differs from the whole by more than a sample of independent rows does.
// A design effect is by how many times the variance is greater: Kish, Survey Sampling (1965). It is 1 where the parts show none (p >= 0.001).
type Noise struct {
	Rows    int          `json:"rows"`             // of a part
	Parts   int          `json:"parts"`            //
	Shape   number.Float `json:"shape"`            // of the counts in bins or levels: chi-square of the parts / its degrees of freedom
	DF      number.Float `json:"df"`               // in how many directions the shape varies (Satterthwaite, halved): mean^2 / variance of a part's chi-square
	Rank    number.Float `json:"rank"`             // of the mean rank: Kruskal and Wallis's H / (Parts - 1); 1 of categories
	Missing number.Float `json:"missing"`          // of the share of missing values
	Novel   number.Float `json:"novel,omitempty"`  // greatest share of a part's rows that hold levels found nowhere else; 0: no more than chance
	Absent  number.Float `json:"absent,omitempty"` // share of the most frequent level that some part lacks; 0: no more than chance
}

// How the reference is cut, and when its parts differ.
const (
	mostParts     = 64
	leastParts    = 8
	leastPart     = 25 // rows
	noiseCertain  = 0.001
	sortedLevels  = maxBins // values that come in as many runs, if no more than these, are groups that somebody sorted by
	counterWander = 0.15    // of its range: how far a value that counts rows (a time, a number) may stray from a straight line
)

// part is a column's counts in a stretch of the reference.
type part struct {
	cells   []int // by bin or level
	missing int
	rows    int
}

// cutParts counts the column on the profile's bins in 64 stretches of its rows, or in 32, 16 or 8 where there are fewer than 1,600 rows; in
// none below 200.
func (f *FeatureProfile) cutParts(c *dataset.Column, rows int) []part {
	n := mostParts
	for n >= leastParts && rows/n < leastPart {
		n /= 2
	}
	if n < leastParts {
		return nil
	}
	parts := make([]part, n)
	cell := f.placer(c)
	for k := range parts {
		p := part{cells: make([]int, len(f.Counts))}
		for i := k * rows / n; i < (k+1)*rows/n; i++ {
			p.rows++
			switch at := cell(i); {
			case at >= 0:
				p.cells[at]++
			case at == isMissing:
				p.missing++
			}
		}
		parts[k] = p
	}
	return parts
}

// What is in no cell: missing values, and infinities and levels that the profile does not keep.
const (
	isMissing = -1
	isOutside = -2
)

// placer gives the cell of a row.
func (f *FeatureProfile) placer(c *dataset.Column) func(row int) int {
	if c.Kind == dataset.Numeric {
		edges := f.edges()
		return func(i int) int {
			switch x := c.Float[i]; {
			case math.IsNaN(x):
				return isMissing
			case math.IsInf(x, 0):
				return isOutside
			default:
				return bin(edges, x)
			}
		}
	}
	at := make([]int, len(c.Levels))
	for k, level := range c.Levels {
		if i, kept := slices.BinarySearch(f.Levels, level); kept {
			at[k] = i
		} else {
			at[k] = isOutside
		}
	}
	return func(i int) int {
		if code := c.Code[i]; code >= 0 {
			return at[code]
		}
		return isMissing
	}
}

// learnNoise measures the parts as they are and joined two by two, down to eight; nothing is kept where no part differs.
func (f *FeatureProfile) learnNoise(parts []part) {
	noisy := false
	var found []Noise
	for ; len(parts) >= leastParts; parts = joined(parts) {
		n := f.noise(parts)
		noisy = noisy || n.Shape > 1 || n.Rank > 1 || n.Missing > 1 || n.Novel > 0 || n.Absent > 0
		if k := len(found) - 1; k >= 0 { // a longer stretch averages no more away than it holds: its design effect is no less
			n.Shape, n.Rank, n.Missing = max(n.Shape, found[k].Shape), max(n.Rank, found[k].Rank), max(n.Missing, found[k].Missing)
			n.DF = min(n.DF, found[k].DF)
		}
		found = append(found, n)
	}
	if noisy {
		f.Noise = found
	}
}

// joined are the parts two by two.
func joined(parts []part) []part {
	half := make([]part, len(parts)/2)
	for i := range half {
		a, b := parts[2*i], parts[2*i+1]
		half[i] = part{cells: slices.Clone(a.cells), missing: a.missing + b.missing, rows: a.rows + b.rows}
		for k, n := range b.cells {
			half[i].cells[k] += n
		}
	}
	return half
}

func (f *FeatureProfile) noise(parts []part) Noise {
	whole := parts[0]
	for _, p := range parts[1:] {
		whole = joined([]part{whole, p})[0]
	}
	n := Noise{Rows: whole.rows / len(parts), Parts: len(parts), Shape: 1, DF: 1, Rank: 1, Missing: 1}
	var statistics, ranks, missing []float64
	df := 0
	for _, p := range parts {
		t := rest(whole.cells, p.cells)
		numbers := f.Kind == dataset.Numeric
		if t.n == 0 || t.m == 0 {
			continue
		}
		outside := float64(t.n) / float64(t.n+t.m) // a part is compared with the rest: this makes the sum that of all parts
		if numbers {
			z, _ := t.rankSum()
			ranks = append(ranks, z*z*outside)
			t = t.poolNeighbours()
		} else {
			t = t.poolRare()
		}
		x, d, _ := t.chiSquare()
		statistics, df = append(statistics, x*outside), max(df, d)
		m := newTable([]int{whole.rows - whole.missing - p.rows + p.missing, whole.missing - p.missing}, []int{p.rows - p.missing, p.missing})
		x, _, _ = m.chiSquare()
		missing = append(missing, x*float64(m.n)/float64(m.n+m.m))
	}
	n.Shape, n.Rank, n.Missing = designEffect(statistics, df), designEffect(ranks, 1), designEffect(missing, 1)
	n.DF = number.Float(directions(statistics, df))
	if f.Kind == dataset.Categorical && f.Other == 0 {
		n.Novel, n.Absent = novelty(whole, parts), absence(whole, parts)
	}
	return n
}

// rest is what a part is compared with: all that is not in it.
func rest(whole, part []int) table {
	others := make([]int, len(whole))
	for i := range whole {
		others[i] = whole[i] - part[i]
	}
	return newTable(others, part)
}

// designEffect of chi-squares that add up to one of (parts - 1) df degrees: their sum over it, and 1 where that is not certainly more.
func designEffect(statistics []float64, df int) number.Float {
	var total float64
	for _, x := range statistics {
		total += x
	}
	free := float64((len(statistics) - 1) * df)
	if free <= 0 || total <= free || mathext.GammaIncRegComp(free/2, total/2) >= noiseCertain {
		return 1
	}
	return number.Float(total / free)
}

// directions are the degrees of freedom of the scaled chi-square that varies as the statistics do, halved: mean^2 / variance, from 1 to df.
// Satterthwaite, Biometrics Bulletin 2 (1946); Rao & Scott, J. Am. Stat. Assoc. 76 (1981). Halved, since the directions of slow noise
// are unequal (a mean wanders more than a shape), and the far tail of such a sum is that of the few greatest.
func directions(statistics []float64, df int) float64 {
	var mean, variance float64
	for _, x := range statistics {
		mean += x / float64(len(statistics))
	}
	for _, x := range statistics {
		variance += float64((x-mean)*(x-mean)) / float64(len(statistics)-1)
	}
	if !(variance > 0) {
		return float64(max(1, df))
	}
	return min(max(1, mean*mean/variance), float64(max(1, df)))
}

// novelty is the greatest share of a part's rows that hold levels found in no other part, if chance gives it to no part.
func novelty(whole part, parts []part) (greatest number.Float) {
	levels := map[int]int{}
	for _, n := range whole.cells {
		levels[n]++
	}
	delete(levels, 0)
	certain := false
	for _, p := range parts {
		only, present := 0, 0
		for k, n := range p.cells {
			if present += n; n == whole.cells[k] {
				only += n
			}
		}
		tail, _ := onlyThere(levels, only, share(p.rows, whole.rows))
		certain = certain || tail*float64(len(parts)) < noiseCertain
		greatest = max(greatest, number.Float(share(only, present)))
	}
	if !certain {
		return 0
	}
	return greatest
}

// absence is the greatest share of a level that some part lacks, if chance takes it from no part.
func absence(whole part, parts []part) number.Float {
	n := whole.rows - whole.missing
	greatest := 0
	for k, total := range whole.cells {
		for _, p := range parts {
			chance := math.Pow(1-share(p.rows, whole.rows), float64(total)) * float64(len(parts)*len(whole.cells))
			if p.cells[k] == 0 && chance < noiseCertain {
				greatest = max(greatest, total)
			}
		}
	}
	return number.Float(share(greatest, n))
}

// tolerance is what the reference's own noise makes of a comparison of n reference rows with m current ones.
type tolerance struct {
	shape, rank, missing float64 // by how many times a chi-square is greater than of independent rows; 1: by none
	df                   float64 // directions of the shape
	parts                float64 // the estimates rest on; 0: rows are taken as independent
	novel, absent        float64
}

// tolerance of samples of n and m rows: each has the design effect of parts of its size,
//
//	factor = (n effect(m) + m effect(n)) / (n + m),
//
// with effect(m) that of the least part of m rows or more; beyond the largest it grows on as it grew from the least to the largest,
// effect ~ rows^growth with growth in [0, 1]: 0 for noise that a part averages out, 1 for noise slower than a part. Slow noise makes
// neighbouring parts alike, so that the estimate rests on fewer: parts (1 - growth / 2).
func (f *FeatureProfile) tolerance(n, m int) tolerance {
	if len(f.Noise) == 0 {
		return tolerance{shape: 1, rank: 1, missing: 1}
	}
	at := len(f.Noise) - 1
	for at > 0 && f.Noise[at-1].Rows >= m {
		at--
	}
	factor := func(of func(Noise) number.Float) float64 {
		return (float64(n)*f.effect(of, m) + float64(m)*f.effect(of, n)) / float64(n+m)
	}
	shape, rank, missing := func(n Noise) number.Float { return n.Shape }, func(n Noise) number.Float { return n.Rank }, func(n Noise) number.Float { return n.Missing }
	here := f.Noise[at]
	growth := max(f.growth(shape), f.growth(rank), f.growth(missing))
	return tolerance{shape: factor(shape), rank: factor(rank), missing: factor(missing), df: float64(here.DF), parts: float64(here.Parts) * (1 - growth/2), novel: float64(here.Novel), absent: float64(here.Absent)}
}

func (f *FeatureProfile) effect(of func(Noise) number.Float, rows int) float64 {
	for _, n := range f.Noise {
		if n.Rows >= rows {
			return float64(of(n))
		}
	}
	last := f.Noise[len(f.Noise)-1]
	return float64(of(last)) * math.Pow(float64(rows)/float64(last.Rows), f.growth(of))
}

// growth is the power of the rows with which the effect grew from the least parts to the largest, in [0, 1].
func (f *FeatureProfile) growth(of func(Noise) number.Float) float64 {
	first, last := f.Noise[0], f.Noise[len(f.Noise)-1]
	if last.Rows == first.Rows {
		return 0
	}
	return min(max(math.Log(float64(of(last)/of(first)))/math.Log(float64(last.Rows)/float64(first.Rows)), 0), 1)
}

// worth is how many independent rows say as much about the shape as k rows do.
func (t tolerance) worth(k int) int { return int(math.Ceil(float64(k) / t.shape)) }

// scaled is the p-value of a chi-square whose variance the parts have shown to be factor times that of independent rows:
//
//	P(F(df, (parts - 1) df) > statistic / (factor freedom))
func (t tolerance) scaled(statistic, factor, df float64, freedom int) float64 {
	x, below := statistic/(factor*float64(freedom)), (t.parts-1)*df
	if !(x > 0) {
		return 1
	}
	return mathext.RegIncBeta(below/2, df/2, below/(below+df*x))
}

// order says whether the rows may have come in the order of time. They have not where somebody sorted them: where a column of at most
// twenty values (or the label) has each in one run, or a number ascends or descends, and not evenly as a time or a counter does. The
// column is named: stretches of such rows differ as no window will.
func (r *Reference) order() (sortedBy string) {
	for i := range r.Frame.Columns {
		c := &r.Frame.Columns[i]
		if c.Kind == dataset.Categorical {
			if grouped1(c.Code) {
				return c.Name
			}
		} else if grouped1(c.Float) || ordered(c.Float) {
			return c.Name
		}
	}
	if grouped1(r.Labels.Y) {
		return r.Labels.Name
	}
	return ""
}

// grouped1 reports whether each of two to twenty values comes in one run, two of them in a twentieth of the rows or more.
func grouped1[T int32 | float64](v []T) bool {
	seen, frequent, run := map[T]bool{}, 0, 0
	for i := range v {
		if i == 0 || v[i] != v[i-1] && (v[i] == v[i] || v[i-1] == v[i-1]) { // two NaN are one value
			if seen[v[i]] || len(seen) == sortedLevels {
				return false
			}
			seen[v[i]], run = true, 0
		}
		if run++; run == max(1, len(v)/20) {
			frequent++
		}
	}
	return len(seen) > 1 && frequent > 1
}

// ordered reports whether numbers ascend or descend, and not evenly.
func ordered(v []float64) bool {
	up, down := true, true
	for i := 1; i < len(v); i++ {
		up, down = up && v[i] >= v[i-1], down && v[i] <= v[i-1]
		if !up && !down {
			return false
		}
	}
	if len(v) == 0 || v[0] == v[len(v)-1] {
		return false
	}
	first, span := v[0], v[len(v)-1]-v[0]
	for i := range v {
		if at := float64(i) / float64(len(v)-1); math.Abs((v[i]-first)/span-at) > counterWander {
			return true
		}
	}
	return false
}

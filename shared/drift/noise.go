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
// A design effect is by how many times the variance is greater: Kish, Survey Sampling (1965). It is 1 where no size of part shows one (p >= 0.001).
type Noise struct {
	Rows    int          `json:"rows"`             // of a part
	Parts   int          `json:"parts"`            //
	Shape   number.Float `json:"shape"`            // of the counts in bins or levels: chi-square of the parts / its degrees of freedom
	DF      number.Float `json:"df"`               // in how many directions the shape varies (Satterthwaite, halved): mean^2 / variance of a part's chi-square
	Rank    number.Float `json:"rank"`             // of the mean rank: Kruskal and Wallis's H / (Parts - 1); 1 of categories
	Missing number.Float `json:"missing"`          // of the share of missing values
	Novel   number.Float `json:"novel,omitempty"`  // greatest share of a part's rows that hold levels found nowhere else; 0: no more than chance
	Absent  number.Float `json:"absent,omitempty"` // share of the most frequent level that some part lacks; 0: no more than chance
	Far     number.Float `json:"far,omitempty"`    // greatest total variation distance of a part from the rest; 0: not known (older profiles)
}

// How the reference is cut, and when its parts differ.
const (
	mostParts    = 64
	leastParts   = 8
	leastPart    = 25 // rows
	noiseCertain = 0.001
	levelEffect  = 1.5 // a design effect that grew by no more is level
)

// part is a column's counts in a stretch of the reference.
type part struct {
	cells   []int // by bin or level
	missing int
	rows    int
}

// cutParts counts the column on the profile's bins in the stretches of newParts.
func (f *FeatureProfile) cutParts(c *dataset.Column, rows int) []part {
	parts := f.newParts(rows)
	f.countParts(parts, c, 0, rows)
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

// learnNoise measures the parts as they are and joined two by two, down to eight. Of shape, rank and missing values, what differs at no size of
// part beyond chance counts as not differing (1); nothing is kept where none does.
func (f *FeatureProfile) learnNoise(parts []part) {
	var found []Noise
	var certain [3]bool
	for ; len(parts) >= leastParts; parts = joined(parts) {
		n, here := f.noise(parts)
		found = append(found, n)
		for i := range certain {
			certain[i] = certain[i] || here[i]
		}
	}
	for i := range found {
		for k, effect := range []*number.Float{&found[i].Shape, &found[i].Rank, &found[i].Missing} {
			if !certain[k] {
				*effect = 1
			}
		}
	}
	if certain != [3]bool{} {
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

func (f *FeatureProfile) noise(parts []part) (n Noise, certain [3]bool) {
	whole := parts[0]
	for _, p := range parts[1:] {
		whole = joined([]part{whole, p})[0]
	}
	n = Noise{Rows: whole.rows / len(parts), Parts: len(parts), Shape: 1, DF: 1, Rank: 1, Missing: 1}
	var statistics, ranks, missing []float64
	df := 0
	for _, p := range parts {
		t := rest(whole.cells, p.cells)
		if t.n == 0 || t.m == 0 {
			continue
		}
		distance, _ := t.variation()
		n.Far = max(n.Far, number.Float(distance))
		outside := float64(t.n) / float64(t.n+t.m) // a part is compared with the rest: this makes the sum that of all parts
		if f.Kind == dataset.Numeric {
			z, _ := t.rankSum()
			ranks = append(ranks, z*z*outside)
		}
		x, d, _ := t.poolNeighbours(1).chiSquare() // rare levels by text: any grouping keeps rows together that came together
		statistics, df = append(statistics, x*outside), max(df, d)
		m := newTable([]int{whole.rows - whole.missing - p.rows + p.missing, whole.missing - p.missing}, []int{p.rows - p.missing, p.missing})
		x, _, _ = m.chiSquare()
		missing = append(missing, x*float64(m.n)/float64(m.n+m.m))
	}
	var shape, rank, gaps bool
	n.Shape, shape = designEffect(statistics, df)
	n.Rank, rank = designEffect(ranks, 1)
	n.Missing, gaps = designEffect(missing, 1)
	n.DF = number.Float(directions(statistics, df))
	if f.Kind == dataset.Categorical && f.Other == 0 {
		n.Novel, n.Absent = novelty(whole, parts), absence(whole, parts)
	}
	return n, [3]bool{shape || n.Novel > 0 || n.Absent > 0, rank, gaps}
}

// rest is what a part is compared with: all that is not in it.
func rest(whole, part []int) table {
	others := make([]int, len(whole))
	for i := range whole {
		others[i] = whole[i] - part[i]
	}
	return newTable(others, part)
}

// designEffect of chi-squares that add up to one of (parts - 1) df degrees: their sum over it, 1 at least, and whether it is certainly more.
func designEffect(statistics []float64, df int) (effect number.Float, certain bool) {
	var total float64
	for _, x := range statistics {
		total += x
	}
	free := float64((len(statistics) - 1) * df)
	if free <= 0 || total <= free {
		return 1, false
	}
	return number.Float(total / free), mathext.GammaIncRegComp(free/2, total/2) < noiseCertain
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
	shape, rank, missing float64 // by how many times a chi-square is greater than of independent rows; 1: by none. Of numbers' shape: by that of the worst direction, the rank, or more
	df                   float64 // directions of the shape
	parts                float64 // the estimates rest on; 0: rows are taken as independent
	novel, absent, far   float64
	runs                 float64 // as shape, of the smallest parts
}

// independent is the tolerance of rows of which nothing else is known.
var independent = tolerance{shape: 1, rank: 1, missing: 1, runs: 1}

// reaching is t as long as the parts can explain the distance of two samples, else independent: where what the samples have in common is less than half of what any part had in
// common with the rest, as with numbers in another unit, a column that stands still or levels of another spelling, how much parts differ by says nothing of it.
func (t tolerance) reaching(samples table) tolerance {
	if distance, _ := samples.variation(); t.far > 0 && 1-distance < (1-t.far)/2 {
		return independent
	}
	return t
}

// tolerance of samples of n and m rows: each has the design effect of parts of its size,
//
//	factor = (n effect(m) + m effect(n)) / (n + m),
//
// with effect(m) that of the least part of m rows or more.
func (f *FeatureProfile) tolerance(n, m int) tolerance {
	if len(f.Noise) == 0 {
		return independent
	}
	here, parts := f.Noise[f.scale(m)], math.Inf(1)
	factor := func(of func(Noise) number.Float) float64 {
		effectM, partsM := f.effect(of, m)
		effectN, _ := f.effect(of, n)
		parts = min(parts, partsM)
		return (float64(n)*effectM + float64(m)*effectN) / float64(n+m)
	}
	t := tolerance{df: float64(here.DF), novel: float64(here.Novel), absent: float64(here.Absent), far: float64(here.Far), runs: float64(f.Noise[0].Shape)}
	t.rank = factor(func(n Noise) number.Float { return n.Rank })
	t.shape = max(t.rank, factor(func(n Noise) number.Float { return n.Shape }))
	t.missing = factor(func(n Noise) number.Float { return n.Missing })
	t.parts = parts
	return t
}

// scale is the least part of so many rows or more, else the largest.
func (f *FeatureProfile) scale(rows int) int {
	at := 0
	for at < len(f.Noise)-1 && f.Noise[at].Rows < rows {
		at++
	}
	return at
}

// unlucky is what part of the truth a variance of so many parts shows once in a hundred times, or less.
func unlucky(parts int) float64 {
	half := float64(parts-1) / 2
	return mathext.GammaIncRegInv(half, 0.01) / half
}

// effect of so many rows, and the number of parts it rests on. Where it no longer grows with the part (noise that a part averages out), or is less by no more than so few parts show by chance, it
// is the greatest from there on, it rests on the smaller and more numerous parts, and larger samples have the same. Where it grows up to the
// largest part (noise slower than a part), it grows on with the same power of the rows, 1 at most, and neighbouring parts are so much
// alike that it rests on fewer: parts (1 - power / 2).
func (f *FeatureProfile) effect(of func(Noise) number.Float, rows int) (effect, parts float64) {
	at := f.scale(rows)
	effect, parts = float64(of(f.Noise[at])), float64(f.Noise[at].Parts)
	level := at // from here to at it is level
	for level > 0 && effect <= levelEffect*float64(of(f.Noise[level-1])) && float64(of(f.Noise[level-1]))*unlucky(f.Noise[level].Parts) <= effect {
		level--
		effect, parts = max(effect, float64(of(f.Noise[level]))), float64(f.Noise[level].Parts)
	}
	last, first := f.Noise[at], f.Noise[0]
	if level < at || last.Rows >= rows || last.Rows == first.Rows {
		return effect, parts
	}
	power := min(max(math.Log(float64(of(last)/of(first)))/math.Log(float64(last.Rows)/float64(first.Rows)), 0), 1)
	return effect * math.Pow(float64(rows)/float64(last.Rows), power), parts * (1 - power/2)
}

// worth is how many independent rows say as much about the shape as k rows do.
func (t tolerance) worth(k int) int { return worth(k, t.shape) }

// novelWorth is worth for levels that one sample lacks. Where no part brought levels of its own beyond chance, that the shares of the others wander slowly says nothing of new ones;
// that rows of a level come together in short runs does, and the smallest parts show it.
func (t tolerance) novelWorth(k int) int {
	if t.novel == 0 {
		return worth(k, t.runs)
	}
	return t.worth(k)
}

func worth(k int, effect float64) int { return max(min(k, 1), int(math.Round(float64(k)/effect))) }

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

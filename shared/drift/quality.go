package drift

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// distributed is how far from one the probabilities of a row may sum, a class: captured predictions are often rounded to three decimals.
const distributed = 0.005

// fault of a row of predictions, "" where there is none. A row that is NaN throughout was not answered, which is no fault.
func (p *Profile) fault(row []float64) string {
	var total float64
	missing := 0
	for _, v := range row {
		switch {
		case math.IsNaN(v):
			missing++
		case math.IsInf(v, 0):
			return "infinite"
		case p.Task != dataset.Regression && (v < 0 || v > 1):
			return "outside [0, 1]"
		}
		total += v
	}
	switch {
	case missing == len(row):
		return ""
	case missing > 0:
		return "not a number for some classes"
	case p.Task != dataset.Regression && math.Abs(total-1) > distributed*float64(len(row)):
		return "probabilities that do not sum to one"
	}
	return ""
}

// badPredictions are findings about answers that are none.
func (t *Tally) badPredictions(pol Policy) (findings []Finding) {
	for _, reason := range sortedKeys(t.faults) {
		n := t.faults[reason]
		severity := SeverityWarn
		if share(n, t.rows) >= pol.MinMissing {
			severity = SeverityAlert
		}
		findings = append(findings, Finding{Kind: BadPrediction, Severity: severity, Feature: t.profile.predictionKey(), Effect: number.Float(share(n, t.rows)), Unit: "share of rows",
			Threshold: number.Float(pol.MinMissing), N: t.rows, Text: fmt.Sprintf("%s of %s have a prediction that is %s; they are left out", grouped(n), counted(t.rows, "row"), reason)})
	}
	return findings
}

// How a row count is judged.
const (
	usualWindows = 5    // earlier windows from which one knows what is usual
	usualTimes   = 2    // as many times more, or fewer, before it matters
	maxUsual     = 1000 // windows looked at, the newest
)

// volume compares the window's rows with those of earlier windows of the same length: a new count's prediction interval, on the scale of logarithms,
//
//	t = (log n - mean log n_i) / (s sqrt(1 + 1/k)), k-1 degrees of freedom,
//
// with s^2 at least the Poisson noise of the counts. The size is |log(n / typical)|. Geisser, Predictive Inference (1993).
func (t *Tally) volume() (e evidence, typical float64) {
	usual := t.usual[max(0, len(t.usual)-maxUsual):]
	k := float64(len(usual))
	if len(usual) < usualWindows {
		return tooFew, math.NaN()
	}
	at := func(n int) float64 { return math.Log(float64(n) + 0.5) } // so that an empty window has a logarithm
	var mean, squares, rows float64
	for _, n := range usual {
		mean += at(n) / k
		rows += float64(n) / k
	}
	for _, n := range usual {
		squares += float64((at(n) - mean) * (at(n) - mean))
	}
	off := math.Abs(at(t.rows) - mean)
	sd := math.Sqrt(max(squares/(k-1), 1/max(1, rows)) * (1 + 1/k))
	p := 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: k - 1}.Survival(off/sd)
	return evidence{p: p, adjusted: p, size: off, threshold: math.Log(usualTimes)}, math.Exp(mean) - 0.5
}

// rowCount is the finding.
func (t *Tally) rowCount(e evidence, typical float64, pol Policy) (findings []Finding) {
	if !e.counts(pol) {
		return nil
	}
	return []Finding{{Kind: RowCount, Severity: SeverityWarn, Effect: number.Float(float64(t.rows) / max(typical, 0.5)), Unit: "times", Threshold: usualTimes, P: number.Float(e.p), PAdjusted: number.Float(e.adjusted), N: t.rows,
		Text: fmt.Sprintf("%s, usually %s (%s before), %s", counted(t.rows, "row"), figure(math.Round(typical)), counted(len(t.usual), "window"), pText(e))}}
}

// duplicates counts how often the same row comes, of a bounded sample of the different rows: all of them while they are few, then those whose hash ends in
// ever more zeros. Parts in any order give the same sample as the whole (distinct sampling: Gibbons, VLDB 2001).
type duplicates struct {
	zeros int // least trailing zeros of a hash in the sample
	times map[uint64]int
}

// maxRepeated is the share of repeated rows in the reference beyond which a row is no identity (few columns, few levels): nothing follows from one that comes
// again.
const maxRepeated = 0.01

// repeatedChance is how often the reference may have had fewer repeated rows than its bound says.
const repeatedChance = 1e-4

// maxDifferent is how many different rows are kept: a share of duplicates is then known to within about 1 / sqrt(maxDifferent / 2).
const maxDifferent = 1 << 14

func newDuplicates() *duplicates { return &duplicates{times: map[uint64]int{}} }

func (d *duplicates) add(hash uint64, times int) {
	if hash&(1<<d.zeros-1) != 0 {
		return
	}
	d.times[hash] += times
	for len(d.times) > maxDifferent {
		d.thin(d.zeros + 1)
	}
}

func (d *duplicates) thin(zeros int) {
	d.zeros = zeros
	for h := range d.times {
		if h&(1<<zeros-1) != 0 {
			delete(d.times, h)
		}
	}
}

func (d *duplicates) merge(o *duplicates) {
	if o.zeros > d.zeros {
		d.thin(o.zeros)
	}
	for h, n := range o.times {
		d.add(h, n)
	}
}

// counts are the rows of the sample, and how many of them came before.
func (d *duplicates) counts() (rows, repeated int) {
	for _, n := range d.times {
		rows += n
		repeated += n - 1
	}
	return rows, repeated
}

// hashBlock is how many rows are hashed at a time: few enough to stay in a processor's cache.
const hashBlock = 4096

// countDuplicates counts the rows of a table by their features.
func (p *Profile) countDuplicates(f *dataset.Frame) *duplicates {
	d := newDuplicates()
	d.addRows(p.columnsOf(f), f.Rows())
	return d
}

// addRows hashes the columns of every row, those that are there: a number by its bits, a level by its text, a missing value by itself. The hash is FNV-1a
// over the columns' own, each mixed, so equal rows have equal hashes and different ones differ but for one chance in 2^64.
func (d *duplicates) addRows(columns []*dataset.Column, rows int) {
	columns = slices.DeleteFunc(slices.Clone(columns), func(c *dataset.Column) bool { return c == nil })
	levels := make([][]uint64, len(columns))
	for i, c := range columns {
		levels[i] = make([]uint64, 1+len(c.Levels)) // a missing one first
		for k, text := range c.Levels {
			levels[i][k+1] = hashed(text)
		}
	}
	hash := make([]uint64, rows)
	each((rows+hashBlock-1)/hashBlock, func(b int) {
		from, to := b*hashBlock, min(rows, (b+1)*hashBlock)
		for i, c := range columns {
			hashColumn(hash[from:to], c, levels[i], from)
		}
	})
	for _, h := range hash {
		d.add(h, 1)
	}
}

// hashColumn mixes rows of a column, the first of them at from, into the rows' hashes.
func hashColumn(hash []uint64, c *dataset.Column, level []uint64, from int) {
	const prime = 0x100000001b3
	if c.Kind == dataset.Categorical {
		for r, k := range c.Code[from : from+len(hash)] {
			hash[r] = mixed(hash[r]*prime ^ level[k+1])
		}
		return
	}
	for r, x := range c.Float[from : from+len(hash)] {
		v := math.Float64bits(x + 0) // a zero of either sign is one
		if x != x {
			v = 1
		}
		hash[r] = mixed(hash[r]*prime ^ v)
	}
}

// Duplication is how many rows came before, in the reference's sample or in the window's.
type Duplication struct {
	Rows     int `json:"rows"` // of the sample
	Repeated int `json:"repeated"`
}

// repeats tests the share of repeated rows. Rows repeat more often the more there are: of n from one population a share that grows with n, but no faster than in
// proportion (it is concave), so n rows may repeat n/N as often as the reference's N, whose own count is taken at its upper Poisson bound. Fisher's exact test
// against that; the size is the surplus.
func (t *Tally) repeats(pol Policy) (e evidence, now, usual float64) {
	ref := t.profile.Repeated
	if ref == nil || t.duplicates == nil || t.absentColumns() {
		return tooFew, math.NaN(), math.NaN()
	}
	rows, repeated := t.duplicates.counts()
	if rows < pol.MinRows || ref.Rows < pol.MinRows {
		return tooFew, math.NaN(), math.NaN()
	}
	if share(ref.Repeated, ref.Rows) > maxRepeated {
		return tooFew, math.NaN(), math.NaN()
	}
	most := distuv.ChiSquared{K: 2*float64(ref.Repeated) + 2}.Quantile(1-repeatedChance) / 2
	usual = min(1, most/float64(ref.Rows)*max(1, float64(t.rows)/float64(t.profile.Rows)))
	now = share(repeated, rows)
	allowed := min(ref.Rows, int(math.Ceil(usual*float64(ref.Rows))))
	return evidence{p: atLeast(repeated, rows, allowed, ref.Rows), size: now - usual, threshold: 5 * pol.MinMissing}, now, usual
}

// absentColumns reports whether a column is missing: rows then look alike that are not.
func (t *Tally) absentColumns() bool {
	return slices.ContainsFunc(t.features, func(c *counts) bool { return c.absent })
}

// duplicated is the finding.
func (t *Tally) duplicated(e evidence, now, usual float64, pol Policy) []Finding {
	if !e.counts(pol) {
		return nil
	}
	return []Finding{{Kind: Duplicates, Severity: SeverityWarn, Effect: number.Float(e.size), Unit: "share of rows", Threshold: number.Float(e.threshold), P: number.Float(e.p), PAdjusted: number.Float(e.adjusted),
		N: t.rows, Text: fmt.Sprintf("%s of rows came before in the window, against at most %s by the reference, %s", percent(now), percent(usual), pText(e))}}
}

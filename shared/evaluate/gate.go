package evaluate

import (
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Input is what the gate judges: two sets of predictions of the same labelled rows, none of which either model was trained on.
type Input struct {
	Labels         dataset.Labels
	Champion       []float64 // row-major, rows x width: class probabilities (binary: [p0, p1]) or one value
	Challenger     []float64 // the same shape, the same rows
	ChampionName   string    // shown in the report
	ChallengerName string
	First          bool                // there is no champion yet: Champion holds the naive baseline's predictions
	Segments       map[string][]string // segment column -> each row's value; "" is a missing one
	Rows           string              // digest of the frozen rows (dataset.Digest): says which rows both were scored on
}

// Names of the checks; a segment's is "segment " and its column.
const (
	CheckSample     = "sample"      // are there enough labelled rows to tell
	CheckRows       = "same_rows"   // were both scored on the same frozen rows
	CheckFlips      = "flips"       // advisory: on how many rows one is right and the other wrong
	CheckScoreShift = "score_shift" // advisory unless the policy says otherwise: how far the scores moved
	segmentPrefix   = "segment "
)

// maxSegments bounds how many segment columns are judged.
const maxSegments = 100

// Gate decides whether a challenger may replace a champion, by what both predicted for the same labelled rows.
//
//	sample       enough rows, and enough of the rarest class; else the verdict is insufficient_data, whatever else is found
//	same_rows    both predicted every row of the frozen set whose digest the report carries
//	<primary>    paired bootstrap, stratified by class, of the difference: CI low >= -margin and difference > 0;
//	             against the naive baseline (First): CI low > 0
//	brier, ece   classifiers: not worse by more than the tolerance, beyond sampling noise: CI high >= -tolerance
//	segment <s>  the primary metric in every segment that is large enough: CI low >= -segment margin; the worst is shown
//	flips        advisory: McNemar's test, or the sign test on which of two errors is smaller
//	score_shift  advisory by default: PSI of the challenger's scores against the champion's
//
// The segments' rule asks for proof of no harm; the calibration rule forgives what noise explains, because the error's own noise at 200
// rows is greater than the tolerance. Against the naive baseline the ece is advisory: a constant is calibrated by construction.
//
// The error, Invalid, names everything wrong with the policy and the input. Equal input gives an equal report, to the byte.
func Gate(p Policy, in Input) (Report, error) {
	if err := p.Validate(); err != nil {
		return Report{}, err
	}
	if problems := in.problems(); len(problems) > 0 {
		return Report{}, fault.Invalidf("judge challenger %q against champion %q", in.ChallengerName, in.ChampionName).With(problems...)
	}
	r := Report{Metric: Primary(in.Labels.Task), First: in.First, Rows: in.Labels.Len(), RowsDigest: in.Rows,
		PolicyDigest: p.Digest(), Champion: in.ChampionName, Challenger: in.ChallengerName}
	sample := p.sample(in)
	r.Checks = append(r.Checks, sample, sameRows(in))
	if comparable(in.Labels) {
		r.Checks = append(r.Checks, p.quality(in)...)
		r.Checks = append(r.Checks, flips(in))
		r.Checks = append(r.Checks, p.segments(in)...)
		r.Checks = append(r.Checks, p.scoreShift(in))
		r.Disagreements = disagreements(in)
	}
	switch {
	case !sample.Passed:
		r.Verdict = InsufficientData
	case len(r.Failed()) > 0:
		r.Verdict = Failed
	default:
		r.Verdict, r.Passed = Passed, true
	}
	r.SHA256 = r.Digest()
	return r, nil
}

func (in Input) problems() []fault.Detail {
	d := checkLabels(in.Labels)
	d = append(d, checkPredictions("champion", in.Labels, in.Champion)...)
	d = append(d, checkPredictions("challenger", in.Labels, in.Challenger)...)
	if in.Rows == "" {
		d = append(d, fault.Detail{Field: "rows", Code: "missing", Expected: "the digest of the rows that both models were scored on"})
	}
	if len(in.Segments) > maxSegments {
		d = append(d, fault.Detail{Field: "segments", Code: "too_many", Got: len(in.Segments), Expected: fmt.Sprintf("at most %d columns", maxSegments)})
	}
	for _, name := range sortedKeys(in.Segments) {
		if n := len(in.Segments[name]); n != in.Labels.Len() {
			d = append(d, fault.Detail{Field: segmentPrefix + name, Code: "wrong_length", Got: n, Expected: fmt.Sprintf("%d, one value a row", in.Labels.Len())})
		}
	}
	return d
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// comparable reports whether a difference is defined at all: two rows of every class that occurs, and for classifiers two such classes
// (for an auc: both).
func comparable(l dataset.Labels) bool {
	if l.Task == dataset.Regression {
		return l.Len() >= 2
	}
	occurring := 0
	for _, n := range l.Counts() {
		if n == 1 {
			return false
		}
		if n > 1 {
			occurring++
		}
	}
	return occurring >= 2
}

// rarest is the size of the least class; for regression, which has none, the number of rows.
func rarest(l dataset.Labels) int {
	if l.Task == dataset.Regression {
		return l.Len()
	}
	return slices.Min(l.Counts())
}

func bare(name string, n int, rule string, passed bool) Check {
	nan := number.Float(math.NaN())
	return Check{Name: name, Champion: nan, Challenger: nan, Diff: nan, CI95: [2]number.Float{nan, nan}, N: n, Rule: rule, Passed: passed}
}

func (p Policy) sample(in Input) Check {
	n := in.Labels.Len()
	if in.Labels.Task == dataset.Regression {
		return bare(CheckSample, n, fmt.Sprintf("rows >= %d", p.MinRows), n >= p.MinRows)
	}
	few := rarest(in.Labels)
	rule := fmt.Sprintf("rows >= %d and rows of the rarest class >= %d", p.MinRows, p.MinRarerClass)
	c := bare(CheckSample, n, rule, n >= p.MinRows && few >= p.MinRarerClass)
	c.Note = fmt.Sprintf("%d rows of %q", few, in.Labels.Classes[slices.Index(in.Labels.Counts(), few)])
	return c
}

// sameRows passes whenever it is reached: predictions that do not cover the labelled rows were refused as invalid. It stands in the report
// so that a reader can recompute the digest.
func sameRows(in Input) Check {
	c := bare(CheckRows, in.Labels.Len(), "both predicted every row of one frozen set", true)
	c.Note = "rows " + in.Rows
	return c
}

// check is a comparison as a check without a verdict.
func (c comparison) check(name string) Check {
	return Check{Name: name, Champion: number.Float(c.champion), Challenger: number.Float(c.challenger), Diff: number.Float(c.diff),
		CI95: [2]number.Float{number.Float(c.low), number.Float(c.high)}, N: c.n}
}

// quality is the primary metric and, for classifiers, the calibration, all on the same resamples.
func (p Policy) quality(in Input) []Check {
	metrics := []string{Primary(in.Labels.Task)}
	if in.Labels.Task != dataset.Regression {
		metrics = append(metrics, NameBrier, NameECE)
	}
	var checks []Check
	for _, c := range compare(p, in.Labels, in.Champion, in.Challenger, metrics...) {
		check := c.check(c.metric)
		switch {
		case c.metric == NameBrier || c.metric == NameECE:
			tolerance := p.BrierTolerance
			if c.metric == NameECE {
				tolerance = p.ECETolerance
			}
			check.Rule, check.Passed = fmt.Sprintf("ci_high >= -%g: not worse by more than that, beyond noise", tolerance), c.high >= -tolerance
			if c.metric == NameECE && in.First {
				check.Advisory, check.Note = true, "a constant prediction is calibrated by construction, so this comparison only informs"
			}
		case in.First:
			check.Rule, check.Passed = "ci_low > 0", c.low > 0
		default:
			margin := p.Margin * c.scale()
			check.Rule, check.Passed = fmt.Sprintf("ci_low >= -%.4g", margin), c.low >= -margin
			if !p.NonInferior {
				check.Rule, check.Passed = check.Rule+" and diff > 0", check.Passed && c.diff > 0
			}
			if c.metric == NameRMSE {
				check.Note = fmt.Sprintf("the margin is %g of the champion's error", p.Margin)
			}
		}
		if !c.bootstrapped {
			check.Note = joinNotes(check.Note, "interval by the delta method: too many rows to resample")
		}
		checks = append(checks, check)
	}
	return checks
}

// scale is what a margin is a multiple of: one, or the champion's error where the metric has the target's unit.
func (c comparison) scale() float64 {
	if c.metric == NameRMSE {
		return c.champion
	}
	return 1
}

func joinNotes(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

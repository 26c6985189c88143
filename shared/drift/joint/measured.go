package joint

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/number"
)

// Measured is a window's reconstruction error against the reference's.
type Measured struct {
	Score     number.Float   `json:"score"`     // mean error of the window's rows
	Reference number.Float   `json:"reference"` // mean error of the reference's rows that nothing was fitted on
	Low       number.Float   `json:"low"`       // Score lies within Low..High unless it drifted
	High      number.Float   `json:"high"`      //
	Effect    number.Float   `json:"effect"`    // by how much Score differs, in standard deviations of a row's error
	P         number.Float   `json:"p_value"`   // of as great a difference when nothing changed; NaN where nothing was measured
	PAdjusted number.Float   `json:"p_adjusted"`
	Drifted   bool           `json:"drifted"`
	Features  []string       `json:"features"` // that carry the change, the greatest share first; empty unless it drifted
	Shares    []number.Float `json:"shares"`   // of each: of the change of the squared error

	N          int    `json:"n"`           // rows of the window
	NReference int    `json:"n_reference"` // rows of the reference that the band rests on
	Columns    int    `json:"columns"`     // that take part
	Components int    `json:"components"`  //
	Reason     string `json:"reason"`      // why it is or is not drift, in a sentence
}

// Rule is when a multivariate change counts.
type Rule struct {
	Alpha   float64 // chance of a finding when nothing changed, of all tests of the report together
	Share   float64 // of Alpha that this test takes, in (0, 1]
	Least   float64 // size below which a change does not matter, in the test's unit
	MinRows int     // of the window
}

// adjust is p corrected for the other tests of the report: a weighted Bonferroni.
func (r Rule) adjust(p float64) float64 { return min(1, p/r.Share) }

// Unmeasured is a measurement that was not made, with the reason.
func Unmeasured(format string, args ...any) *Measured {
	nan := number.Float(math.NaN())
	return &Measured{Score: nan, Reference: nan, Low: nan, High: nan, Effect: nan, P: nan, PAdjusted: nan, Features: []string{}, Shares: []number.Float{},
		Reason: "not measured: " + fmt.Sprintf(format, args...)}
}

// Measure compares a window with the reference. Of the difference D of the two means, over m and n rows, whose errors have the reference's
// deviation s and skewness g when nothing changed,
//
//	variance s^2 (1/m + 1/n),  skewness g (1/m^2 - 1/n^2) / (1/m + 1/n)^1.5
//
// the skewness is taken out by Hall's transformation, which is monotone, and the rest is judged by Student's t with n-1 degrees of
// freedom, on both sides: a smaller error than usual is a change as well. But rows that the components were fitted on lose less, and a
// window may hold such rows: below Mean, D counts from MeanFitted, and between the two it is 0. It drifted if p < Share Alpha and the difference exceeds
// Least standard deviations s of a row's error; Low and High say the same in the unit of the score.
//
// Where the reference's stretches differ by themselves, the variance is Effect times as great, and the degrees of freedom are those of
// the stretches.
//
// Hall, J. R. Stat. Soc. B 54 (1992).
func (r *Reconstruction) Measure(s *Sums, rule Rule) *Measured {
	if len(s.Absent) > 0 {
		return Unmeasured("the window lacks %s", listed(s.Absent))
	}
	if s.Rows < rule.MinRows {
		return Unmeasured("%d rows, it takes %d", s.Rows, rule.MinRows)
	}
	if r.Held < rule.MinRows {
		return Unmeasured("the reference kept %d rows apart, it takes %d", r.Held, rule.MinRows)
	}
	m, n, sd := float64(s.Rows), float64(r.Held), float64(r.SD)
	score, reference := s.Error.value()/m, float64(r.Mean)
	least := min(reference, float64(r.MeanFitted))
	near := min(reference, max(score, least)) // what the score is to be held against
	spread, nu := sd*math.Sqrt(1/m+1/n), n-1
	if r.Effect > 1 {
		spread, nu = spread*math.Sqrt(float64(r.Effect)), float64(r.Stretches-1)
	}
	h := hall{a: float64(r.Skewness) * (1/(m*m) - 1/(n*n)) / math.Pow(1/m+1/n, 1.5) / 6}
	t := distuv.StudentsT{Sigma: 1, Nu: nu}
	tail := t.Quantile(1 - rule.Alpha*rule.Share/2)
	out := &Measured{Score: number.Float(score), Reference: r.Mean, N: s.Rows, NReference: r.Held, Columns: len(r.Columns), Components: len(r.Components),
		Low:      number.Float(least + min(spread*h.inverse(-tail), -rule.Least*sd)),
		High:     number.Float(reference + max(spread*h.inverse(tail), rule.Least*sd)),
		Effect:   number.Float((score - near) / sd),
		Features: []string{}, Shares: []number.Float{}}
	if sd == 0 {
		out.Effect = 0
		if score != near {
			out.Effect = number.Float(math.Inf(int(math.Copysign(1, score-near))))
		}
	}
	p := 0.0
	switch {
	case spread > 0:
		p = min(1, 2*t.Survival(math.Abs(h.normal((score-near)/spread))))
	case math.Abs(score-near) < 1e-6: // rows that are all alike leave only what rounding leaves
		p = 1
	}
	out.P, out.PAdjusted = number.Float(p), number.Float(rule.adjust(p))
	out.Drifted = (out.Score < out.Low || out.Score > out.High) && p < rule.Alpha*rule.Share
	if out.Drifted {
		out.Features, out.Shares = r.carriers(s, score > reference)
	}
	out.Reason = out.reason(rule)
	return out
}

// hall is the transformation of a quantity of mean 0, variance 1 and skewness 6a to one that is nearly normal: S - aS^2 + a + a^2 S^3/3.
type hall struct{ a float64 }

func (h hall) normal(s float64) float64 {
	return s - h.a*s*s + h.a + h.a*h.a*s*s*s/3
}

func (h hall) inverse(z float64) float64 {
	if math.Abs(h.a) < 1e-6 {
		return z + h.a*(z*z-1)
	}
	return (1 - math.Cbrt(1-3*h.a*(z-h.a))) / h.a
}

// carriers are the columns whose squared residuals changed beyond chance in the direction of the whole, with their shares of that change: as many as
// make up four fifths of it, ten at most.
func (r *Reconstruction) carriers(s *Sums, grew bool) (names []string, shares []number.Float) {
	change, total := make([]float64, len(r.Columns)), 0.0
	for j := range change {
		d := s.Residuals[j].value()/float64(s.Rows) - float64(r.Residuals[j])
		if !grew {
			d = -d
		}
		if d > 3*float64(r.Spreads[j])*math.Sqrt(1/float64(s.Rows)+1/float64(r.Held)) { // else it may be chance
			change[j] = d
			total += d
		}
	}
	all := make([]string, len(r.Columns))
	for j, c := range r.Columns {
		all[j] = c.Name
	}
	return Carriers(all, change, total)
}

// Carriers are the names with the greatest parts of a total, with their shares: as many as make up four fifths of it, ten at most.
func Carriers(all []string, part []float64, total float64) (names []string, shares []number.Float) {
	order := make([]int, len(part))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(part[b], part[a]) })
	names, shares = []string{}, []number.Float{}
	sum := 0.0
	for _, j := range order[:min(10, len(order))] {
		if sum >= 0.8*total || !(part[j] > 0) {
			break
		}
		sum += part[j]
		names, shares = append(names, all[j]), append(shares, number.Float(part[j]/total))
	}
	return names, shares
}

// reason is why it is or is not drift.
func (m *Measured) reason(rule Rule) string {
	what := fmt.Sprintf("reconstruction error %.3g, in the reference %.3g (by chance %.3g to %.3g)", float64(m.Score), float64(m.Reference), float64(m.Low), float64(m.High))
	certain := float64(m.P) < rule.Alpha*rule.Share
	switch {
	case m.Drifted:
		return fmt.Sprintf("the columns go together otherwise than they did: %s, %s; %s", what, pText(m.PAdjusted), carried(m.Features, m.Shares))
	case certain:
		return fmt.Sprintf("the columns go together otherwise than they did, but too little to matter: %s, %s, %+.2g sd of a row's error, it takes more than %.2g", what, pText(m.PAdjusted), float64(m.Effect), rule.Least)
	}
	return fmt.Sprintf("the columns go together as they did: %s, %s", what, pText(m.PAdjusted))
}

func pText(p number.Float) string {
	if p == 0 {
		return "p below 1e-300 adjusted"
	}
	return fmt.Sprintf("p %.1g adjusted", float64(p))
}

// carried says which columns carry a change.
func carried(names []string, shares []number.Float) string {
	var parts []string
	for i, n := range names {
		if i == 5 {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %.0f %%", shortened(n), 100*float64(shares[i])))
	}
	if parts == nil {
		return "no single column carries it"
	}
	return "carried by " + strings.Join(parts, ", ")
}

// listed are a few names in quotes.
func listed(names []string) string {
	var parts []string
	for i, n := range names {
		if i == 5 {
			parts = append(parts, "..")
			break
		}
		parts = append(parts, fmt.Sprintf("%q", shortened(n)))
	}
	return strings.Join(parts, ", ")
}

func shortened(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + ".."
	}
	return s
}

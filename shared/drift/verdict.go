package drift

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mlops/shared/dataset"

	"gonum.org/v1/gonum/stat/distuv"
)

// decide draws the verdict and says why it is not a calmer and not a louder one.
//
//	alert  the performance is lost; or the data is broken (a finding of severity alert); or nothing is known of the performance and
//	       Policy.AlertShare of the columns (by importance, where it is known) drifted
//	warn   anything else was found
//	ok     nothing was found
func (r *Report) decide(columns []column, tests int) {
	broken, news := 0, 0
	for _, f := range r.Findings {
		if f.Severity == SeverityAlert {
			broken++
		}
		if !f.Seasonal && f.Severity != SeverityInfo {
			news++
		}
	}
	weight, how := r.weight(columns)
	blind := r.Realised == nil && r.Estimated == nil
	say := func(format string, args ...any) { r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...)) }
	switch {
	case r.PerformanceLoss || broken > 0 || blind && r.DatasetDrift && weight >= r.Policy.AlertShare:
		r.Verdict = Alert
	case news > 0:
		r.Verdict = Warn
	default:
		r.Verdict = OK
	}
	if r.PerformanceLoss {
		say("alert: the model got worse")
	}
	if broken > 0 {
		say("alert: %s about data that cannot be right", counted(broken, "finding"))
	}
	if r.Verdict == Alert && !r.PerformanceLoss && broken == 0 {
		say("alert: %s of the model's inputs (%s) drifted, and nothing shows that it is harmless", percent(weight), how)
	}
	if r.Verdict == Warn {
		if blind {
			say("warn, not alert: what drifted is %s of the model's inputs (%s), below %s; the performance is not known", percent(weight), how, percent(r.Policy.AlertShare))
		} else {
			say("warn, not alert: something changed, and the performance is within its usual range")
			if how == "by importance" && r.NumberOfDrifted > 0 {
				say("what drifted has %s of the features' importance", percent(weight))
			}
		}
	}
	if s := r.Season; s != nil && s.Excused > 0 {
		say("as last time in this season: %s differ from training as they did in %s (%s)", counted(s.Excused, "finding"), s.Name, counted(s.Rows, "row"))
	}
	if len(r.Findings) == 0 {
		say("no column changed beyond chance: %s, %s, %s against %s; a shift of %s standard deviations would have been seen four times in five",
			counted(r.NumberOfColumns, "column"), counted(tests, "test"), counted(r.NCurrent, "row"), grouped(r.NReference), figure(r.visible(tests)))
		if noisy := varying(columns); len(noisy) > 0 {
			say("it takes more than that in %s (%s): the reference's rows vary there from stretch to stretch; if they do not come in time, say so: --order none",
				counted(len(noisy), "column"), listed(noisy))
		}
	}
	for i, f := range r.Findings {
		if i == 5 {
			say("and %s", counted(len(r.Findings)-i, "further finding"))
			break
		}
		say("%s", f.Text)
	}
	small := 0
	for i := range columns {
		if e := columns[i].of("distribution"); len(columns[i].findings) == 0 && e.adjusted < r.Policy.Alpha {
			small++
		}
	}
	if small > 0 {
		say("%s changed, but too little to matter", counted(small, "column"))
	}
	for _, reason := range r.Multivariate.calm() {
		say("%s", reason)
	}
	switch {
	case r.Realised != nil:
		say("realised %s", r.Realised.text(r.Policy))
	case r.NoRealised != r.NoEstimate:
		say("no realised performance: %s", r.NoRealised)
	}
	if r.Estimated != nil {
		say("estimated %s", r.Estimated.text(r.Policy))
	} else {
		say("no estimate of the performance: %s", r.NoEstimate)
	}
}

// varying are the columns whose reference varies along its rows, so that their bars are wider.
func varying(columns []column) (names []string) {
	for i := range columns {
		if columns[i].of("distribution").noise > 1 {
			names = append(names, columns[i].key)
		}
	}
	return names
}

// weight is how much of the model rests on what drifted and is news: by importance where that is known, else by number.
func (r *Report) weight(columns []column) (share float64, how string) {
	if w := importanceOf(columns, func(col *column) bool { return col.news(r.Policy) }); !math.IsNaN(w) {
		return w, "by importance"
	}
	return float64(r.Share), fmt.Sprintf("%d of %d", r.NumberOfDrifted, r.NumberOfColumns)
}

// importanceOf is the share of the features' importance that those chosen have; NaN where no importance is known.
func importanceOf(columns []column, chosen func(*column) bool) float64 {
	var total, part float64
	for i := range columns {
		if w := columns[i].f.Importance; w.Finite() && w > 0 {
			total += float64(w)
			if chosen(&columns[i]) {
				part += float64(w)
			}
		}
	}
	if total == 0 {
		return math.NaN()
	}
	return part / total
}

// power of a rank sum test: it needs z of its level plus z of 80 % power, and is 3/pi as efficient as a t test for a normal (Lehmann 1975).
func needed(alpha float64, tests int) float64 {
	level := distuv.UnitNormal.Quantile(1 - alpha/float64(4*max(1, tests)))
	return (level + distuv.UnitNormal.Quantile(0.8)) / math.Sqrt(3/math.Pi)
}

// visible is the least shift of a normal, in standard deviations, that these sizes show four times in five and the policy lets matter.
func (r *Report) visible(tests int) float64 {
	chance := needed(r.Policy.Alpha, tests) * math.Sqrt(1/float64(r.NReference)+1/float64(r.NCurrent))
	matters := 2 * distuv.UnitNormal.Quantile((1+min(r.Policy.MinEffect, 0.999))/2)
	return max(chance, matters)
}

// insufficient says what it would take to say anything.
func (r *Report) insufficient(columns []column) {
	r.Verdict, r.NoEstimate, r.NoRealised = Insufficient, "too few rows", "too few rows"
	r.NumberOfColumns = len(slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.as == SegmentShare }))
	tests := 0
	for i := range columns {
		if tests += 2; columns[i].f.Kind == dataset.Categorical {
			tests += 2
		}
	}
	if r.NReference < r.Policy.MinRows {
		r.Reasons = append(r.Reasons, fmt.Sprintf("the reference has %s, it takes %d", counted(r.NReference, "row"), r.Policy.MinRows))
		return
	}
	r.Reasons = append(r.Reasons, fmt.Sprintf("%s, it takes %d to say anything", counted(r.NCurrent, "row"), r.Policy.MinRows))
	const shift = 0.5
	inverse := math.Pow(shift/needed(r.Policy.Alpha, tests), 2) - 1/float64(r.NReference)
	if rows := math.Ceil(1 / inverse); inverse > 0 && rows > float64(r.Policy.MinRows) {
		r.Reasons = append(r.Reasons, fmt.Sprintf("about %s would show a shift of %s standard deviations in any of %s four times in five", counted(int(rows), "row"), figure(shift), counted(len(columns), "column")))
	}
}

// text is a performance for people: "auc 0.83 [0.80, 0.86] on 2,410 rows, was 0.90 (usual 0.87 to 0.93): lost 0.07, more than chance and than the 0.03 that matters".
func (p *Performance) text(pol Policy) string {
	least := pol.least(p.Metric, float64(p.Reference))
	end := "as good as it was"
	outside := float64(p.Loss) > math.Abs(float64(p.ReferenceHigh-p.ReferenceLow))/2
	switch {
	case p.Significant:
		end = fmt.Sprintf("lost %s, more than chance and more than the %s that matters", figure(float64(p.Loss)), figure(least))
	case outside:
		end = fmt.Sprintf("lost %s, more than chance but less than the %s that matters", figure(float64(p.Loss)), figure(least))
	case float64(p.Loss) > least:
		end = fmt.Sprintf("lost %s, within chance", figure(float64(p.Loss)))
	}
	return fmt.Sprintf("%s %s [%s, %s] on %s, was %s (by chance %s to %s): %s", p.Metric, figure(float64(p.Value)), figure(float64(p.Low)), figure(float64(p.High)),
		counted(p.N, "row"), figure(float64(p.Reference)), figure(float64(p.ReferenceLow)), figure(float64(p.ReferenceHigh)), end)
}

// figure is a number to three digits, without an exponent where people would not use one.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Sprint(v)
	case a >= 1e15 || a > 0 && a < 1e-4:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 1000:
		return grouped(int(math.Round(v)))
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// rounded is v to the second digit of unit, so that two values one unit apart look different.
func rounded(v, unit float64) string {
	if math.Abs(v) >= 1e15 || !(unit > 1e-9) {
		return figure(v)
	}
	s := strconv.FormatFloat(v, 'f', max(0, 1-int(math.Floor(math.Log10(unit)))), 64)
	if strings.Trim(s, "-0.") == "" {
		return "0"
	}
	return s
}

// grouped is a whole number with a comma between groups of three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return grouped(n) + " " + thing
}

func percent(v float64) string { return figure(100*v) + " %" }

// pText is the p-value after correction, to one digit.
func pText(e evidence) string {
	if e.adjusted == 0 {
		return "p below 1e-300 adjusted"
	}
	return "p " + strconv.FormatFloat(e.adjusted, 'g', 1, 64) + " adjusted"
}

// listed are names in quotes, shortened.
func listed(names []string) string {
	var quoted []string
	for i, n := range names {
		if i == 5 {
			quoted = append(quoted, "..")
			break
		}
		quoted = append(quoted, strconv.Quote(shortened(n)))
	}
	return strings.Join(quoted, ", ")
}

// shortened keeps a text from filling a report.
func shortened(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + ".."
	}
	return s
}

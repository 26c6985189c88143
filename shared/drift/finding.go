package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// facts are findings that need no test: what is there, or is not, in one row as in a thousand.
func (col *column) facts(pol Policy) []Finding {
	f, c := col.f, col.c
	if c.absent {
		return []Finding{{Kind: MissingColumn, Severity: SeverityAlert, Effect: 1, Unit: "share of rows", N: c.rows, Text: f.Name + " is not there: no column has that name"}}
	}
	var found []Finding
	add := func(kind string, n int, text string) {
		severity := SeverityWarn
		if share(n, c.rows) >= pol.MinMissing {
			severity = SeverityAlert
		}
		found = append(found, Finding{Kind: kind, Severity: severity, Effect: number.Float(share(n, c.rows)), Unit: "share of rows",
			Threshold: number.Float(pol.MinMissing), N: c.rows, Text: text})
	}
	if n := c.present() + c.unreadable; f.Rows == f.Missing+f.Infinite && n > 0 {
		add(EmptyReference, n, fmt.Sprintf("%s has a value in %s of %s, and none in the reference (of %s %s missing and %s infinite): there is nothing to compare with",
			f.Name, grouped(n), counted(c.rows, "row"), counted(f.Rows, "row"), grouped(f.Missing), grouped(f.Infinite)))
		found[0].Severity = SeverityWarn // it is the reference that cannot be right
		return found
	}
	if c.numeric {
		add(ColumnType, c.present(), f.Name+" comes as numbers, the reference has texts: they are compared as texts")
		found[0].Severity = SeverityInfo
	}
	if c.text {
		text := f.Name + " comes as text, and every value reads as a number"
		if c.unreadable > 0 {
			text = fmt.Sprintf("%s comes as text, and %s of %s are no number: %s", f.Name, grouped(c.unreadable), counted(c.rows, "value"), listed(mostFrequent(c.unseen)))
		}
		add(WrongType, c.unreadable, text)
	}
	if c.infinite > 0 && share(f.Infinite, f.Rows) < share(c.infinite, c.rows)/2 {
		add(NonFinite, c.infinite, fmt.Sprintf("%s is infinite in %s of %s, in the reference in %s", f.Name, grouped(c.infinite), counted(c.rows, "row"), grouped(f.Infinite)))
	}
	return found
}

// finding carries over what the evidence measured.
func (col *column) finding(kind, severity string, effect float64, unit string, e evidence, text string) Finding {
	return Finding{Kind: kind, Severity: severity, Effect: number.Float(effect), Unit: unit, Threshold: number.Float(e.threshold),
		P: number.Float(e.p), PAdjusted: number.Float(e.adjusted), N: col.c.rows, Text: text + ", " + pText(e)}
}

// changed says what kind of change of distribution it is.
func (col *column) changed(e evidence, pol Policy) []Finding {
	f, c := col.f, col.c
	effect, unit := e.size, "share of rows"
	if f.Kind == dataset.Numeric {
		effect, unit = col.shift(), "sd"
	}
	if col.as != "" {
		kind, severity, text := col.as, SeverityWarn, col.name()+" "+col.moved(e)
		if one := c.constant() && f.Distinct > 1; one && col.prediction {
			severity = SeverityAlert
		} else if one && col.as == Target && f.Kind == dataset.Categorical {
			kind, text = OneClass, fmt.Sprintf("all %s are of one class: %s", counted(c.present(), "label"), strings.Join(col.greatest(2), ", "))
		}
		return []Finding{col.finding(kind, severity, effect, unit, e, text)}
	}
	if c.constant() && f.Distinct > 1 {
		return []Finding{col.finding(Constant, SeverityAlert, effect, unit, e, fmt.Sprintf("%s has one value in all %s, the reference has %s", f.Name, counted(c.present(), "row"), counted(f.Distinct, "value")))}
	}
	if f.Kind == dataset.Numeric {
		if finding, found := col.unit(e, pol); found {
			return []Finding{finding}
		}
	} else if novel, swapped := col.of("new_category").counts(pol), col.of("swapped_category"); novel || swapped.counts(pol) {
		t := f.levelTable(c)
		if swapped.counts(pol) {
			t.cur = exchangedBack(f, c, swapped.levels)
		}
		own := f.tolerance(t.n, t.m)
		rest := f.levelEvidence(t, pol, own)
		if rest.adjusted = rest.p; !rest.counts(pol) {
			return nil // the new or exchanged levels are all that changed; they have a finding of their own
		}
	}
	return []Finding{col.finding(Covariate, SeverityWarn, effect, unit, e, col.name()+" "+col.moved(e))}
}

// moved is how the distribution changed, for people.
func (col *column) moved(e evidence) string {
	f, c := col.f, col.c
	if f.Kind == dataset.Categorical {
		return fmt.Sprintf("is distributed otherwise: %s (distance %s)", strings.Join(col.greatest(2), ", "), figure(e.size))
	}
	sd := float64(f.SD)
	before, now := rounded(float64(f.Mean), sd), rounded(c.mean(), sd)
	switch shift := col.shift(); {
	case sd == 0:
		return fmt.Sprintf("is no longer always %s (mean %s)", figure(float64(f.Mean)), figure(c.mean()))
	case math.Abs(shift) >= 0.1:
		return fmt.Sprintf("%+.2g sd (mean %s against %s)", shift, now, before)
	}
	return fmt.Sprintf("changed shape: mean %s against %s, standard deviation %s against %s (distance %s)", now, before, figure(c.sd()), figure(sd), figure(e.size))
}

// greatest are the levels whose share changed most.
func (col *column) greatest(n int) (texts []string) {
	f, c := col.f, col.c
	type level struct {
		name     string
		ref, cur float64
	}
	var levels []level
	rows, present := f.Rows-f.Missing-f.Infinite, c.present()
	for i, name := range f.Levels {
		levels = append(levels, level{name, share(f.Counts[i], rows), share(c.bins[i], present)})
	}
	for _, name := range sortedKeys(c.unseen) {
		levels = append(levels, level{name, 0, share(c.unseen[name], present)})
	}
	slices.SortStableFunc(levels, func(a, b level) int { return cmp.Compare(math.Abs(b.cur-b.ref), math.Abs(a.cur-a.ref)) })
	for _, l := range levels[:min(n, len(levels))] {
		texts = append(texts, fmt.Sprintf("%s %s against %s", shortened(l.name), percent(l.cur), percent(l.ref)))
	}
	return texts
}

func (col *column) missing(e evidence, pol Policy) []Finding {
	before, now := share(col.f.Missing, col.f.Rows), col.c.missingShare()
	kind, severity, text := MissingRate, SeverityWarn, fmt.Sprintf("%s is missing in %s of rows against %s", col.name(), percent(now), percent(before))
	if now-before >= pol.AlertMissing {
		severity = SeverityAlert
	}
	if col.c.missing == col.c.rows {
		kind, severity, text = AllNull, SeverityAlert, fmt.Sprintf("%s has no value in any of %s, the reference misses %s", col.name(), counted(col.c.rows, "row"), percent(before))
	}
	return []Finding{col.finding(kind, severity, now-before, "share of rows", e, text)}
}

func (col *column) unseen(e evidence, _ Policy) []Finding {
	f := col.finding(NewCategory, SeverityWarn, e.size, "share of rows", e, fmt.Sprintf("%s has %s that training never saw in %s of rows: %s", col.f.Name, col.c.newLevels(), percent(e.size), listed(e.levels)))
	if col.c.halved > 0 {
		f.Text += fmt.Sprintf("; named are the most frequent of %d of the levels, drawn evenly", len(col.c.unseen))
	}
	f.Levels = e.levels
	return []Finding{f}
}

func (col *column) vanished(e evidence, _ Policy) []Finding {
	f := col.finding(VanishedCategory, SeverityWarn, e.size, "share of rows", e, fmt.Sprintf("%s lacks %s, which had up to %s of rows", col.f.Name, listed(e.levels), percent(e.size)))
	f.Levels = e.levels
	return []Finding{f}
}

func (col *column) name() string {
	switch col.as {
	case Prediction:
		return "the prediction"
	case Target:
		return "the target"
	case SegmentShare:
		return col.key
	case SegmentDrift:
		return col.where
	}
	return col.f.Name
}

// reason is why the column is or is not drift.
func (col *column) reason(e evidence, pol Policy) string {
	if len(col.findings) > 0 {
		var texts []string
		for _, f := range col.findings {
			texts = append(texts, f.Text)
		}
		return strings.Join(texts, "; ")
	}
	switch {
	case math.IsNaN(e.p):
		return fmt.Sprintf("not tested: %s here and %s in the reference, it takes %d", counted(col.c.present(), "value"), grouped(col.f.Rows-col.f.Missing-col.f.Infinite), pol.MinRows)
	case e.adjusted < pol.Alpha && e.size <= e.threshold:
		return fmt.Sprintf("changed, but too little to matter: distance %s, it takes more than %s (%s)", figure(e.size), figure(e.threshold), pText(e))
	}
	if e.noise > 1 {
		return fmt.Sprintf("no change beyond what stretches of the reference differ by among themselves (%s times the variance of independent rows): distance %s, %s", figure(e.noise), figure(e.size), pText(e))
	}
	return fmt.Sprintf("no change beyond chance: distance %s, %s", figure(e.size), pText(e))
}

// mostFrequent are the ten most frequent texts, ties in ascending order.
func mostFrequent(times map[string]int) []string {
	names := sortedKeys(times)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(times[b], times[a]) })
	names = names[:min(10, len(names))]
	if len(names) == 0 {
		return nil
	}
	return names
}

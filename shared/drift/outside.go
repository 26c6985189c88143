package drift

import (
	"fmt"
	"math"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// outsideValues tests the rows whose number lies where the reference has none: beyond its ends, or between its atoms. A few rows there move
// no distribution far, and yet no training row speaks of them (the ones of a rare flag that come as hundreds). Of independent rows, the h
// outermost of both samples all fall into the window with probability below q^h, q the window's share of the rows, whatever the
// distribution; h rows may lie in g such cells in C(h+g-1, g-1) ways. The size is the share of such rows.
func outsideValues(f *FeatureProfile, c *counts, p Policy) evidence {
	n, m := f.Rows-f.Missing-f.Infinite, c.present()
	if n < p.MinRows || m < p.MinRows {
		return tooFew
	}
	hits, cells := 0, 0
	for i, k := range f.Counts {
		if k == 0 && c.bins[i] > 0 {
			hits, cells = hits+c.bins[i], cells+1
		}
	}
	threshold := max(p.MinNewCategory, float64(cells+1)/float64(n+1))
	if share(hits, m) <= threshold {
		return tooFew // no more than a longer look at the same would show: no test
	}
	own := f.tolerance(n, m)
	h := own.worth(hits)
	log := choose(h+cells-1, cells-1) + float64(h)*math.Log(float64(m)/float64(n+m))
	return evidence{p: min(1, math.Exp(log)), size: share(hits, m), threshold: threshold}
}

// outside says that values lie where the reference has none, unless the change of distribution has said so.
func (col *column) outside(e evidence, pol Policy) []Finding {
	if col.of("distribution").counts(pol) {
		return nil
	}
	if finding, found := col.unit(e, pol); found {
		return []Finding{finding}
	}
	kind := Covariate
	if col.prediction {
		kind = Prediction
	}
	return []Finding{col.finding(kind, SeverityWarn, e.size, "share of rows", e, fmt.Sprintf("%s has values in %s of rows where the reference has none (it goes from %s to %s, the window from %s to %s)",
		col.name(), percent(e.size), figure(float64(col.f.Min)), figure(float64(col.f.Max)), figure(col.c.least), figure(col.c.most)))}
}

// unit is the finding that another unit explains the change, if one does.
func (col *column) unit(e evidence, pol Policy) (finding Finding, found bool) {
	if col.f.Kind != dataset.Numeric || col.prediction {
		return finding, false
	}
	u, found := rescaling(col.f, col.c, pol)
	if !found {
		return finding, false
	}
	times := figure(u.factor) + " times"
	if u.factor < 1 {
		times = "1/" + figure(1/u.factor) + " of"
	}
	finding = col.finding(UnitChange, SeverityAlert, u.factor, "times", e, fmt.Sprintf(
		"%s is %s what it was (median %s against %s), as when %s come instead of %s; with that undone it fits again (distance %s, before %s)",
		col.f.Name, times, figure(col.c.sizes.median()), figure(float64(col.f.Median)), u.to, u.from, figure(u.after), figure(u.before)))
	finding.Factor = number.Float(u.factor)
	return finding, true
}

package drift

import (
	"math"
	"slices"
)

// unit is a factor by which people and programs confuse units: values in To are Factor times those in From.
type unit struct {
	factor   float64
	from, to string
}

// units are tried in this order and in both directions. Sources: BIPM, The International System of Units (2019); NIST SP 811; for the
// laboratory values the molar masses of glucose, cholesterol and creatinine.
var units = []unit{
	{100, "fractions or metres", "percent or centimetres"},
	{1000, "kilograms, kilometres or seconds", "grams, metres or milliseconds"},
	{10, "centimetres", "millimetres"},
	{1e6, "millions", "ones"},
	{1e4, "ten thousands", "ones"},
	{1e5, "hundred thousands", "ones"},
	{1e9, "billions", "ones"},
	{60, "minutes or hours", "seconds or minutes"},
	{3600, "hours", "seconds"},
	{24, "days", "hours"},
	{1440, "days", "minutes"},
	{86400, "days", "seconds"},
	{12, "years or feet", "months or inches"},
	{365.25, "years", "days"},
	{30.4375, "months", "days"},
	{2.54, "inches", "centimetres"},
	{25.4, "inches", "millimetres"},
	{30.48, "feet", "centimetres"},
	{3.280839895, "metres", "feet"},
	{39.37007874, "metres", "inches"},
	{1.609344, "miles", "kilometres"},
	{3.6, "m/s", "km/h"},
	{2.204622622, "kilograms", "pounds"},
	{28.349523125, "ounces", "grams"},
	{453.59237, "pounds", "grams"},
	{16, "pounds", "ounces"},
	{4.184, "kilocalories", "kilojoules"},
	{18.0156, "mmol/L of glucose", "mg/dL"},
	{38.67, "mmol/L of cholesterol", "mg/dL"},
	{88.42, "mg/dL of creatinine", "micromol/L"},
}

// When a change is one of unit: it is large, undoing the factor leaves a small part of it, and a factor a little greater or less leaves
// more. Without the last, values that spread over many magnitudes would seem rescaled by any factor near the true one.
const (
	unitBefore = 0.3  // least distance before, zeros left out
	unitAfter  = 0.05 // greatest distance after; more where chance alone gives more
	unitPart   = 0.25 // greatest part of the distance before that may be left after
	unitOff    = 1.08 // how much greater or less is worse, for factors below ten, of which there are many ..
	unitFarOff = 1.5  // .. and for others, of which the likelier stands first in the list: a later one must fit better by more than chance
)

// rescaled is a factor that explains a change.
type rescaled struct {
	factor        float64 // current = factor x reference
	from, to      string
	before, after float64 // distance as it came, and with the factor undone
}

// rescaling finds the unit whose change explains how the numbers changed, if one does. Zeros have no unit and do not take part.
func rescaling(f *FeatureProfile, c *counts, p Policy) (best rescaled, found bool) {
	n, m := f.Rows-f.Missing-f.Infinite-f.Zeros, c.sizes.nonzero()
	if n < p.MinRows || m < p.MinRows || len(f.Edges) == 0 {
		return rescaled{}, false
	}
	ref := f.nonzero()
	atoms := f.Distinct*10 <= f.Rows-f.Missing-f.Infinite
	distance := func(factor float64) (d, noise float64) {
		below, last := 0.0, math.Inf(-1)
		for i := range ref {
			upTo := float64(m)
			if i < len(f.Edges) {
				last = max(last, f.scaled(i, factor))
				upTo = c.sizes.upTo(last, atoms)
			}
			r, q := float64(ref[i])/float64(n), (upTo-below)/float64(m)
			d += math.Abs(q-r) / 2
			noise += chance((float64(ref[i])+upTo-below)/float64(n+m), float64(n), float64(m)) / 2
			below = upTo
		}
		return d, noise
	}
	before, _ := distance(1)
	if before < unitBefore {
		return rescaled{}, false
	}
	best.after = math.Inf(1)
	for _, u := range units {
		for _, r := range []rescaled{{u.factor, u.from, u.to, before, 0}, {1 / u.factor, u.to, u.from, before, 0}} {
			d, noise := distance(r.factor)
			if r.after = d; d > max(unitAfter, 2*noise) || d > unitPart*before || found && d >= best.after-noise/2 {
				continue
			}
			off := unitOff
			if u.factor >= 10 {
				off = unitFarOff
			}
			more, _ := distance(r.factor * off)
			if less, _ := distance(r.factor / off); d <= more && d <= less {
				best, found = r, true
			}
		}
	}
	return best, found
}

// scaled is edge i times the factor. A product may end a bit beside the value it stands for, so that the edge gives a little; one that only
// sets the value above it apart gives more, for values are told apart by their bucket.
func (f *FeatureProfile) scaled(i int, factor float64) float64 {
	e := float64(f.Edges[i])
	v := e * factor
	if i+1 < len(f.Edges) && math.Nextafter(e, math.Inf(1)) == float64(f.Edges[i+1]) {
		return v - math.Abs(v)/128
	}
	return v + math.Abs(v)*1e-9
}

// nonzero are the counts without the zeros.
func (f *FeatureProfile) nonzero() []int {
	ref := slices.Clone(f.Counts)
	zero := 0
	for zero < len(f.Edges) && f.Edges[zero] < 0 {
		zero++
	}
	ref[zero] -= f.Zeros
	return ref
}

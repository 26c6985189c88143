package drift

import (
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Profile is the window as a reference for later ones: its counts, on the bins of the profile it was tallied against, without rows and
// without performance. It is what a store keeps of a window, so that the window's season can be found next year.
func (t *Tally) Profile() *Profile {
	p := *t.profile
	p.Rows, p.Performance, p.Segments, p.Joint, p.Features = t.rows, nil, nil, nil, make([]FeatureProfile, len(t.features))
	for i, c := range t.features {
		p.Features[i] = c.profile(&t.profile.Features[i])
	}
	p.Prediction, p.Target, p.Repeated = nil, nil, nil
	if t.prediction != nil {
		f := t.prediction.profile(t.profile.Prediction)
		p.Prediction = &f
	}
	return &p
}

// profile is a window's column on its reference's bins. Levels that the reference lacks are levels here, as many as a profile holds.
func (c *counts) profile(ref *FeatureProfile) FeatureProfile {
	f := *ref
	f.Rows, f.Missing, f.Infinite, f.Counts = c.rows, c.missing+c.unreadable, c.infinite, slices.Clone(c.bins)
	f.Distinct = 0
	if f.Kind == dataset.Categorical {
		f.Other = 0
		f.addLevels(c.unseen)
		f.Other += c.unnamed()
	}
	for _, n := range f.Counts {
		f.Distinct += min(n, 1)
	}
	if f.Kind == dataset.Numeric {
		f.Mean, f.SD, f.Min, f.Max, f.Q1, f.Median, f.Q3, f.Zeros = nan, nan, nan, nan, nan, nan, nan, c.sizes.zeros
		if c.present() > 0 {
			f.Mean, f.SD, f.Min, f.Max = number.Float(c.mean()), number.Float(c.sd()), number.Float(c.least), number.Float(c.most)
			f.setQuartiles()
		} else {
			f.Edges, f.Counts, f.Mean = nil, []int{0}, nan
		}
	}
	return f
}

// addLevels adds rows by level; those that find no place are counted together.
func (f *FeatureProfile) addLevels(rows map[string]int) {
	times := make(map[string]int, len(f.Levels)+len(rows))
	for i, l := range f.Levels {
		times[l] = f.Counts[i]
	}
	for _, l := range sortedKeys(rows) {
		if _, known := times[l]; known || len(times) < maxLevels {
			times[l] += rows[l]
		} else {
			f.Other += rows[l]
		}
	}
	f.Levels, f.Counts = sortedKeys(times), nil
	for _, l := range f.Levels {
		f.Counts = append(f.Counts, times[l])
	}
}

// MergeProfiles is the profile of several windows together, whose parts are profiles of windows tallied against one profile (Tally.Profile). In
// any order they make what Tally.Profile makes of all rows: counts (rows, missing, infinite, zeros, by bin, and by level up to 1,000 levels), extremes and quartiles exactly,
// means and standard deviations but for rounding. Of more levels each part decides for itself which have a place, and the others are counted together.
// A quartile of either is an estimate: its rank is off by no more than its bin's share of the rows, of which there are 20 of about the same in the reference.
// The error, Invalid, names the first column whose bins differ.
func MergeProfiles(parts ...*Profile) (*Profile, error) {
	if len(parts) == 0 {
		return nil, fault.Invalidf("merge no profiles")
	}
	whole := *parts[0]
	whole.Performance, whole.Segments, whole.Target, whole.Repeated, whole.Joint = nil, nil, nil, nil, nil
	whole.Features = slices.Clone(whole.Features)
	if whole.Prediction != nil {
		f := *whole.Prediction
		whole.Prediction = &f
	}
	for _, o := range parts[1:] {
		if len(o.Features) != len(whole.Features) || o.Task != whole.Task {
			return nil, fault.Invalidf("merge profiles of %q v%d and %q v%d: their columns differ", whole.Model, whole.Version, o.Model, o.Version)
		}
		whole.Rows += o.Rows
		for i := range o.Features {
			if err := whole.Features[i].merge(&o.Features[i]); err != nil {
				return nil, err
			}
		}
		if whole.Prediction == nil || o.Prediction == nil {
			whole.Prediction = nil
		} else if err := whole.Prediction.merge(o.Prediction); err != nil {
			return nil, err
		}
	}
	return &whole, whole.Validate()
}

func (f *FeatureProfile) merge(o *FeatureProfile) error {
	n, m := float64(f.Rows-f.Missing-f.Infinite), float64(o.Rows-o.Missing-o.Infinite)
	if f.Name != o.Name || f.Kind != o.Kind || f.Kind == dataset.Numeric && n > 0 && m > 0 && !slices.Equal(f.Edges, o.Edges) {
		return fault.Invalidf("merge two profiles of %q: their bins differ, they were tallied against different profiles", f.Name)
	}
	f.Rows, f.Missing, f.Infinite = f.Rows+o.Rows, f.Missing+o.Missing, f.Infinite+o.Infinite
	if f.Kind == dataset.Categorical {
		rows := map[string]int{}
		for i, l := range o.Levels {
			rows[l] = o.Counts[i]
		}
		f.Other += o.Other
		f.addLevels(rows)
		f.Distinct = 0
		for _, n := range f.Counts {
			f.Distinct += min(n, 1)
		}
		return nil
	}
	switch {
	case m == 0:
		return nil
	case n == 0:
		f.Edges, f.Counts = o.Edges, slices.Clone(o.Counts)
		f.Mean, f.SD, f.Min, f.Q1, f.Median, f.Q3, f.Max, f.Zeros, f.Distinct = o.Mean, o.SD, o.Min, o.Q1, o.Median, o.Q3, o.Max, o.Zeros, o.Distinct
		return nil
	}
	f.Counts = slices.Clone(f.Counts)
	f.Distinct = 0
	for i := range f.Counts {
		f.Counts[i] += o.Counts[i]
		f.Distinct += min(f.Counts[i], 1)
	}
	f.Zeros += o.Zeros
	f.SD = number.Float(pooledSD(n, float64(f.Mean), float64(f.SD), m, float64(o.Mean), float64(o.SD)))
	f.Mean = number.Float((float64(f.Mean)*n + float64(o.Mean)*m) / (n + m))
	f.Min, f.Max = min(f.Min, o.Min), max(f.Max, o.Max)
	f.setQuartiles()
	return nil
}

// setQuartiles estimates the quartiles by the counts in bins: linear between the ends of the bin that holds the value of that rank. So the rank
// of an estimate is off by no more than that bin's share of the rows.
func (f *FeatureProfile) setQuartiles() {
	n := 0
	for _, k := range f.Counts {
		n += k
	}
	at := func(q float64) number.Float {
		rank, before, i := q*float64(n-1), 0, 0
		for ; float64(before+f.Counts[i]) <= math.Floor(rank); i++ {
			before += f.Counts[i]
		}
		low, high := f.Min, f.Max
		if i > 0 {
			low = max(low, number.Float(math.Nextafter(float64(f.Edges[i-1]), math.Inf(1)))) // the edge itself is of the bin before
		}
		if i < len(f.Edges) {
			high = min(high, f.Edges[i])
		}
		part := min(1, (rank-float64(before)+0.5)/float64(f.Counts[i]))
		v := number.Float(float64(float64(low)*(1-part)) + float64(float64(high)*part))
		return min(max(v, low), high) // whatever rounding makes of it
	}
	f.Q1, f.Median, f.Q3 = at(0.25), at(0.5), at(0.75)
}

// pooledSD is the standard deviation of the union of two samples (Chan, Golub & LeVeque 1983); one value alone has none.
func pooledSD(n, meanN, sdN, m, meanM, sdM float64) float64 {
	var squares float64
	if n > 1 {
		squares += float64((n - 1) * sdN * sdN)
	}
	if m > 1 {
		squares += float64((m - 1) * sdM * sdM)
	}
	d := meanN - meanM
	return math.Sqrt((squares + float64(d*d*n*m/(n+m))) / (n + m - 1))
}

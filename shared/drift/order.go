package drift

import (
	"math"

	"mlops/shared/dataset"
)

// When rows were sorted.
const (
	sortedLevels  = maxBins // values that come in as many runs, if no more than these, are groups that somebody sorted by
	counterWander = 0.15    // of its range: how far a value that counts rows (a time, a number) may stray from a straight line
)

// order says whether the rows may have come in the order of time. They have not where somebody sorted them: where a column of at most
// twenty values (or the label) has each in one run, or a number ascends or descends, and not evenly as a time or a counter does. The
// column is named: stretches of such rows differ as no window will.
func (r *Reference) order() (sortedBy string) {
	for i := range r.Frame.Columns {
		c := &r.Frame.Columns[i]
		if c.Kind == dataset.Categorical {
			if inRuns(c.Code) {
				return c.Name
			}
		} else if inRuns(c.Float) || ordered(c.Float) {
			return c.Name
		}
	}
	if inRuns(r.Labels.Y) {
		return r.Labels.Name
	}
	return ""
}

// inRuns reports whether each of two to twenty values comes in one run, two of them in a twentieth of the rows or more.
func inRuns[T int32 | float64](v []T) bool {
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
	up, down, runs := true, true, 1
	for i := 1; i < len(v); i++ {
		if v[i] != v[i-1] {
			runs++
		}
		up, down = up && v[i] >= v[i-1], down && v[i] <= v[i-1]
		if !up && !down {
			return false
		}
	}
	if runs <= sortedLevels { // inRuns has judged these; a switch that was thrown once is no order
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

package joint

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Column is how the values of one column become numbers of mean 0 and standard deviation 1 in the reference.
type Column struct {
	Name      string         `json:"name"`
	Kind      dataset.Kind   `json:"kind"`
	Low       number.Float   `json:"low,omitempty"`  // numbers: what lies below counts as Low
	High      number.Float   `json:"high,omitempty"` // numbers: what lies above counts as High
	Levels    []string       `json:"levels,omitempty"`
	Frequency []number.Float `json:"frequency,omitempty"` // of each level, the number that stands for it; any other level counts as the rarest of them
	Fill      number.Float   `json:"fill"`                // what a missing value counts as
	Mean      number.Float   `json:"mean"`
	SD        number.Float   `json:"sd"`
}

// Fences: a number counts as at most the greater of the 99.5 % point and Q3 + 5 IQR, and likewise below; a normal never comes that far.
const (
	tail  = 0.005
	reach = 5
)

// newColumn learns from a column of the reference. It varies unless all its values are one, missing ones counting as what fills them.
func newColumn(c *dataset.Column) (column Column, varies bool) {
	column = Column{Name: c.Name, Kind: c.Kind, SD: 1}
	if c.Kind == dataset.Numeric {
		varies = column.fence(c.Float)
	} else {
		varies = column.count(c)
	}
	if !varies {
		return column, false
	}
	values := make([]float64, c.Len())
	encode([]func(int) float64{column.reader(c)}, 0, len(values), values) // not standardised yet: mean 0, deviation 1
	mean, sd := moments(values)
	if column.Mean, column.SD = number.Float(mean), number.Float(sd); !(sd > 0) || math.IsInf(sd, 0) {
		return column, false
	}
	return column, true
}

// fence finds where values are cut off, and the mean of what is then there.
func (c *Column) fence(values []float64) (varies bool) {
	sorted := make([]float64, 0, len(values))
	for _, x := range values {
		if math.Abs(x) <= greatest {
			sorted = append(sorted, x)
		}
	}
	if len(sorted) == 0 {
		return false
	}
	slices.Sort(sorted)
	at := func(q float64) float64 { return sorted[int(math.Round(q*float64(len(sorted)-1)))] }
	iqr := at(0.75) - at(0.25)
	low := min(at(tail), at(0.25)-reach*iqr)
	high := max(at(1-tail), at(0.75)+reach*iqr)
	c.Low, c.High = number.Float(low), number.Float(high)
	var sum float64
	for _, x := range sorted {
		sum += min(max(x, low), high)
	}
	c.Fill = number.Float(min(max(sum/float64(len(sorted)), low), high))
	return high > low
}

// greatest is the magnitude beyond which a value of the reference is left out: squares of smaller ones are finite.
const greatest = 1e150

// count learns the frequencies of the levels among the present values; the most frequent level fills.
func (c *Column) count(column *dataset.Column) (varies bool) {
	times, present := make([]int, len(column.Levels)), 0
	for _, k := range column.Code {
		if k >= 0 {
			times[k]++
			present++
		}
	}
	var kept []int
	for k, n := range times {
		if n > 0 {
			kept = append(kept, k)
		}
	}
	if len(kept) == 0 {
		return false
	}
	slices.SortStableFunc(kept, func(a, b int) int { return cmp.Compare(times[b], times[a]) })
	c.Fill = number.Float(float64(times[kept[0]]) / float64(present))
	kept = kept[:min(len(kept), maxLevels)]
	slices.Sort(kept)
	for _, k := range kept {
		c.Levels, c.Frequency = append(c.Levels, column.Levels[k]), append(c.Frequency, number.Float(float64(times[k])/float64(present)))
	}
	return slices.Min(c.Frequency) < slices.Max(c.Frequency) // levels of one frequency are one number
}

func moments(values []float64) (mean, sd float64) {
	n := float64(len(values))
	for _, x := range values {
		mean += x / n
	}
	var square float64
	for _, x := range values {
		square += float64((x - mean) * (x - mean) / n)
	}
	return mean, math.Sqrt(square)
}

// reader gives a column's values as standardised numbers, by row. Texts where numbers belong are read as numbers, or are missing; numbers
// where levels belong are read as texts.
func (c *Column) reader(column *dataset.Column) func(row int) float64 {
	low, high, mean, sd := float64(c.Low), float64(c.High), float64(c.Mean), float64(c.SD)
	fill := (float64(c.Fill) - mean) / sd
	number := func(x float64) float64 {
		if math.IsNaN(x) {
			return fill
		}
		return (min(max(x, low), high) - mean) / sd
	}
	rarest := 0.0
	if c.Kind == dataset.Categorical {
		rarest = float64(slices.Min(c.Frequency))
	}
	level := func(text string) float64 {
		frequency := rarest
		if i, known := slices.BinarySearch(c.Levels, text); known {
			frequency = float64(c.Frequency[i])
		}
		return (frequency - mean) / sd
	}
	switch {
	case c.Kind == dataset.Numeric && column.Kind == dataset.Numeric:
		return func(row int) float64 { return number(column.Float[row]) }
	case column.Kind == dataset.Numeric:
		return func(row int) float64 {
			if column.Missing(row) {
				return fill
			}
			return level(column.Text(row))
		}
	}
	at := make([]float64, len(column.Levels))
	for k, text := range column.Levels {
		if c.Kind == dataset.Categorical {
			at[k] = level(text)
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			x = math.NaN()
		}
		at[k] = number(x)
	}
	return func(row int) float64 {
		if k := column.Code[row]; k >= 0 {
			return at[k]
		}
		return fill
	}
}

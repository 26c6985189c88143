package evidently

import (
	"fmt"
	"slices"

	"mlops/shared/drift/stattest"
)

// sample is one side of a column, cleaned.
type sample struct {
	numbers bool
	truths  bool      // True and False
	values  []float64 // numbers: ascending
	levels  []string  // others: ascending
	counts  []int     // by level
	n       int       // rows
}

// pair is a column of both sides, as a test sees it.
type pair struct {
	kind     Type
	ref, cur sample
	levels   int // distinct values of both, once counted; 0 = not yet
}

// newSample takes a column whose values are sorted. Infinities are dropped where clean says so, as missing values always are.
func newSample(c *Column, clean bool) sample {
	if !c.numbers() {
		return sample{truths: c.DType != Text, levels: c.Levels, counts: c.Counts, n: c.present()}
	}
	values := c.sorted
	if clean {
		values = finite(values)
	}
	return sample{numbers: true, values: values, n: len(values)}
}

// finite is the part of ascending values that is neither infinity.
func finite(sorted []float64) []float64 {
	low, high := 0, len(sorted)
	for low < high && isInf(sorted[low]) {
		low++
	}
	for high > low && isInf(sorted[high-1]) {
		high--
	}
	return sorted[low:high]
}

// distinct is the number of distinct values of both samples: pandas' nunique of both joined.
func (p *pair) distinct() int {
	if p.levels == 0 {
		if p.ref.numbers && p.cur.numbers {
			p.levels = stattest.Distinct(p.ref.values, p.cur.values)
		} else {
			ref, _ := p.counts()
			p.levels = len(ref)
		}
	}
	return p.levels
}

// counts are the rows of each distinct value of both samples, in ascending order of the value. A number never equals a text, not even the text
// that spells it: where one side holds numbers and the other texts, no value is common, and the reference's come first.
func (p *pair) counts() (ref, cur []int) {
	switch {
	case p.ref.numbers && p.cur.numbers:
		_, ref, cur = stattest.Levels(p.ref.values, p.cur.values)
		return ref, cur
	case !p.ref.numbers && !p.cur.numbers:
		_, ref, cur = p.texts()
		return ref, cur
	}
	own, other := p.ref.own(), p.cur.own()
	return slices.Concat(own, make([]int, len(other))), slices.Concat(make([]int, len(own)), other)
}

// own are the rows of each of the sample's own values.
func (s *sample) own() (counts []int) {
	if s.numbers {
		_, counts, _ = stattest.Levels(s.values, nil)
		return counts
	}
	return slices.DeleteFunc(slices.Clone(s.counts), func(n int) bool { return n == 0 })
}

// texts are the levels that either side has rows of, and those rows.
func (p *pair) texts() (levels []string, ref, cur []int) {
	for i, j := 0, 0; i < len(p.ref.levels) || j < len(p.cur.levels); {
		var level string
		var a, b int
		left := j == len(p.cur.levels) || i < len(p.ref.levels) && p.ref.levels[i] <= p.cur.levels[j]
		right := i == len(p.ref.levels) || j < len(p.cur.levels) && p.cur.levels[j] <= p.ref.levels[i]
		if left {
			level, a, i = p.ref.levels[i], p.ref.counts[i], i+1
		}
		if right {
			level, b, j = p.cur.levels[j], p.cur.counts[j], j+1
		}
		if a+b > 0 {
			levels, ref, cur = append(levels, level), append(ref, a), append(cur, b)
		}
	}
	return levels, ref, cur
}

// mixed reports whether one side holds numbers and the other does not.
func (p *pair) mixed() bool { return p.ref.numbers != p.cur.numbers }

// infinite reports whether a sample holds an infinity.
func (p *pair) infinite() bool { return p.ref.infinite() || p.cur.infinite() }

func (s *sample) infinite() bool {
	return s.numbers && s.n > 0 && (isInf(s.values[0]) || isInf(s.values[s.n-1]))
}

// wantNumbers is the error of a numerical column that holds something else, in Evidently's words.
func (p *pair) wantNumbers(name string) error {
	for _, side := range []struct {
		s    *sample
		name string
	}{{&p.ref, "reference"}, {&p.cur, "current"}} {
		if p.kind == Numerical && !side.s.numbers {
			return fmt.Errorf("column '%s' in %s dataset should contain numerical values only", name, side.name)
		}
	}
	return nil
}

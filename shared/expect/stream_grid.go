package expect

import (
	"math"
	"strconv"
	"strings"
)

// grid gives the numbers of a column that have few decimals and a narrow span a place of their own each, so that one reading tells exactly which
// come once. No two have the same: a value is on the grid when it is the float64 next to place / 10^decimals, and a quotient has one such.
type grid struct {
	low   float64 // the least value's whole number of steps
	scale float64 // steps a unit, 10^decimals, which float64 holds exactly
	slots int
}

// mostDecimals are those of a grid; 10^22 is the greatest power of ten that a float64 holds.
const mostDecimals = 12

// newGrid is one for values between low and high, which are taken to have as many decimals as these; nil = it had more than most places.
func newGrid(low, high float64, most int) *grid {
	if !(low <= high) || math.IsInf(high-low, 0) {
		return nil
	}
	decimals := max(decimalsOf(low), decimalsOf(high))
	if decimals > mostDecimals {
		return nil
	}
	scale := math.Pow10(decimals)
	first, last := math.Round(low*scale), math.Round(high*scale)
	if math.Abs(first) >= 1<<53 || math.Abs(last) >= 1<<53 || last-first >= float64(most) {
		return nil
	}
	return &grid{low: first, scale: scale, slots: int(last-first) + 1}
}

// decimalsOf is how many decimals the shortest text has that is v.
func decimalsOf(v float64) int {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if at := strings.IndexByte(text, '.'); at >= 0 {
		return len(text) - at - 1
	}
	return 0
}

// place is where v lies; ok is false for one beside the grid.
func (g *grid) place(v float64) (at uint64, ok bool) {
	step := math.Round(v * g.scale)
	if step/g.scale != v || step < g.low || step-g.low >= float64(g.slots) {
		return 0, false
	}
	return uint64(step - g.low), true
}

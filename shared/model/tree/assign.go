package tree

import "math"

// assign writes the bin of every value.
func (b *binning) assign(v []float64, bins []uint8) {
	if b.categorical {
		b.assignLevels(v, bins)
		return
	}
	g := newGuide(b.cuts)
	for i, x := range v {
		if x != x {
			bins[i] = uint8(b.bins)
			b.missing = true
			continue
		}
		bins[i] = g.bin(x)
	}
}

func (b *binning) assignLevels(v []float64, bins []uint8) {
	of := make([]uint8, b.levels)
	for k := range of {
		of[k] = uint8(b.bins)
	}
	for i, k := range b.level {
		of[k] = b.place[i]
	}
	for i, x := range v {
		to := uint8(b.bins)
		if x >= 0 {
			to = of[int(x)]
		}
		bins[i] = to
		b.missing = b.missing || int(to) == b.bins
	}
}

// guideCells is how many equal parts the range of the cuts is divided into: several times as many as there are cuts.
const guideCells = 1 << 10

// guide finds the number of cuts below a value: the part of their range that it lies in leaves few of them to be compared with.
type guide struct {
	cuts       []float64
	low, scale float64
	before     [guideCells + 1]uint8 // cuts in the parts before each
}

func newGuide(cuts []float64) *guide {
	g := &guide{cuts: cuts}
	if n := len(cuts); n > 1 {
		if scale := guideCells / (cuts[n-1] - cuts[0]); !math.IsInf(scale, 0) {
			g.low, g.scale = cuts[0], scale
		}
	}
	var in [guideCells]uint8
	for _, c := range cuts {
		in[g.cell(c)]++
	}
	for k, n := range in {
		g.before[k+1] = g.before[k] + n
	}
	return g
}

// cell is the part that x lies in; it never falls when x rises.
func (g *guide) cell(x float64) int {
	at := (x - g.low) * g.scale
	if !(at > 0) {
		return 0
	}
	return int(min(at, guideCells-1))
}

// bin is the number of cuts below x.
func (g *guide) bin(x float64) uint8 {
	k := g.cell(x)
	low, past := g.before[k], g.before[k+1]
	for past-low > 4 {
		if half := low + (past-low)/2; g.cuts[half] < x {
			low = half + 1
		} else {
			past = half
		}
	}
	for low < past && g.cuts[low] < x {
		low++
	}
	return low
}

package tree

// cell sums the gradients and second derivatives of the rows in one bin.
type cell struct{ g, h float64 }

// histogram holds the cells of every feature, and room for a whole byte's worth after them, so that the kernel may take any feature's
// cells as an array of 256 and index it by a byte without a check.
type histogram []cell

// Sums is the pair of gradient and second derivative of every row, side by side. Single precision halves the memory that the kernel
// waits for; cells are double.
type Sums [][2]float32

// build sums the rows into h, column group by column group, each by one thread and in the order of rows: the result does not depend on
// the number of threads. gathered holds the Sums of rows in their order; all says that rows are 0, 1, 2, ..
func (t *Table) build(h histogram, rows []int32, gathered Sums, all bool, threads int) {
	Parallel(len(t.packed), threads, len(rows)*len(t.features), func(from, to int) {
		for g := from; g < to; g++ {
			first, past := t.features[4*g].at, t.cells
			if 4*g+4 < len(t.features) {
				past = t.features[4*g+4].at
			}
			clear(h[first:past])
			var quad [4]*[256]cell
			for j := range quad {
				at := t.cells // a place among four that has no feature sums into the spare room
				if 4*g+j < len(t.features) {
					at = t.features[4*g+j].at
				}
				quad[j] = (*[256]cell)(h[at:])
			}
			if all {
				sumAll(t.packed[g], gathered, quad)
			} else {
				sumRows(t.packed[g], rows, gathered, quad)
			}
		}
	})
}

// sumAll is the kernel for the root of a tree.
func sumAll(bins [][4]uint8, s Sums, quad [4]*[256]cell) {
	h0, h1, h2, h3 := quad[0], quad[1], quad[2], quad[3]
	s = s[:len(bins)]
	for i := range bins {
		p := &bins[i]
		g, h := float64(s[i][0]), float64(s[i][1])
		c0 := &h0[p[0]]
		c0.g += g
		c0.h += h
		c1 := &h1[p[1]]
		c1.g += g
		c1.h += h
		c2 := &h2[p[2]]
		c2.g += g
		c2.h += h
		c3 := &h3[p[3]]
		c3.g += g
		c3.h += h
	}
}

// sumRows is the kernel for some of the rows. The four updates are written out: they are where training spends its time.
func sumRows(bins [][4]uint8, rows []int32, s Sums, quad [4]*[256]cell) {
	h0, h1, h2, h3 := quad[0], quad[1], quad[2], quad[3]
	s = s[:len(rows)]
	for i, r := range rows {
		p := bins[r]
		g, h := float64(s[i][0]), float64(s[i][1])
		c0 := &h0[p[0]]
		c0.g += g
		c0.h += h
		c1 := &h1[p[1]]
		c1.g += g
		c1.h += h
		c2 := &h2[p[2]]
		c2.g += g
		c2.h += h
		c3 := &h3[p[3]]
		c3.g += g
		c3.h += h
	}
}

// subtract takes o's cells from h's, which leaves the other child's: half of all histograms cost no pass over rows.
func (h histogram) subtract(o histogram, cells, threads int) {
	Parallel(cells, threads, cells, func(from, to int) {
		a, b := h[from:to], o[from:to]
		for i := range a {
			a[i].g -= b[i].g
			a[i].h -= b[i].h
		}
	})
}
